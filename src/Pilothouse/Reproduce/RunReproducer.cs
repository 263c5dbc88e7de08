using System.Globalization;
using Pilothouse.Client;
using Pilothouse.Client.Capture;
using Pilothouse.Client.Runs;
using Pilothouse.Commands;
using Pilothouse.Commands.Runs;
using Pilothouse.Protocols.ProjectFiles;
using Pilothouse.Protocols.V1;
using Pilothouse.Workspace;

namespace Pilothouse.Reproduce;

/// <param name="Repository">Repository on this disk that may have the commit.</param>
/// <param name="Rules">Tolerances of the command line; they outrank those of pilothouse.yaml.</param>
/// <param name="Seed">Another seed than the recorded one; null = the same.</param>
/// <param name="IgnoreEnvironment">Run although packages are missing.</param>
internal sealed record ReproduceOptions(string? Repository, ReproduceEntry Rules, string? Seed, bool IgnoreEnvironment, bool Keep, string? Directory);

/// <summary>What came of repeating a run.</summary>
internal sealed record RunOutcomeReport(string Verdict, string Summary, string? RunId, ReproductionReport Report);

/// <summary>Repeats one run in an empty directory and compares.</summary>
internal sealed class RunReproducer(PilothouseClient client, ReproduceOptions options, TimeProvider time)
{
    private const int MaxOutputs = 1_000;
    private const string OutputFolder = "outputs";
    private const string MaskedWord = "***";

    public async Task<RunOutcomeReport> ReproduceAsync(string runId, CancellationToken ct)
    {
        var recorded = await RecordedRun.LoadAsync(client, runId, ct);
        var directory = options.Directory ?? Directory.CreateTempSubdirectory("pilothouse-reproduce-").FullName;
        if (options.Directory is not null && Directory.Exists(directory) && Directory.EnumerateFileSystemEntries(directory).Any()) throw new UsageException($"{directory} is not empty.");
        Directory.CreateDirectory(directory);
        try
        {
            return await ReproduceAsync(recorded, directory, ct);
        }
        finally
        {
            if (options.Keep || options.Directory is not null) await Console.Error.WriteLineAsync($"pilothouse: kept {directory}");
            else Delete(directory);
        }
    }

    private async Task<RunOutcomeReport> ReproduceAsync(RecordedRun recorded, string directory, CancellationToken ct)
    {
        var restorer = new Restorer(client, directory, time);
        await restorer.RestoreAsync(recorded, options.Repository, ct);
        var missing = restorer.Missing.ToList();
        var notes = restorer.Notes.ToList();
        IReadOnlyList<EnvironmentDifference> differences = [];
        var command = Command(recorded, missing);
        if (recorded.Environment is { } environment && command.Count > 0)
        {
            var here = await HostEnvironment.DescribeAsync(command, restorer.WorkingDirectory, ct);
            (differences, var packages) = EnvironmentComparer.Compare(environment, here);
            if (options.IgnoreEnvironment) notes.AddRange(packages.Select(p => p + " is not here"));
            else missing.AddRange(packages);
            if (Program(command[0], recorded, restorer.WorkingDirectory) is { } program) command = [program, .. command.Skip(1)];
            else missing.Add($"program {command[0]}");
        }
        var rules = await RulesAsync(restorer.WorkingDirectory, ct);
        var report = new ReproductionReport(recorded.Commit, recorded.Diff is { Length: > 0 }, restorer.LockDigest, command, recorded.ExitCode, Missing: missing, Environment: differences, Notes: notes);
        if (missing.Count > 0)
            return new RunOutcomeReport(ReproductionVerdicts.Cannot, $"It cannot be repeated: {missing[0]}{(missing.Count > 1 ? $", and {missing.Count - 1} more" : "")}.", null, report);

        var (repeatedId, code) = await RunAsync(recorded, command, restorer.WorkingDirectory, ct);
        return await CompareAsync(recorded, repeatedId, code, rules, report, ct);
    }

