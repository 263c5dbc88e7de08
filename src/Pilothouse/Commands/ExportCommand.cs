using System.CommandLine;
using Pilothouse.Client;
using Pilothouse.Protocols.V1;

namespace Pilothouse.Commands;

/// <summary><c>pilothouse export tensorboard DIR</c>: leave with all your data.</summary>
internal static class ExportCommand
{
    private const int PageSize = 500;

    public static Command Create() => new("export", "Take runs to other tools.") { TensorBoard() };

    private static Command TensorBoard()
    {
        var server = Cli.ServerOption();
        var directory = new Argument<DirectoryInfo>("directory") { Description = "Where the log directory is made; each run gets a directory in it." };
        var run = new Option<string[]>("--run", "-r") { Description = "Id of a run; may be repeated." };
        var experiment = new Option<string>("--experiment", "-e") { Description = "All runs of this experiment." };
        var precision = new Option<string>("--precision") { Description = "float32: what TensorBoard's fast loader reads, about seven digits. float64: exact, for 'tensorboard --load_fast=false'.", DefaultValueFactory = _ => "float32" };
        precision.AcceptOnlyFromAmong("float32", "float64");
        var command = new Command("tensorboard", """
            Write event files that TensorBoard reads: scalars, histograms, texts, images, audio, PR curves, other tensors, and parameters for its HPARAMS page. One file a run; steps do not
            go back within a tag. Exporting again replaces the files.
            """) { directory, run, experiment, precision, server };
        command.SetAction(async (result, ct) =>
        {
            using var client = Cli.Connect(result, server);
            var runs = new List<RunSummary>();
            foreach (var id in result.GetValue(run) ?? []) runs.Add((await client.GetRunAsync(id, ct)).Run);
            if (result.GetValue(experiment) is { } name) runs.AddRange(await RunsOfAsync(client, name, ct));
            if (runs.Count == 0) throw new UsageException("There is nothing to export: name runs with --run ID, or an experiment that has some with --experiment NAME.");
            var taken = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
            foreach (var one in runs.DistinctBy(r => r.Id)) Console.WriteLine($"{one.Id}  {await WriteAsync(client, one, result.GetValue(directory)!.FullName, taken, result.GetValue(precision) == "float64", ct)}");
            return ExitCode.Ok;
        }, guarded: true);
        return command;
    }

    private static async Task<List<RunSummary>> RunsOfAsync(PilothouseClient client, string experiment, CancellationToken ct)
    {
        var found = (await client.ExperimentsAsync(ct)).Find(e => e.Name == experiment) ?? throw new UsageException($"There is no experiment '{experiment}'.");
        var runs = new List<RunSummary>();
        for (string? token = null; ;)
        {
            var page = await client.SearchRunsAsync([found.Id], null, [], PageSize, token, ct);
            runs.AddRange(page.Items);
            if (page.NextPageToken is null) return runs;
            token = page.NextPageToken;
        }
    }

    /// <returns>Path of the file.</returns>
    private static async Task<string> WriteAsync(PilothouseClient client, RunSummary run, string root, HashSet<string> taken, bool wide, CancellationToken ct)
    {
        // An imported run goes back to where it came from.
        var wanted = run.Tags.TryGetValue("tensorboard.run", out var path) ? path : run.Name;
        var folder = string.Join('/', wanted.Split('/', '\\').Select(Part).Where(p => p.Length > 0));
        if (folder.Length == 0) folder = ".";
        if (!taken.Add(folder)) taken.Add(folder = $"{(folder == "." ? "run" : folder)}-{run.Id[..Math.Min(8, run.Id.Length)]}");
        var directory = Directory.CreateDirectory(Path.GetFullPath(Path.Combine(root, folder))).FullName;

        var (name, content) = await client.ExportEventsAsync(run.Id, wide, ct);
        var file = Path.Combine(directory, name);
        // TensorBoard reads what has 'tfevents' in its name: the half-written file has not.
        var part = Path.Combine(directory, $".{run.Id}.part");
        try
        {
            await using (content)
            await using (var target = new FileStream(part, FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 0, useAsync: true))
                await content.CopyToAsync(target, 1024 * 1024, ct);
            File.Move(part, file, overwrite: true);
        }
        finally
        {
            File.Delete(part);
        }
        return file;
    }

    /// <summary>A part of a path that stays below the directory on every file system.</summary>
    private static string Part(string text)
    {
        var clean = new string([.. text.Select(c => char.IsControl(c) || c is ':' or '*' or '?' or '"' or '<' or '>' or '|' ? '_' : c)]).Trim();
        return clean is "." or ".." ? "" : clean.Length <= 200 ? clean : clean[..200];
    }
}
