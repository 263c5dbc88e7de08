using Pilothouse.Protocols.ProjectFiles;
using Pilothouse.Protocols.V1;
using Pilothouse.Statistics;

namespace Pilothouse.Server.Modules.Fairness;

/// <summary>What the methods share: a gap as a wire record and as a sentence.</summary>
internal static class FairnessText
{
    public static string Word(GateVerdict verdict) => verdict.ToString().ToUpperInvariant();

    public static FairnessFigure Figure(GroupGap gap, FairnessEntry entry, GateVerdict verdict) => new(gap.Metric, gap.Value, gap.Interval.Lower, gap.Interval.Upper, entry.Confidence, entry.MaxGap,
        Word(verdict), gap.Method, Name(gap.LowestGroup), Name(gap.HighestGroup));

    /// <summary><c>0.412 (one-sided 95 % bounds [0.301, 0.498])</c></summary>
    public static string Bounds(GroupGap gap, FairnessEntry entry) =>
        FormattableString.Invariant($"{gap.Value:0.000} (one-sided {entry.Confidence * 100:0.##} % bounds [{gap.Interval.Lower:0.000}, {gap.Interval.Upper:0.000}])");

    public static string Reason(string what, GateVerdict verdict, double limit) => verdict switch
    {
        GateVerdict.Pass => FormattableString.Invariant($"{what}; the upper bound is within the limit {limit:0.00}."),
        GateVerdict.Fail => FormattableString.Invariant($"{what}; even the lower bound is beyond the limit {limit:0.00}."),
        _ => FormattableString.Invariant($"{what}; the bounds straddle the limit {limit:0.00}: more rows or templates would decide."),
    };

    private static string? Name(string group) => group.Length == 0 ? null : group;
}
