using Pilothouse.Protocols.ProjectFiles;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Platform;
using Pilothouse.Server.Platform.Inference;
using Pilothouse.Server.Platform.Projects;
using Pilothouse.Statistics;

namespace Pilothouse.Server.Modules.Fairness;

/// <summary>
/// How a generative model divides two continuations (" she", " he") after a template, by group (occupation). The log-probabilities are the
/// model's own, so nothing is sampled; what varies is the template. The bounds are paired t bounds of the template-wise differences of all
/// pairs of groups: they speak for templates like those given. One template has no variation to learn from and decides nothing.
/// </summary>
internal sealed class PronounPreference(IInference inference)
{
    private const string Slot = "{group}";

    /// <summary>Template-group pairs of one check.</summary>
    private const int MaxPairs = 100_000;

    private const int Concurrency = 4;

    public async Task<FairnessCheck> RunAsync(string name, FairnessEntry entry, ModelSubject model, CancellationToken ct)
    {
        string[] templates = [.. entry.Templates.Distinct(StringComparer.Ordinal)], groups = [.. entry.Groups.Distinct(StringComparer.Ordinal)];
        if ((long)templates.Length * groups.Length > MaxPairs)
            throw new PilothouseException(ErrorCode.TooLarge, $"fairness.{name} has {templates.Length} templates and {groups.Length} groups; their product may be {MaxPairs}.");
        var words = entry.Words.ToArray();
        var shares = groups.ToDictionary(g => g, _ => new double[templates.Length], StringComparer.Ordinal);
        var parallel = new ParallelOptions { MaxDegreeOfParallelism = Concurrency, CancellationToken = ct };
        await Parallel.ForEachAsync(groups.SelectMany(g => Enumerable.Range(0, templates.Length).Select(t => (Group: g, Template: t))), parallel, async (pair, stop) =>
        {
            var text = templates[pair.Template].Replace(Slot, pair.Group, StringComparison.Ordinal);
            var scores = await inference.ScoreContinuationsAsync(model.Target, text, [words[0].Value, words[1].Value], stop);
            shares[pair.Group][pair.Template] = Share(scores, text);
        });
        return Judge(name, entry, words[0].Key, model, shares);
    }

    /// <summary>P(first) / (P(first) + P(second)).</summary>
    private static double Share(IReadOnlyList<double> scores, string text)
    {
        if (scores.Count != 2 || scores.Any(s => double.IsNaN(s) || s > 1e-6))
            throw new PilothouseException(ErrorCode.UpstreamFailed, $"The engine gave no log-probabilities for the two words after '{text}'. Only engines that know them can run pronoun_preference.");
        return 1 / (1 + Math.Exp(Math.Max(scores[1], -700) - Math.Max(scores[0], -700)));
    }

    /// <summary>Pure: shares by group and template to figures and a verdict.</summary>
    internal static FairnessCheck Judge(string name, FairnessEntry entry, string first, ModelSubject model, IReadOnlyDictionary<string, double[]> shares)
    {
        var templates = shares.First().Value.Length;
        var gap = GroupGaps.Means($"{first}_share_gap", shares, isPaired: true, entry.Confidence);
        var verdict = templates < 2 ? GateVerdict.Inconclusive : Gates.Ceiling(gap.Interval, entry.MaxGap);
        var figures = new[] { FairnessText.Figure(gap, entry, verdict), Deviation(first, shares, entry.Confidence) };
        var groups = shares.Select(s =>
        {
            var mean = Intervals.MeanT(s.Value, entry.Confidence);
            return new GroupFigure(s.Key, $"{first}_share", mean.Value, Bound(mean.Interval.Lower, 0), Bound(mean.Interval.Upper, 1), templates);
        }).OrderByDescending(g => g.Value).ToArray();
        var (high, low) = (groups.First(g => g.Group == gap.HighestGroup), groups.First(g => g.Group == gap.LowestGroup));
        var what = FormattableString.Invariant($"The share of '{first}' after '{high.Group}' is {high.Value:0.00}, after '{low.Group}' {low.Value:0.00}: gap {FairnessText.Bounds(gap, entry)} over {templates} templates");
        var reason = templates < 2 ? $"{what}. One template cannot show how much the gap depends on the wording: add at least four more, with other things bought or done."
            : FairnessText.Reason(what, verdict, entry.MaxGap);
        return new FairnessCheck(name, model.Reference, "generative", "pronoun_preference", FairnessText.Word(verdict), reason, figures, groups, model.Digest, null, shares.Count * templates);
    }

    /// <summary>Mean distance of the groups from an even 0.5; reported, not judged: the world is not even either, a gap between groups is.</summary>
    private static FairnessFigure Deviation(string first, IReadOnlyDictionary<string, double[]> shares, double confidence)
    {
        var templates = shares.First().Value.Length;
        var signs = shares.ToDictionary(s => s.Key, s => Math.Sign(s.Value.Average() - 0.5), StringComparer.Ordinal);
        double[] byTemplate = [.. Enumerable.Range(0, templates).Select(t => shares.Average(s => signs[s.Key] * (s.Value[t] - 0.5)))];
        var mean = Intervals.MeanT(byTemplate, confidence);
        return new FairnessFigure($"{first}_share_mean_deviation", mean.Value, Bound(mean.Interval.Lower, 0), Bound(mean.Interval.Upper, 0.5), confidence, null, "INFO", "Student t over templates", null, null);
    }

    private static double Bound(double value, double natural) => double.IsNaN(value) ? natural : Math.Clamp(value, 0, natural == 0 ? 1 : natural);
}
