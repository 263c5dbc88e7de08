using Pilothouse.Protocols.V1;
using Pilothouse.Statistics;

namespace Pilothouse.Server.Modules.Evaluation;

/// <summary>Results of a suite by the values of its slice fields. Exploratory: Benjamini-Hochberg over all of them, and never a verdict.</summary>
internal static class SuiteSlices
{
    /// <summary>Cases below which a slice says nothing.</summary>
    public const int LeastCases = 30;

    private const double Confidence = 0.95, FalseDiscoveryRate = 0.05;

    /// <summary>Values of one field; further ones are left out.</summary>
    private const int MaxValues = 50;

    public static IReadOnlyList<SliceResult>? Of(SuitePlan plan, IReadOnlyList<ScoreColumn> columns)
    {
        if (plan.Entry.Slices.Count == 0) return null;
        var gated = plan.Entry.Gates.Select(g => g.Scorer).ToHashSet(StringComparer.Ordinal);
        ScoreColumn[] looked = [.. columns.Where(c => c.Corpus is null && gated.Contains(c.Scorer))];
        if (looked.Length == 0) looked = [.. columns.Where(c => c.Corpus is null).Take(1)];
        var slices = new List<SliceResult>();
        foreach (var field in plan.Entry.Slices)
            foreach (var group in plan.Counted.GroupBy(i => plan.Cases[i].Fields.GetValueOrDefault(field) ?? "").OrderByDescending(g => g.Count()).ThenBy(g => g.Key, StringComparer.Ordinal).Take(MaxValues))
                foreach (var column in looked) slices.Add(One(field, group.Key, column.Of([.. group])));
        return Marked(slices);
    }

    private static SliceResult One(string field, string value, ScoreColumn column)
    {
        const double Each = 1 - (1 - Confidence) / 2;
        var own = Gates.Floor(column.Candidate, 0, Each, column.Clusters);
        var slice = new SliceResult(field, value, column.Scorer, column.Candidate.Length, own.Value, own.Interval.Lower, own.Interval.Upper);
        if (column.Baseline is null) return slice with { Mark = column.Candidate.Length < LeastCases ? "too few" : "" };
        var change = Gates.NonInferiority(column.Candidate, column.Baseline, 0, Each, column.Clusters);
        slice = slice with { Baseline = change.BaselineMean, Difference = change.Value, DifferenceLower = change.Interval.Lower, DifferenceUpper = change.Interval.Upper };
        return column.Candidate.Length < LeastCases ? slice with { Mark = "too few" } : slice with { PValue = change.Difference.PValue };
    }

    private static SliceResult[] Marked(List<SliceResult> slices)
    {
        int[] tested = [.. Enumerable.Range(0, slices.Count).Where(i => slices[i].PValue is not null)];
        var adjusted = MultipleTesting.BenjaminiHochberg([.. tested.Select(i => slices[i].PValue!.Value)]);
        SliceResult[] marked = [.. slices];
        for (var k = 0; k < tested.Length; k++)
        {
            var slice = marked[tested[k]];
            marked[tested[k]] = slice with { AdjustedPValue = adjusted[k], Mark = adjusted[k] > FalseDiscoveryRate ? "" : slice.Difference < 0 ? "worse" : "better" };
        }
        return marked;
    }
}
