using System.CommandLine;
using Pilothouse.Client;
using Pilothouse.Protocols.ProjectFiles;
using Pilothouse.Protocols.V1;
using Pilothouse.Reproduce;

namespace Pilothouse.Commands;

/// <summary><c>pilothouse reproduce RUN | RELEASE</c>.</summary>
internal static class ReproduceCommand
{
    private const int MaxShown = 20;

    public static Command Create()
    {
        var server = Cli.ServerOption();
        var subject = new Argument<string>("subject") { Description = "Id of a run, or digest of a release (sha256:..., or its first eight or more digits)." };
        var tolerance = new Option<string[]>("--tolerance", "-t") { Description = "METRIC=0.001 (a difference) or METRIC=1% (a share); a name may end with *. May be repeated; without, and without 'reproduce:' in pilothouse.yaml, values must be the same to the bit." };
        var ignore = new Option<string[]>("--ignore") { Description = "Metric that is not compared, such as a speed; may end with * and be repeated." };
        var seed = new Option<string>("--seed") { Description = "Run with another seed than the recorded one: shows what of the result is luck." };
        var repository = new Option<DirectoryInfo>("--repository") { Description = "Repository on this disk to take the commit from (default: the one here; then the projects on the server)." };
        var directory = new Option<DirectoryInfo>("--directory") { Description = "Empty directory to run in; it stays (default: one that is removed)." };
        var keep = new Option<bool>("--keep") { Description = "Leave the directory of the repeated run." };
        var environment = new Option<bool>("--ignore-environment") { Description = "Run although packages of the recorded run are not here." };
        var noTraining = new Option<bool>("--no-training") { Description = "Of a release: do not repeat the training runs of its models." };
        var noEvaluation = new Option<bool>("--no-evaluation") { Description = "Of a release: do not repeat its latest evaluation." };
        var json = Output.JsonOption();
        var command = new Command("reproduce", "Restore commit, diff, data, models and seed of a run into a fresh directory, run its command again, and compare every metric point by point; of a release: its training runs and its evaluation. "
            + "The verdict is kept on the server. Exit code 0 REPRODUCED, 1 DIFFERS (with the first divergence), 3 CANNOT (with all that is missing).")
            { subject, tolerance, ignore, seed, repository, directory, keep, environment, noTraining, noEvaluation, json, server };
        command.SetAction(async (result, ct) =>
        {
            using var client = Cli.Connect(result, server);
            var rules = new ReproduceEntry((result.GetValue(tolerance) ?? []).Select(ParseTolerance).GroupBy(t => t.Metric).ToDictionary(g => g.Key, g => g.Last().Tolerance), result.GetValue(ignore) ?? []);
            var options = new ReproduceOptions(result.GetValue(repository)?.FullName ?? Environment.CurrentDirectory, rules, result.GetValue(seed), result.GetValue(environment), result.GetValue(keep), result.GetValue(directory)?.FullName);
            var runs = new RunReproducer(client, options, TimeProvider.System);
            var id = result.GetValue(subject)!;
            var request = await FindReleaseAsync(client, id, ct) is { } release
                ? await ReleaseAsync(new ReleaseReproducer(client, runs, rules, keepsVerdicts: options.Seed is null), release, !result.GetValue(noTraining), !result.GetValue(noEvaluation), ct)
                : await RunAsync(runs, id, ct);
            // A verdict of another seed says nothing about the run as it was recorded.
            var stored = options.Seed is null ? await client.AddReproductionAsync(request, ct) : null;
            if (result.GetValue(json)) Console.WriteLine(Output.ToJson(stored is null ? (object)request : stored));
            else Print(request, stored);
            return request.Verdict switch { ReproductionVerdicts.Reproduced => ExitCode.Ok, ReproductionVerdicts.Differs => ExitCode.Failed, _ => ExitCode.Inconclusive };
        }, guarded: true);
        return command;
    }

    private static async Task<NewReproduction> RunAsync(RunReproducer runs, string id, CancellationToken ct)
    {
        var outcome = await runs.ReproduceAsync(id, ct);
        return new NewReproduction("run", id, outcome.Verdict, outcome.Summary, outcome.RunId, outcome.Report);
    }

    private static async Task<NewReproduction> ReleaseAsync(ReleaseReproducer reproducer, Release release, bool training, bool evaluations, CancellationToken ct)
    {
        var (verdict, summary, report) = await reproducer.ReproduceAsync(release, training, evaluations, ct);
        return new NewReproduction("release", release.Digest, verdict, summary.Length <= 2000 ? summary : summary[..1997] + "...", null, report);
    }

    /// <summary>A run's id has 32 digits and no prefix; what is no run is looked for among the releases.</summary>
    private static async Task<Release?> FindReleaseAsync(PilothouseClient client, string id, CancellationToken ct)
    {
        if (id.Length == 32 && id.All(char.IsAsciiHexDigit)) return null;
        return await client.GetReleaseAsync(id, ct);
    }

    private static void Print(NewReproduction outcome, ReproductionDetail? stored)
    {
        var report = outcome.Report;
        Console.WriteLine();
        foreach (var difference in (report.Environment ?? []).Take(MaxShown)) Console.WriteLine($"environment  {difference.What}: {difference.Recorded ?? "nothing"} recorded, {difference.Here ?? "nothing"} here");
        if (report.Environment?.Count > MaxShown) Console.WriteLine($"environment  and {report.Environment.Count - MaxShown} more");
        foreach (var note in report.Notes ?? []) Console.WriteLine($"note         {note}");
        foreach (var missing in report.Missing ?? []) Console.WriteLine($"missing      {missing}");
        foreach (var part in report.Parts ?? []) Console.WriteLine($"{part.Verdict,-12} {part.Name}: {part.Summary}");
        foreach (var metric in (report.Metrics ?? []).OrderByDescending(m => m.Differing).Take(MaxShown))
            Console.WriteLine($"{(metric.Differing == 0 ? "same" : "differs"),-12} {metric.Metric}: {metric.Points - metric.Differing} of {metric.Points} points ({metric.Tolerance})");
        foreach (var output in (report.Outputs ?? []).Where(o => !o.Same).Take(MaxShown)) Console.WriteLine($"differs      output {output.Path}: {output.Recorded ?? "nothing"} recorded, {output.Repeated ?? "nothing"} came out");
        Console.WriteLine();
        Console.WriteLine($"{outcome.Verdict}: {outcome.Summary}");
        if (stored is not null) Console.WriteLine($"evidence: {stored.Reproduction.StatementDigest}");
    }

    private static (string Metric, Tolerance Tolerance) ParseTolerance(string text)
    {
        var equals = text.LastIndexOf('=');
        return equals > 0 && Tolerance.TryParse(text[(equals + 1)..], out var tolerance) ? (text[..equals], tolerance)
            : throw new UsageException($"'{text}' is not a tolerance. Write --tolerance loss=0.001 (a difference) or --tolerance loss=1% (a share).");
    }
}
