using System.CommandLine;
using System.Text.Json;
using Pilothouse.Protocols.ProjectFiles;
using Pilothouse.Protocols.V1;

namespace Pilothouse.Commands;

/// <summary><c>pilothouse prompt register | list | alias</c>.</summary>
internal static class PromptCommand
{
    /// <summary>Not for HTML: letters stay letters.</summary>
    private static readonly JsonSerializerOptions Readable = new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static Command Create() => new("prompt", "Registered prompts: numbered versions that never change.") { Register(), List(), Alias() };

    private static Command Register()
    {
        var server = Cli.ServerOption();
        var name = new Argument<string>("name") { Description = "Name of the prompt." };
        var file = new Argument<FileInfo>("file") { Description = "A prompt file (.yaml), or any text with {variables}." };
        var description = new Option<string>("--description") { Description = "What is new in this version." };
        var project = new Option<string>("--project") { Description = "Project it belongs to." };
        var commit = new Option<string>("--commit") { Description = "Commit it was taken from." };
        var json = Output.JsonOption();
        var command = new Command("register", "Register a prompt as a version.") { name, file, description, project, commit, json, server };
        command.SetAction(async (result, ct) =>
        {
            using var client = Cli.Connect(result, server);
            var (template, about) = await ReadAsync(result.GetValue(file)!.FullName, ct);
            var version = await client.RegisterPromptAsync(result.GetValue(name)!, new NewPromptVersion(template, result.GetValue(description) ?? about, result.GetValue(project), result.GetValue(commit)), ct);
            Console.WriteLine(result.GetValue(json) ? Output.ToJson(version) : $"{version.Reference} {version.Digest} (variables: {string.Join(", ", version.Variables)})");
            return ExitCode.Ok;
        }, guarded: true);
        return command;
    }

    private static Command List()
    {
        var server = Cli.ServerOption();
        var json = Output.JsonOption();
        var command = new Command("list", "All prompts and their versions.") { json, server };
        command.SetAction(async (result, ct) =>
        {
            using var client = Cli.Connect(result, server);
            var prompts = await client.ListPromptsAsync(ct);
            if (result.GetValue(json)) Console.WriteLine(Output.ToJson(prompts));
            else Output.Table(["REFERENCE", "ALIASES", "VARIABLES", "CREATED", "BY", "DIGEST"], prompts.Select(p => new[] { p.Reference, string.Join(", ", (p.Aliases ?? []).Select(a => "@" + a)), string.Join(", ", p.Variables), Output.Time(p.CreatedMs), p.CreatedBy, p.Digest }));
            return ExitCode.Ok;
        }, guarded: true);
        return command;
    }

    private static Command Alias()
    {
        var server = Cli.ServerOption();
        var name = new Argument<string>("name") { Description = "Name of the prompt." };
        var alias = new Argument<string>("alias") { Description = "Name of the pointer, such as production." };
        var version = new Argument<int>("version") { Description = "Version it shall point to; 0 removes the alias." };
        var command = new Command("alias", "Point an alias to a version. The move stands in the audit log.") { name, alias, version, server };
        command.SetAction(async (result, ct) =>
        {
            using var client = Cli.Connect(result, server);
            var (prompt, pointer, target) = (result.GetValue(name)!, result.GetValue(alias)!, result.GetValue(version));
            if (target == 0) await client.DeletePromptAliasAsync(prompt, pointer, ct);
            else await client.SetPromptAliasAsync(prompt, pointer, target, ct);
            Console.WriteLine(target == 0 ? $"prompts:/{prompt}@{pointer} removed" : $"prompts:/{prompt}@{pointer} -> {target}");
            return ExitCode.Ok;
        }, guarded: true);
        return command;
    }

    /// <summary>Chat messages are kept as MLflow keeps them: the JSON array <c>[{"role":"system","content":"..."}]</c>.</summary>
    private static async Task<(string Template, string? Description)> ReadAsync(string path, CancellationToken ct)
    {
        var text = await File.ReadAllTextAsync(path, ct);
        if (Path.GetExtension(path).ToLowerInvariant() is not (".yaml" or ".yml")) return (text, null);
        var (prompt, faults) = PromptFileReader.Parse(text);
        if (prompt is null) throw new UsageException($"{path} is not a prompt file:{Environment.NewLine}{string.Join(Environment.NewLine, faults)}");
        return (prompt.Template?.Text ?? JsonSerializer.Serialize(prompt.Messages.Select(m => new { role = m.Role, content = m.Content.Text }), Readable), prompt.Description);
    }
}