    /// <summary>The recorded words, with another seed if one is wanted.</summary>
    private IReadOnlyList<string> Command(RecordedRun recorded, List<string> missing)
    {
        if (recorded.Environment?.Command is not { Count: > 0 } command)
        {
            missing.Add("command: the run was not captured by 'pilothouse run'");
            return [];
        }
        if (command.Any(w => w.Contains(MaskedWord, StringComparison.Ordinal))) missing.Add("command: it held a secret, which was not recorded. Give secrets by environment variables");
        return options.Seed is null ? command : CapturedRun.WithSeed(command, options.Seed) ?? command;
    }

    /// <summary>By PATH, in the restored directory, or where it lay for the recorded run (a virtual environment is in no commit).</summary>
    private static string? Program(string word, RecordedRun recorded, string directory)
    {
        if (!word.Contains('/', StringComparison.Ordinal))
            return (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator).Any(p => File.Exists(Path.Combine(p, word)) || File.Exists(Path.Combine(p, word + ".exe"))) ? word : null;
        if (File.Exists(Path.GetFullPath(word, directory))) return Path.GetFullPath(word, directory);
        var original = Path.GetFullPath(word, recorded.Environment!.WorkingDirectory);
        return File.Exists(original) ? original : null;
    }

    /// <summary>What pilothouse.yaml of the commit declares, and over it what the command line says.</summary>
    private async Task<ReproduceEntry> RulesAsync(string directory, CancellationToken ct)
    {
        var file = WorkTree.TryFind(directory) is { } tree ? Path.Combine(tree.Root, CheckCommand.FileName) : null;
        var declared = file is not null && File.Exists(file) ? ProjectFileReader.Parse(await File.ReadAllTextAsync(file, ct)).File?.Reproduce ?? ReproduceEntry.Exact : ReproduceEntry.Exact;
        var tolerance = new Dictionary<string, Tolerance>(declared.Tolerance);
        foreach (var (metric, value) in options.Rules.Tolerance) tolerance[metric] = value;
        return new ReproduceEntry(tolerance, [.. declared.Ignore, .. options.Rules.Ignore]);
    }

    private async Task<(string RunId, int Code)> RunAsync(RecordedRun recorded, IReadOnlyList<string> command, string directory, CancellationToken ct)
    {
        var run = recorded.Run;
        var tags = CapturedRun.Tags([new(ReproductionTags.Reproduces, run.Id)], options.Seed ?? run.Tags.GetValueOrDefault(ReproductionTags.Seed), recorded.Outputs);
        var variables = new Dictionary<string, string>(EnvironmentComparer.Variables(recorded.Environment!));
        if ((options.Seed ?? run.Tags.GetValueOrDefault(ReproductionTags.Seed)) is { } seed) variables[CapturedRun.SeedVariable] = seed;
        var request = new RunRequest(new RunOptions
        {
            Experiment = recorded.Detail.ExperimentName,
            Name = $"reproduce {run.Name}",
            Tags = tags,
            Nested = true,
            SystemMetricsInterval = null,
            Command = command,
        }, recorded.Outputs, TimeSpan.FromSeconds(10))
        { Variables = variables, Inputs = recorded.Inputs };
        var back = Environment.CurrentDirectory;
        try
        {
            // The capture and the command itself see the restored directory as their own.
            Environment.CurrentDirectory = directory;
            var tracked = new TrackedRun(client);
            var code = await tracked.ExecuteAsync(request, ct);
            return (tracked.RunId!, code);
        }
        finally
        {
            Environment.CurrentDirectory = back;
        }
    }

