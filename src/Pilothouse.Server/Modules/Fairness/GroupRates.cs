using Pilothouse.Datasets;
using Pilothouse.Protocols.ProjectFiles;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Platform;
using Pilothouse.Server.Platform.Inference;
using Pilothouse.Server.Platform.Projects;
using Pilothouse.Statistics;

namespace Pilothouse.Server.Modules.Fairness;

/// <summary>A classifier's decisions on labelled data, by group: selection rate, true and false positive rate, and the largest gaps between groups.</summary>
internal sealed class GroupRates(IInference inference)
{
    private const int BatchSize = 64;

    private const int MaxRows = 200_000;

    private const int MaxGroups = 100;

    private static readonly (GroupRate Rate, string Name)[] Shown = [(GroupRate.Selection, "selection_rate"), (GroupRate.TruePositive, "true_positive_rate"), (GroupRate.FalsePositive, "false_positive_rate")];

    public async Task<FairnessCheck> RunAsync(string name, FairnessEntry entry, ModelSubject model, DataSubject data, CancellationToken ct)
    {
        var rows = Rows(name, entry, data);
        var decisions = new List<bool>(rows.Count);
        foreach (var batch in rows.Chunk(BatchSize))
        {
            var answers = await inference.ClassifyAsync(model.Target, [.. batch.Select(r => r.Input)], ct);
            if (answers.Count != batch.Length) throw new PilothouseException(ErrorCode.UpstreamFailed, $"The engine answered {answers.Count} of {batch.Length} texts.");
            if (answers[0].Probabilities.Keys is var labels && !labels.Contains(entry.Positive!))
                throw new PilothouseException(ErrorCode.InvalidArgument, $"fairness.{name}: the classifier has no label '{entry.Positive}'; it has: {string.Join(", ", labels)}.");
            decisions.AddRange(answers.Select(a => a.Label(model.Entry.Threshold) == entry.Positive));
        }
        var groups = GroupCounts.From([.. rows.Select(r => r.Label == entry.Positive)], decisions, [.. rows.Select(r => r.Group)]);
        return Judge(name, entry, model, data, groups);
    }

    /// <summary>Pure: confusion tables by group to figures and a verdict.</summary>
    internal static FairnessCheck Judge(string name, FairnessEntry entry, ModelSubject model, DataSubject data, IReadOnlyList<GroupCounts> groups)
    {
        var gaps = entry.Metrics.Distinct().Select(metric =>
        {
            var gap = GroupGaps.ByName(MetricName(metric), groups, entry.Confidence, DataProfiler.SmallGroup);
            var isKnown = !double.IsNaN(gap.Value) && gap.SmallGroups.Count == 0;
            return (Gap: gap, Verdict: isKnown ? Gates.Ceiling(gap.Interval, entry.MaxGap) : GateVerdict.Inconclusive);
        }).ToArray();
        var verdict = gaps.Any(g => g.Verdict == GateVerdict.Fail) ? GateVerdict.Fail : gaps.Any(g => g.Verdict == GateVerdict.Inconclusive) ? GateVerdict.Inconclusive : GateVerdict.Pass;
        var reason = string.Join(' ', gaps.Where(g => g.Verdict == verdict).Select(g => Reason(g.Gap, g.Verdict, entry, groups)));
        var rates = groups.SelectMany(g => Shown.Select(s => (Group: g, s.Rate, s.Name, Estimate: g.Interval(s.Rate, entry.Confidence)))).Where(r => r.Estimate is not null)
            .Select(r => new GroupFigure(r.Group.Group, r.Name, r.Estimate!.Value, r.Estimate.Interval.Lower, r.Estimate.Interval.Upper, (int)r.Group.Fraction(r.Rate).Whole));
        return new FairnessCheck(name, model.Reference, "classifier", "group_rates", FairnessText.Word(verdict), reason, [.. gaps.Select(g => FairnessText.Figure(g.Gap, entry, g.Verdict))], [.. rates],
            model.Digest, data.Digest, (int)groups.Sum(g => g.Total));
    }

    private static string Reason(GroupGap gap, GateVerdict verdict, FairnessEntry entry, IReadOnlyList<GroupCounts> groups)
    {
        if (double.IsNaN(gap.Value)) return $"{gap.Metric} is not defined: fewer than two groups have rows labelled for it.";
        var what = $"{gap.Metric} is {FairnessText.Bounds(gap, entry)} between '{gap.HighestGroup}' (highest) and '{gap.LowestGroup}' (lowest)";
        if (gap.SmallGroups.Count > 0)
            return $"{what}, but {string.Join(", ", gap.SmallGroups.Select(g => $"'{g}'"))} {(gap.SmallGroups.Count == 1 ? "has" : "have")} fewer than {DataProfiler.SmallGroup} rows behind the rate: collect more.";
        return FairnessText.Reason($"{what} on {groups.Sum(g => g.Total):0} rows", verdict, entry.MaxGap);
    }

    private static List<(string Input, string Label, string Group)> Rows(string name, FairnessEntry entry, DataSubject data)
    {
        if (data.Rows.Count == 0) throw new PilothouseException(ErrorCode.InvalidArgument, $"fairness.{name}: {data.Reference} has no rows.");
        if (data.Rows.Count > MaxRows) throw new PilothouseException(ErrorCode.TooLarge, $"fairness.{name}: {data.Reference} has {data.Rows.Count} rows; a check may have {MaxRows}.");
        var rows = data.Rows.Select(row =>
        {
            string Required(string? field) => row.Text(field!) is { Length: > 0 } text ? text
                : throw new PilothouseException(ErrorCode.InvalidArgument, $"{data.Reference}, line {row.Line}: no field '{field}', which fairness.{name} needs. The row has: {string.Join(", ", row.Fields.Select(f => f.Key).Take(20))}.");
            return (Required(entry.Input), Required(entry.Label), Group: Required(entry.Group));
        }).ToList();
        if (rows.Select(r => r.Group).Distinct(StringComparer.Ordinal).Count() is var count and (< 2 or > MaxGroups))
            throw new PilothouseException(ErrorCode.InvalidArgument, $"fairness.{name}: the field '{entry.Group}' of {data.Reference} has {count} different values; between 2 and {MaxGroups} groups can be compared.");
        return rows;
    }

    private static string MetricName(FairnessMetric metric) => metric switch
    {
        FairnessMetric.DemographicParityDifference => "demographic_parity_difference",
        FairnessMetric.EqualOpportunityDifference => "equal_opportunity_difference",
        _ => "equalized_odds_difference",
    };
}
