namespace Pilothouse.Statistics;

/// <summary>A rate of a group's confusion table.</summary>
public enum GroupRate
{
    /// <summary>Predicted positive / all.</summary>
    Selection,

    /// <summary>Labelled positive / all (base rate).</summary>
    Base,

    /// <summary>True positives / labelled positive (recall; equal opportunity compares it).</summary>
    TruePositive,

    /// <summary>False positives / labelled negative.</summary>
    FalsePositive,

    /// <summary>True negatives / labelled negative.</summary>
    TrueNegative,

    /// <summary>False negatives / labelled positive.</summary>
    FalseNegative,

    /// <summary>True positives / predicted positive (predictive parity compares it).</summary>
    Precision,

    /// <summary>False positives / predicted positive.</summary>
    FalseDiscovery,

    /// <summary>False negatives / predicted negative.</summary>
    FalseOmission,

    /// <summary>Right / all.</summary>
    Accuracy,

    /// <summary>Wrong / all.</summary>
    Error,
}

/// <summary>Confusion table of one group; counts, or sums of weights.</summary>
public sealed record GroupCounts(string Group, double TruePositives, double FalsePositives, double TrueNegatives, double FalseNegatives)
{
    /// <summary>Number of items (or sum of weights).</summary>
    public double Total => TruePositives + FalsePositives + TrueNegatives + FalseNegatives;

    /// <summary>F1 = 2 TP / (2 TP + FP + FN); NaN when undefined.</summary>
    public double F1 => 2 * TruePositives / (2 * TruePositives + FalsePositives + FalseNegatives);

    /// <summary>The rate; NaN when its denominator is zero.</summary>
    public double Rate(GroupRate rate)
    {
        var (part, whole) = Fraction(rate);
        return whole == 0 ? double.NaN : part / whole;
    }

    /// <summary>Numerator and denominator of a rate.</summary>
    public (double Part, double Whole) Fraction(GroupRate rate) => rate switch
    {
        GroupRate.Selection => (TruePositives + FalsePositives, Total),
        GroupRate.Base => (TruePositives + FalseNegatives, Total),
        GroupRate.TruePositive => (TruePositives, TruePositives + FalseNegatives),
        GroupRate.FalsePositive => (FalsePositives, FalsePositives + TrueNegatives),
        GroupRate.TrueNegative => (TrueNegatives, FalsePositives + TrueNegatives),
        GroupRate.FalseNegative => (FalseNegatives, TruePositives + FalseNegatives),
        GroupRate.Precision => (TruePositives, TruePositives + FalsePositives),
        GroupRate.FalseDiscovery => (FalsePositives, TruePositives + FalsePositives),
        GroupRate.FalseOmission => (FalseNegatives, TrueNegatives + FalseNegatives),
        GroupRate.Accuracy => (TruePositives + TrueNegatives, Total),
        GroupRate.Error => (FalsePositives + FalseNegatives, Total),
        _ => throw new ArgumentOutOfRangeException(nameof(rate), rate, "Unknown rate."),
    };

    /// <summary>Wilson interval of a rate of unweighted counts; null when the rate is undefined.</summary>
    public Estimate? Interval(GroupRate rate, double confidence = 0.95)
    {
        var (part, whole) = Fraction(rate);
        return whole == 0 ? null : Intervals.Wilson((long)Math.Round(part), (long)Math.Round(whole), confidence);
    }

    /// <summary>Counts items by group, groups in ordinal order. Labels and predictions: true = positive (favourable).</summary>
    public static IReadOnlyList<GroupCounts> From(
        IReadOnlyList<bool> labels, IReadOnlyList<bool> predictions, IReadOnlyList<string> groups, IReadOnlyList<double>? weights = null)
    {
        Check.SameLength(labels.Count, predictions.Count);
        Check.SameLength(labels.Count, groups.Count);
        Check.SameLength(labels.Count, weights?.Count ?? labels.Count);
        var tables = new SortedDictionary<string, double[]>(StringComparer.Ordinal);
        for (var k = 0; k < labels.Count; k++)
        {
            if (!tables.TryGetValue(groups[k], out var cells)) tables[groups[k]] = cells = new double[4];
            cells[(labels[k] ? 0 : 1) + (predictions[k] ? 0 : 2)] += weights?[k] ?? 1;
        }
        return [.. tables.Select(t => new GroupCounts(t.Key, t.Value[0], t.Value[1], t.Value[3], t.Value[2]))];
    }

    /// <summary>All groups together.</summary>
    public static GroupCounts Overall(IReadOnlyList<GroupCounts> groups) => new("overall", groups.Sum(g => g.TruePositives),
        groups.Sum(g => g.FalsePositives), groups.Sum(g => g.TrueNegatives), groups.Sum(g => g.FalseNegatives));
}
