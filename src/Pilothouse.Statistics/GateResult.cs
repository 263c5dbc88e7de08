namespace Pilothouse.Statistics;

/// <summary>What the data say about a gate. Not deciding is an answer of its own: it never counts as a pass.</summary>
public enum GateVerdict
{
    /// <summary>Shown to hold at the stated confidence.</summary>
    Pass,

    /// <summary>Shown to be violated at the stated confidence.</summary>
    Fail,

    /// <summary>The interval straddles the limit: more items are needed.</summary>
    Inconclusive,
}

/// <summary>Result of a statistical gate, with everything a report needs.</summary>
public record GateResult
{
    /// <summary>Verdict.</summary>
    public required GateVerdict Verdict { get; init; }

    /// <summary>Point estimate: a mean score, or candidate minus baseline.</summary>
    public required double Value { get; init; }

    /// <summary>
    /// Lower and upper bound, each one-sided at the gate's confidence; as a two-sided interval it therefore has confidence 2c - 1
    /// (0.90 for a 95 % gate), which is what Interval.Confidence says. Always finite.
    /// </summary>
    public required Interval Interval { get; init; }

    /// <summary>The value that the bound is compared with: the minimum, or minus the margin.</summary>
    public required double Limit { get; init; }

    /// <summary>One-sided p-value of the hypothesis that the gate is violated; PASS needs it below 1 - confidence. For Holm over gates.</summary>
    public required double PValue { get; init; }

    /// <summary>Name of the method, for the report.</summary>
    public required string Method { get; init; }

    /// <summary>Number of items.</summary>
    public required int Items { get; init; }

    /// <summary>Number of clusters, null when items were taken as independent.</summary>
    public required int? Clusters { get; init; }

    /// <summary>Smallest true change that these items would show with power 0.8; null when it cannot be told (one item or cluster).</summary>
    public required double? MinimumDetectableEffect { get; init; }

    /// <summary>
    /// About how many more items like these would decide (with probability 0.8, if the truth is what was observed); 0 when decided,
    /// null when not even ten million would.
    /// </summary>
    public required long? MoreItemsNeeded { get; init; }
}

/// <summary>Result of a non-inferiority gate of a candidate against a baseline on the same items.</summary>
public sealed record NonInferiorityResult : GateResult
{
    /// <summary>Mean score of the candidate.</summary>
    public required double CandidateMean { get; init; }

    /// <summary>Mean score of the baseline.</summary>
    public required double BaselineMean { get; init; }

    /// <summary>Items where the candidate scores higher.</summary>
    public required int Improved { get; init; }

    /// <summary>Items where the candidate scores lower.</summary>
    public required int Worsened { get; init; }

    /// <summary>Two-sided test of no difference at all: McNemar for right/wrong scores, (cluster-robust) paired t otherwise.</summary>
    public required TestResult Difference { get; init; }

    /// <summary>The upper bound lies below zero: a decrease is shown, even if it is within the margin.</summary>
    public bool RegressionShown => Interval.Upper < 0;

    /// <summary>The lower bound lies above zero: an improvement is shown.</summary>
    public bool ImprovementShown => Interval.Lower > 0;
}
