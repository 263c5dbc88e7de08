using System.CommandLine;
using Pilothouse.Protocols.V1;

namespace Pilothouse.Commands;

/// <summary><c>pilothouse dataset register | list</c>.</summary>
internal static class DatasetCommand
{
    public static Command Create() => new("dataset", "Registered data sets: numbered versions that never change.") { Register(), List() };

    private static Command Register()
    {
        var server = Cli.ServerOption();
        var name = new Argument<string>("name") { Description = "Name of the data set." };
        var file = new Argument<FileInfo>("file") { Description = "JSON lines (.jsonl) or CSV with a header (.csv), UTF-8." };
        var description = new Option<string>("--description") { Description = "What it holds." };
        var project = new Option<string>("--project") { Description = "Project it belongs to." };
        var source = new Option<string>("--source") { Description = "Where it came from." };
        var parent = new Option<string[]>("--parent") { Description = "Data set it was derived from, datasets:/NAME/VERSION; may be repeated." };
        var json = Output.JsonOption();
        var command = new Command("register", "Upload a file of rows and register it as a version; every row is checked.") { name, file, description, project, source, parent, json, server };
        command.SetAction(async (result, ct) =>
        {
            using var client = Cli.Connect(result, server);
            var path = result.GetValue(file)!.FullName;
            var format = Path.GetExtension(path).ToLowerInvariant() switch
            {
                ".jsonl" or ".ndjson" => "jsonl",
                ".csv" => "csv",
                var other => throw new UsageException($"'{other}' is not a data set format. Give a .jsonl or .csv file."),
            };
            var blob = await client.UploadFileAsync(path, ct);
            var version = await client.RegisterDatasetAsync(result.GetValue(name)!, new NewDatasetVersion(blob.Digest, format, result.GetValue(description), result.GetValue(project),
                result.GetValue(source), result.GetValue(parent)), ct);
            Console.WriteLine(result.GetValue(json) ? Output.ToJson(version) : $"{version.Reference} {version.Digest} ({version.Rows} rows: {string.Join(", ", version.Columns)})");
            return ExitCode.Ok;
        }, guarded: true);
        return command;
    }

    private static Command List()
    {
        var server = Cli.ServerOption();
        var json = Output.JsonOption();
        var command = new Command("list", "All data sets and their versions.") { json, server };
        command.SetAction(async (result, ct) =>
        {
            using var client = Cli.Connect(result, server);
            var datasets = await client.ListDatasetsAsync(ct);
            if (result.GetValue(json)) Console.WriteLine(Output.ToJson(datasets));
            else Output.Table(["REFERENCE", "FORMAT", "ROWS", "SIZE", "CREATED", "DIGEST"], datasets.Select(d => new[] { d.Reference, d.Format, $"{d.Rows}", $"{d.Size}", Output.Time(d.CreatedMs), d.Digest }));
            return ExitCode.Ok;
        }, guarded: true);
        return command;
    }
}
