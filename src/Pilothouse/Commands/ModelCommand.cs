using System.CommandLine;
using Pilothouse.Protocols.Artifacts;
using Pilothouse.Protocols.V1;

namespace Pilothouse.Commands;

/// <summary><c>pilothouse model register | list | show | alias | pull | delete</c>.</summary>
internal static class ModelCommand
{
    public static Command Create() => new("model", "Registered models: numbered versions that never change, and aliases that point to them.") { Register(), List(), Show(), Alias(), Pull(), RegistryVerbs.Delete(RegistryReference.Models) };

    private static Command Register()
    {
        var server = Cli.ServerOption();
        var name = new Argument<string>("name") { Description = "Name of the model." };
        var directory = new Argument<DirectoryInfo>("directory") { Description = "Directory with the model's files." };
        var kind = new Option<string>("--kind") { Description = "generative (config.json, tokenizer.json and model.onnx or safetensors; or GGUF; or a LoRA adapter), embedding or reranker (as generative), classifier (config.json, model.onnx) or mlflow (a directory with MLmodel).", Required = true };
        var description = new Option<string>("--description") { Description = "What is new in this version." };
        var run = new Option<string>("--run") { Description = "Id of the run that made it." };
        var project = new Option<string>("--project") { Description = "Project it belongs to." };
        var commit = new Option<string>("--commit") { Description = "Commit of the code that made it." };
        var dataset = new Option<string[]>("--dataset") { Description = "Data set it was trained on, datasets:/NAME/VERSION; may be repeated." };
        var @base = new Option<string>("--base") { Description = "Model it was derived from, models:/NAME/VERSION." };
        var relation = new Option<string>("--relation") { Description = "How it was made from its base: finetune, adapter, quantized or merge (default: as the files say)." };
        var json = Output.JsonOption();
        var command = new Command("register", "Upload the files that the server lacks and register them as a version.") { name, directory, kind, description, run, project, commit, dataset, @base, relation, json, server };
        command.SetAction(async (result, ct) =>
        {
            using var client = Cli.Connect(result, server);
            var path = result.GetValue(directory)!.FullName;
            if (!Directory.Exists(path)) throw new UsageException($"There is no directory {path}.");
            var (files, _) = await UploadReport.RunAsync(options => client.UploadDirectoryAsync(path, options with { Project = result.GetValue(project) }, ct), r => r.Uploaded);
            var version = await client.RegisterModelAsync(result.GetValue(name)!, new NewModelVersion(result.GetValue(kind)!, files, result.GetValue(description),
                result.GetValue(run), result.GetValue(project), result.GetValue(commit), result.GetValue(dataset), result.GetValue(@base))
            { BaseRelation = result.GetValue(relation) }, ct);
            Console.WriteLine(result.GetValue(json) ? Output.ToJson(version) : $"{version.Reference} {version.Digest}");
            return ExitCode.Ok;
        }, guarded: true);
        return command;
    }

    private static Command List() => RegistryVerbs.List("All models with their aliases.", (client, ct) => client.ListModelsAsync(ct), ["NAME", "KIND", "LATEST", "ALIASES"],
        m => [m.Name, m.Kind, $"{m.LatestVersion}", string.Join(", ", m.Aliases.Select(a => $"@{a.Key}={a.Value}"))]);

    private static Command Alias() => RegistryVerbs.Alias(RegistryReference.Models, "champion", (client, name, alias, version, reason, ct) => client.SetModelAliasAsync(name, alias, version, reason, ct), (client, name, alias, ct) => client.DeleteModelAliasAsync(name, alias, ct));

    private static Command Show()
    {
        var server = Cli.ServerOption();
        var reference = new Argument<string>("reference") { Description = "models:/NAME/VERSION, models:/NAME@ALIAS, or NAME for all its versions." };
        var json = Output.JsonOption();
        var command = new Command("show", "One version with its files and where it came from, or all versions of a model.") { reference, json, server };
        command.SetAction(async (result, ct) =>
        {
            using var client = Cli.Connect(result, server);
            var text = result.GetValue(reference)!;
            if (RegistryReference.IsReadableName(text)) ShowAll(await client.ListModelVersionsAsync(text, ct), result.GetValue(json));
            else ShowOne(await client.GetModelVersionAsync(Reference(text), ct), result.GetValue(json));
            return ExitCode.Ok;
        }, guarded: true);
        return command;
    }

    private static Command Pull()
    {
        var server = Cli.ServerOption();
        var reference = new Argument<string>("reference") { Description = "models:/NAME/VERSION or models:/NAME@ALIAS." };
        var directory = new Argument<DirectoryInfo>("directory") { Description = "Where to write the files." };
        var command = new Command("pull", "Download a version; every file is checked against its digest.") { reference, directory, server };
        command.SetAction(async (result, ct) =>
        {
            using var client = Cli.Connect(result, server);
            var version = await client.GetModelVersionAsync(Reference(result.GetValue(reference)!), ct);
            await client.PullModelAsync(version, result.GetValue(directory)!.FullName, ct);
            Console.WriteLine($"{version.Reference} {version.Digest} ({version.Files.Count} files, {version.Size} bytes, verified)");
            return ExitCode.Ok;
        }, guarded: true);
        return command;
    }

    private static string Reference(string text) => RegistryReference.TryParse(text, RegistryReference.Models, out _)
        ? text
        : throw new UsageException($"'{text}' is not a model reference. Write models:/NAME/VERSION or models:/NAME@ALIAS.");

    private static void ShowAll(IReadOnlyList<ModelVersion> versions, bool json)
    {
        if (json) Console.WriteLine(Output.ToJson(versions));
        else Output.Table(["VERSION", "CREATED", "BY", "SIZE", "DIGEST", "ALIASES"],
            versions.Select(v => new[] { $"{v.Version}", Output.Time(v.CreatedMs), v.CreatedBy, $"{v.Size}", v.Digest ?? "elsewhere: " + v.Source, string.Join(", ", v.Aliases.Select(a => "@" + a)) }));
    }

    private static void ShowOne(ModelVersion v, bool json)
    {
        if (json)
        {
            Console.WriteLine(Output.ToJson(v));
            return;
        }
        Output.Fields(("Reference", v.Reference), ("Digest", v.Digest), ("Kind", v.Kind), ("Stage", v.Stage), ("Aliases", string.Join(", ", v.Aliases.Select(a => "@" + a))), ("Source", v.Source), ("Created", $"{Output.Time(v.CreatedMs)} by {v.CreatedBy}"),
            ("Description", v.Description), ("Run", v.RunId), ("Project", v.Project), ("Commit", v.Commit), ("Data sets", string.Join(", ", v.Datasets)), ("Base model", v.BaseModel is null ? null : $"{v.BaseModel} ({v.BaseRelation})"));
        Output.Table(["FILE", "SIZE", "DIGEST"], v.Files.Select(f => new[] { f.Path, $"{f.Size}", f.Digest }));
    }
}
