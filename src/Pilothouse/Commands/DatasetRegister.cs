using System.CommandLine;
using Pilothouse.Client;
using Pilothouse.Client.Uploads;
using Pilothouse.Protocols.Artifacts;
using Pilothouse.Protocols.V1;

namespace Pilothouse.Commands;

/// <summary><c>pilothouse dataset register NAME FILE|DIRECTORY ... [--split train=FILE]</c>.</summary>
internal static class DatasetRegister
{
    private static readonly string[] Endings = [".jsonl", ".ndjson", ".csv", ".parquet"];

    public static Command Create()
    {
        var server = Cli.ServerOption();
        var name = new Argument<string>("name") { Description = "Name of the data set." };
        var paths = new Argument<string[]>("paths") { Description = "A file (.jsonl, .csv with a header, .parquet), several shards, or a directory; names such as train-00000-of-00002.parquet or test/part.jsonl say the split.", Arity = ArgumentArity.ZeroOrMore };
        var splits = new Option<string[]>("--split") { Description = "File of a split: train=FILE; may be repeated." };
        var description = new Option<string>("--description") { Description = "What it holds." };
        var project = new Option<string>("--project") { Description = "Project it belongs to." };
        var source = new Option<string>("--source") { Description = "Where it came from." };
        var parent = new Option<string[]>("--parent") { Description = "Data set it was derived from, datasets:/NAME/VERSION; may be repeated." };
        var json = Output.JsonOption();
        var command = new Command("register", "Upload rows and register them as a version; every row is read once: checked, typed and profiled.") { name, paths, splits, description, project, source, parent, json, server };
        command.SetAction(async (result, ct) =>
        {
            using var client = Cli.Connect(result, server);
            var version = new NewDatasetVersion(null, null, result.GetValue(description), result.GetValue(project), result.GetValue(source), result.GetValue(parent));
            var files = Files(result.GetValue(paths) ?? [], result.GetValue(splits) ?? []);
            if (files.Count == 0) throw new UsageException("Name a file, a directory, or files of splits (--split train=FILE).");
            if (files is [(null, var only)])
            {
                var blob = await client.UploadFileAsync(only, null, new UploadOptions { Project = version.Project }, ct);
                version = version with { Digest = blob.Digest, Format = Path.GetExtension(only).ToLowerInvariant() is ".csv" ? "csv" : Path.GetExtension(only).ToLowerInvariant() is ".parquet" ? "parquet" : "jsonl" };
            }
            else version = version with { Files = await UploadAsync(client, files, version.Project, ct) };
            var registered = await client.RegisterDatasetAsync(result.GetValue(name)!, version, ct);
            Console.WriteLine(result.GetValue(json) ? Output.ToJson(registered) : $"{DatasetCommand.Describe(registered)}: {string.Join(", ", registered.Columns)}");
            return ExitCode.Ok;
        }, guarded: true);
        return command;
    }

    /// <returns>The path in the data set, null for a single file of no split, and the file.</returns>
    private static List<(string? Path, string File)> Files(string[] paths, string[] splits)
    {
        var files = new List<(string?, string)>();
        foreach (var path in paths)
        {
            if (Directory.Exists(path)) files.AddRange(Directory.EnumerateFiles(path, "*", SearchOption.AllDirectories).Select(f => ((string?)Path.GetRelativePath(path, f).Replace(Path.DirectorySeparatorChar, '/'), f)).Where(f => !f.Item1!.Split('/').Any(p => p.StartsWith('.'))));
            else files.Add((paths.Length == 1 && splits.Length == 0 ? null : Path.GetFileName(path), Required(path)));
        }
        foreach (var split in splits)
        {
            if (split.IndexOf('=', StringComparison.Ordinal) is not (> 0 and var at)) throw new UsageException($"'{split}' is not a split. Write --split train=FILE.");
            files.Add(($"{split[..at]}/{Path.GetFileName(split[(at + 1)..])}", Required(split[(at + 1)..])));
        }
        if (files.GroupBy(f => f.Item1).FirstOrDefault(g => g.Count() > 1) is { } twice) throw new UsageException($"Two files would have the path {twice.Key} in the data set. Rename one, or register a directory.");
        return files;
    }

    private static string Required(string path)
    {
        if (!File.Exists(path)) throw new UsageException($"{path} does not exist.");
        if (!Endings.Contains(Path.GetExtension(path).ToLowerInvariant())) throw new UsageException($"'{Path.GetExtension(path)}' is not a data set format. Give a .jsonl, .csv or .parquet file.");
        return path;
    }

    private static async Task<List<ArtifactFile>> UploadAsync(PilothouseClient client, List<(string? Path, string File)> files, string? project, CancellationToken ct)
    {
        var uploaded = new List<ArtifactFile>();
        foreach (var (path, file) in files)
        {
            if (new FileInfo(file).LinkTarget is not null) throw new UsageException($"'{file}' is a symbolic link; put the file itself there.");
            if (!ContentManifest.IsValidPath(path!)) throw new UsageException($"'{path}' cannot be the path of a file in a data set.");
            var blob = await client.UploadFileAsync(file, null, new UploadOptions { Project = project }, ct);
            uploaded.Add(new ArtifactFile(path!, blob.Digest, blob.Size));
        }
        return uploaded;
    }
}
