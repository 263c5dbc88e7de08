using System.CommandLine;
using System.Text.Json;
using Pilothouse.Protocols.Artifacts;
using Pilothouse.Protocols.ProjectFiles;
using Pilothouse.Protocols.V1;

namespace Pilothouse.Commands;

/// <summary><c>pilothouse prompt register | list | show | render | alias | delete</c>.</summary>
internal static class PromptCommand
{
    /// <summary>Not for HTML: letters stay letters.</summary>
    private static readonly JsonSerializerOptions Readable = new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static Command Create() => new("prompt", "Registered prompts: numbered versions that never change.") { Register(), List(), Show(), Render(), Alias(), RegistryVerbs.Delete(RegistryReference.Prompts) };

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
            var prompt = await ReadAsync(result.GetValue(file)!.FullName, ct);
            var version = await client.RegisterPromptAsync(result.GetValue(name)!, prompt with { Description = result.GetValue(description) ?? prompt.Description, Project = result.GetValue(project), Commit = result.GetValue(commit) }, ct);
            Console.WriteLine(result.GetValue(json) ? Output.ToJson(version) : $"{version.Reference} {version.Digest} (variables: {string.Join(", ", version.Variables)})");
            return ExitCode.Ok;
        }, guarded: true);
        return command;
    }

    private static Command List() => RegistryVerbs.List("All prompts and their versions.", (client, ct) => client.ListPromptsAsync(ct), ["REFERENCE", "ALIASES", "VARIABLES", "CREATED", "BY", "DIGEST"],
        p => [p.Reference, string.Join(", ", (p.Aliases ?? []).Select(a => "@" + a)), string.Join(", ", p.Variables), Output.Time(p.CreatedMs), p.CreatedBy, p.Digest]);

    private static Command Alias() => RegistryVerbs.Alias(RegistryReference.Prompts, "production", (client, name, alias, version, reason, ct) => client.SetPromptAliasAsync(name, alias, version, reason, ct), (client, name, alias, ct) => client.DeletePromptAliasAsync(name, alias, ct));

    private static Command Show()
    {
        var server = Cli.ServerOption();
        var reference = new Argument<string>("reference") { Description = "prompts:/NAME/VERSION, prompts:/NAME@ALIAS, or NAME for the newest." };
        var json = Output.JsonOption();
        var command = new Command("show", "One version: its text or messages, the types of its variables, its model parameters.") { reference, json, server };
        command.SetAction(async (result, ct) =>
        {
            using var client = Cli.Connect(result, server);
            var v = await client.GetPromptAsync(Reference(result.GetValue(reference)!), ct);
            if (result.GetValue(json))
            {
                Console.WriteLine(Output.ToJson(v));
                return ExitCode.Ok;
            }
            Output.Fields(("Reference", v.Reference), ("Digest", v.Digest), ("Aliases", string.Join(", ", (v.Aliases ?? []).Select(a => "@" + a))), ("Created", $"{Output.Time(v.CreatedMs)} by {v.CreatedBy}"), ("Description", v.Description), ("Project", v.Project),
                ("Commit", v.Commit), ("Parameters", v.Parameters is { } parameters ? JsonSerializer.Serialize(parameters, Readable) : null));
            if (v.Variables.Count > 0)
                Output.Table(["VARIABLE", "TYPE", "REQUIRED", "DEFAULT", "DESCRIPTION"], v.Variables.Select(n => v.TypedVariables?.FirstOrDefault(t => t.Name == n) ?? new PromptVariable(n))
                    .Select(t => new[] { t.Name, t.Values is { } values ? $"{t.Type} ({string.Join(", ", values)})" : t.Type, t.Required && t.Default is null ? "yes" : "no", t.Default?.GetRawText() ?? "", t.Description ?? "" }));
            Console.WriteLine();
            foreach (var message in v.Messages ?? [new Pilothouse.Protocols.V1.PromptMessage("", v.Template)]) Console.WriteLine(message.Role.Length == 0 ? message.Content : $"[{message.Role}]{Environment.NewLine}{message.Content}");
            return ExitCode.Ok;
        }, guarded: true);
        return command;
    }

    private static Command Render()
    {
        var server = Cli.ServerOption();
        var reference = new Argument<string>("reference") { Description = "prompts:/NAME/VERSION, prompts:/NAME@ALIAS, or NAME for the newest." };
        var set = new Option<string[]>("--var") { Description = "A value, NAME=TEXT; may be repeated. TEXT that is JSON (3, true, [\"a\", \"b\"]) is taken as such for numbers, booleans and lists." };
        var file = new Option<FileInfo>("--vars") { Description = "A JSON file with values by name." };
        var json = Output.JsonOption();
        var command = new Command("render", "The prompt with values filled in, as a model would get it. Every value that is missing, unknown or of another type is named.") { reference, set, file, json, server };
        command.SetAction(async (result, ct) =>
        {
            using var client = Cli.Connect(result, server);
            var rendered = await client.RenderPromptAsync(Reference(result.GetValue(reference)!), await ValuesAsync(result.GetValue(set) ?? [], result.GetValue(file), ct), ct);
            if (result.GetValue(json)) Console.WriteLine(Output.ToJson(rendered));
            else
                foreach (var message in rendered.Messages) Console.WriteLine(rendered.Messages.Count == 1 ? message.Content : $"[{message.Role}]{Environment.NewLine}{message.Content}");
            return ExitCode.Ok;
        }, guarded: true);
        return command;
    }

    private static async Task<IReadOnlyDictionary<string, JsonElement>> ValuesAsync(string[] given, FileInfo? file, CancellationToken ct)
    {
        var values = new Dictionary<string, JsonElement>(StringComparer.Ordinal);
        try
        {
            if (file is not null) values = JsonSerializer.Deserialize<Dictionary<string, JsonElement>>(await File.ReadAllTextAsync(file.FullName, ct)) ?? [];
        }
        catch (JsonException e)
        {
            throw new UsageException($"{file!.FullName} is not a JSON object of values: {e.Message}");
        }
        foreach (var pair in given)
        {
            var cut = pair.IndexOf('=', StringComparison.Ordinal);
            if (cut < 1) throw new UsageException($"'{pair}' is not a value. Write --var NAME=TEXT.");
            values[pair[..cut]] = List(pair[(cut + 1)..]) ?? JsonSerializer.SerializeToElement(pair[(cut + 1)..]);
        }
        return values;
    }

    /// <summary>A list cannot be written as text; numbers and booleans can, and the server reads them by the variable's type.</summary>
    private static JsonElement? List(string text)
    {
        if (!text.StartsWith('[')) return null;
        try
        {
            return JsonSerializer.Deserialize<JsonElement>(text);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static string Reference(string text) => RegistryReference.TryParse(text, RegistryReference.Prompts, out _) ? text
        : RegistryReference.IsReadableName(text) ? $"prompts:/{text}/latest" : throw new UsageException($"'{text}' is not a prompt reference. Write prompts:/NAME/VERSION, prompts:/NAME@ALIAS, or NAME.");

    /// <summary>Chat messages are kept as MLflow keeps them: the JSON array <c>[{"role":"system","content":"..."}]</c>.</summary>
    private static async Task<NewPromptVersion> ReadAsync(string path, CancellationToken ct)
    {
        var text = await File.ReadAllTextAsync(path, ct);
        if (Path.GetExtension(path).ToLowerInvariant() is not (".yaml" or ".yml")) return new NewPromptVersion(text);
        var (prompt, faults) = PromptFileReader.Parse(text);
        if (prompt is null) throw new UsageException($"{path} is not a prompt file:{Environment.NewLine}{string.Join(Environment.NewLine, faults)}");
        return new NewPromptVersion(prompt.Template?.Text ?? JsonSerializer.Serialize(prompt.Messages.Select(m => new { role = m.Role, content = m.Content.Text }), Readable), prompt.Description)
        {
            TypedVariables = prompt.Declared.Count == 0 ? null : prompt.Declared,
            Parameters = prompt.Parameters.Count == 0 ? null : prompt.Parameters,
        };
    }
}