    private async Task<RunOutcomeReport> CompareAsync(RecordedRun recorded, string repeatedId, int code, ReproduceEntry rules, ReproductionReport report, CancellationToken ct)
    {
        var repeated = await client.GetRunAsync(repeatedId, ct);
        var names = recorded.Run.Metrics.Keys.Union(repeated.Run.Metrics.Keys).Where(m => MetricComparer.IsCompared(m, rules)).Order(StringComparer.Ordinal);
        var metrics = new List<MetricComparison>();
        foreach (var name in names) metrics.Add(MetricComparer.Compare(name, await PointsAsync(recorded.Run.Id, name, ct), await PointsAsync(repeatedId, name, ct), MetricComparer.ToleranceOf(name, rules)));
        var outputs = await OutputsAsync(recorded.Run.Id, repeatedId, ct);
        var first = MetricComparer.First(metrics);
        report = report with { ExitCode = code, Metrics = metrics, Outputs = outputs, FirstDivergence = first };
        var same = outputs.Count(o => o.Same);
        var files = outputs.Count == 0 ? "" : $" {same} of {outputs.Count} output files are the same to the bit.";
        var expected = recorded.ExitCode ?? 0;
        if (code != expected) return new RunOutcomeReport(ReproductionVerdicts.Differs, $"It ended with exit code {code}, not {expected}.{files}", repeatedId, report);
        if (first is not null) return new RunOutcomeReport(ReproductionVerdicts.Differs, $"{Words(first)} {metrics.Count(m => m.Differing > 0)} of {metrics.Count} metrics differ.{files}", repeatedId, report);
        if (metrics.Count == 0 && outputs.Count == 0) report = report with { Notes = [.. report.Notes ?? [], "The run logged no metric and stored no output: only its exit code could be compared."] };
        // With no metric to judge by, the outputs are the result.
        if (metrics.Count == 0 && same < outputs.Count) return new RunOutcomeReport(ReproductionVerdicts.Differs, $"{outputs.First(o => !o.Same).Path} is not the same.{files}", repeatedId, report);
        return new RunOutcomeReport(ReproductionVerdicts.Reproduced, $"{metrics.Sum(m => m.Points).ToString("N0", CultureInfo.InvariantCulture)} points of {Count(metrics.Count, "metric")} are the same{(rules.Tolerance.Count == 0 ? " to the bit" : " within their tolerances")}.{files}", repeatedId, report);
    }

    /// <summary><c>loss first differs at step 3: 0.25 was recorded, 0.26 came out.</c></summary>
    internal static string Words(Divergence d) => $"{d.Metric} first differs at step {d.Step.ToString(CultureInfo.InvariantCulture)}: {Number(d.Recorded, "was recorded")}, {Number(d.Repeated, "came out")}.";

    private static string Number(double? value, string what) => value is { } number ? $"{number.ToString("R", CultureInfo.InvariantCulture)} {what}" : $"nothing {what}";

    internal static string Count(int number, string what) => $"{number.ToString(CultureInfo.InvariantCulture)} {what}{(number == 1 ? "" : "s")}";

    private async Task<IReadOnlyList<MetricPoint>> PointsAsync(string runId, string metric, CancellationToken ct) =>
        [.. (await client.MetricHistoryAsync(runId, metric, ct)).Select(p => new MetricPoint(p.Step ?? 0, p.Value ?? double.NaN))];

    private async Task<IReadOnlyList<OutputComparison>> OutputsAsync(string recordedId, string repeatedId, CancellationToken ct)
    {
        var (before, after) = (await DigestsAsync(recordedId, ct), await DigestsAsync(repeatedId, ct));
        return [.. before.Keys.Union(after.Keys).Order(StringComparer.Ordinal).Select(path => new OutputComparison(path, before.GetValueOrDefault(path), after.GetValueOrDefault(path)))];
    }

    private async Task<Dictionary<string, string?>> DigestsAsync(string runId, CancellationToken ct)
    {
        var digests = new Dictionary<string, string?>(StringComparer.Ordinal);
        var folders = new Stack<string>([OutputFolder]);
        while (folders.TryPop(out var folder) && digests.Count < MaxOutputs)
        {
            foreach (var artifact in await client.ListArtifactsAsync(runId, folder, ct))
            {
                if (artifact.IsDirectory) folders.Push(artifact.Path);
                else if (digests.Count < MaxOutputs) digests[artifact.Path[(OutputFolder.Length + 1)..]] = await client.ArtifactDigestAsync(runId, artifact.Path, ct);
            }
        }
        return digests;
    }

    private static void Delete(string directory)
    {
        try
        {
            // Git's objects, and links of the cache, are read-only; their directories are not.
            Directory.Delete(directory, recursive: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Console.Error.WriteLine($"pilothouse: {directory} could not be removed: {e.Message}");
        }
    }
}
