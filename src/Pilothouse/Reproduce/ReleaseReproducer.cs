using System.Globalization;
using Pilothouse.Client;
using Pilothouse.Protocols.ProjectFiles;
using Pilothouse.Protocols.V1;

namespace Pilothouse.Reproduce;

/// <summary>Repeats what a release stands on: the training runs of its models, and its latest evaluation.</summary>
internal sealed class ReleaseReproducer(PilothouseClient client, RunReproducer runs, ReproduceEntry rules, bool keepsVerdicts)
{
    private static readonly TimeSpan PollEvery = TimeSpan.FromMilliseconds(500);

    public async Task<(string Verdict, string Summary, ReproductionReport Report)> ReproduceAsync(Release release, bool training, bool evaluations, CancellationToken ct)
    {
        var parts = new List<ReproductionPart>();
        var notes = new List<string>();
        if (training) await TrainingAsync(release, parts, notes, ct);
        if (evaluations) await EvaluationAsync(release, parts, notes, ct);
        var report = new ReproductionReport(release.Commit, Notes: notes, Parts: parts, Missing: [.. parts.Where(p => p.Verdict == ReproductionVerdicts.Cannot).Select(p => $"{p.Name}: {p.Summary}")]);
        if (parts.Count == 0) return (ReproductionVerdicts.Cannot, "There is nothing to repeat: " + string.Join(" ", notes), report);
        var worst = parts.FirstOrDefault(p => p.Verdict == ReproductionVerdicts.Differs) ?? parts.FirstOrDefault(p => p.Verdict == ReproductionVerdicts.Cannot);
        return worst is null ? (ReproductionVerdicts.Reproduced, $"{string.Join(", ", parts.Select(p => p.Name))}: the same again.", report) : (worst.Verdict, $"{worst.Name}: {worst.Summary}", report);
    }

    private async Task TrainingAsync(Release release, List<ReproductionPart> parts, List<string> notes, CancellationToken ct)
    {
        foreach (var component in release.Components.Where(c => c.Type == "model" && c.Reference.StartsWith("models:/", StringComparison.Ordinal)))
        {
            var version = await client.GetModelVersionAsync(component.Reference, ct);
            if (version.RunId is null)
            {
                notes.Add($"{component.Reference} was registered without a run.");
                continue;
            }
            var outcome = await runs.ReproduceAsync(version.RunId, ct);
            if (keepsVerdicts) await client.AddReproductionAsync(new NewReproduction("run", version.RunId, outcome.Verdict, outcome.Summary, outcome.RunId, outcome.Report), ct);
            var (verdict, summary) = (outcome.Verdict, outcome.Summary);
            // The point of it: is what is released what comes out?
            var made = (outcome.Report.Outputs ?? []).Select(o => o.Repeated).OfType<string>().ToHashSet(StringComparer.Ordinal);
            if (made.Count > 0)
            {
                var lost = version.Files.Where(f => !made.Contains(f.Digest)).Select(f => f.Path).ToList();
                summary += lost.Count == 0 ? $" All {version.Files.Count} files of {version.Reference} came out again." : $" Of {version.Reference} these files did not come out: {string.Join(", ", lost.Take(5))}.";
            }
            parts.Add(new ReproductionPart("run", version.RunId, $"training of {version.Reference}", verdict, summary, outcome.RunId));
        }
    }

    private async Task EvaluationAsync(Release release, List<ReproductionPart> parts, List<string> notes, CancellationToken ct)
    {
        if (release.Evidence.Where(e => e is { Type: "evaluation", Id: not null }).MaxBy(e => e.TimeMs) is not { } evidence)
        {
            notes.Add("No evaluation of it is known.");
            return;
        }
        var recorded = await client.GetEvaluationAsync(evidence.Id!, ct);
        var started = await client.StartEvaluationAsync(new NewEvaluation(release.Project, release.Commit, recorded.Summary.BaselineCommit, [.. recorded.Suites.Select(s => s.Name)], AllowChangedData: false, AllowStaleLock: true, Fresh: true), ct);
        var repeated = await client.GetEvaluationAsync(started.Id, ct);
        while (repeated.Summary.Status == "running")
        {
            await Task.Delay(PollEvery, ct);
            repeated = await client.GetEvaluationAsync(started.Id, ct);
        }
        var name = $"evaluation {recorded.Summary.Id}";
        if (repeated.Summary.Status != "finished")
        {
            parts.Add(new ReproductionPart("evaluation", recorded.Summary.Id, name, ReproductionVerdicts.Cannot, repeated.Summary.Reason ?? "It failed.", started.Id));
            return;
        }
        var (compared, first) = Compare(recorded, repeated);
        parts.Add(first is null
            ? new ReproductionPart("evaluation", recorded.Summary.Id, name, ReproductionVerdicts.Reproduced, $"{RunReproducer.Count(compared, "score")} and the verdict {recorded.Summary.Verdict} are the same, every case asked anew.", started.Id)
            : new ReproductionPart("evaluation", recorded.Summary.Id, name, ReproductionVerdicts.Differs, first, started.Id));
    }

    private (int Compared, string? First) Compare(EvaluationDetail recorded, EvaluationDetail repeated)
    {
        var compared = 0;
        foreach (var suite in recorded.Suites)
        {
            if (repeated.Suites.FirstOrDefault(s => s.Name == suite.Name) is not { } again) return (compared, $"The suite {suite.Name} is not there any more.");
            foreach (var (what, was, now) in ((string, string?, string?)[])[("model", suite.ModelDigest, again.ModelDigest), ("data", suite.DatasetDigest, again.DatasetDigest), ("prompt", suite.PromptDigest, again.PromptDigest)])
                if (was != now) return (compared, $"The {what} of {suite.Name} was {was ?? "none"}, and is {now ?? "none"}.");
            foreach (var score in suite.Scorers)
            {
                compared++;
                var metric = $"{suite.Name}/{score.Name}";
                if (again.Scorers.FirstOrDefault(s => s.Name == score.Name) is not { } other) return (compared, $"{metric} was not scored.");
                if (!MetricComparer.ToleranceOf(metric, rules).Allows(score.Candidate, other.Candidate))
                    return (compared, string.Create(CultureInfo.InvariantCulture, $"{metric} was {score.Candidate:R}, and came out as {other.Candidate:R}."));
            }
        }
        return recorded.Summary.Verdict == repeated.Summary.Verdict ? (compared, null) : (compared, $"The verdict was {recorded.Summary.Verdict}, and came out as {repeated.Summary.Verdict}.");
    }
}
