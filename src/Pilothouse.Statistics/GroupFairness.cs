namespace Pilothouse.Statistics;

/// <summary>What groups are compared with.</summary>
public enum GroupComparison
{
    /// <summary>The highest group with the lowest.</summary>
    BetweenGroups,

    /// <summary>The farthest group with all items together.</summary>
    ToOverall,
}

/// <summary>
/// Point values of the usual group-fairness metrics (definitions of Fairlearn). A group whose rate is undefined is left out unless
/// `undefinedAsZero`, Fairlearn's convention, is asked for. Intervals: <see cref="GroupGaps"/>.
/// </summary>
public static class GroupFairness
{
    /// <summary>Largest difference of a rate. Demographic parity: Selection; equal opportunity: TruePositive; predictive parity: Precision.</summary>
    public static double Difference(
        IReadOnlyList<GroupCounts> groups, GroupRate rate, GroupComparison comparison = GroupComparison.BetweenGroups, bool undefinedAsZero = false)
    {
        var rates = Rates(groups, rate, undefinedAsZero);
        if (rates.Length == 0) return double.NaN;
        if (comparison == GroupComparison.BetweenGroups) return rates.Max() - rates.Min();
        var overall = Of(GroupCounts.Overall(groups), rate, undefinedAsZero);
        return rates.Max(r => Math.Abs(r - overall));
    }

    /// <summary>Smallest ratio of a rate, in [0, 1]; disparate impact is that of Selection. NaN for 0/0.</summary>
    public static double Ratio(
        IReadOnlyList<GroupCounts> groups, GroupRate rate, GroupComparison comparison = GroupComparison.BetweenGroups, bool undefinedAsZero = false)
    {
        var rates = Rates(groups, rate, undefinedAsZero);
        if (rates.Length == 0) return double.NaN;
        if (comparison == GroupComparison.BetweenGroups) return rates.Min() / rates.Max();
        var overall = Of(GroupCounts.Overall(groups), rate, undefinedAsZero);
        double[] ratios = [.. rates.Select(r => r / overall).Select(r => r > 1 ? 1 / r : r).Where(r => !double.IsNaN(r))];
        return ratios.Length == 0 ? double.NaN : ratios.Min();
    }

    /// <summary>Equalized odds: the larger of the true-positive-rate and false-positive-rate differences (or their mean).</summary>
    public static double EqualizedOddsDifference(IReadOnlyList<GroupCounts> groups,
        GroupComparison comparison = GroupComparison.BetweenGroups, bool isMean = false, bool undefinedAsZero = false)
    {
        var tpr = Difference(groups, GroupRate.TruePositive, comparison, undefinedAsZero);
        var fpr = Difference(groups, GroupRate.FalsePositive, comparison, undefinedAsZero);
        return isMean ? Mean(tpr, fpr) : Larger(tpr, fpr);
    }

    /// <summary>Equalized odds: the smaller of the true-positive-rate and false-positive-rate ratios (or their mean).</summary>
    public static double EqualizedOddsRatio(IReadOnlyList<GroupCounts> groups,
        GroupComparison comparison = GroupComparison.BetweenGroups, bool isMean = false, bool undefinedAsZero = false)
    {
        var tpr = Ratio(groups, GroupRate.TruePositive, comparison, undefinedAsZero);
        var fpr = Ratio(groups, GroupRate.FalsePositive, comparison, undefinedAsZero);
        return isMean ? Mean(tpr, fpr) : -Larger(-tpr, -fpr);
    }

    /// <summary>Rate of the unprivileged group minus that of the privileged one (AIF360's sign); NaN when undefined.</summary>
    public static double SignedDifference(GroupCounts unprivileged, GroupCounts privileged, GroupRate rate) =>
        unprivileged.Rate(rate) - privileged.Rate(rate);

    /// <summary>Rate of the unprivileged group divided by that of the privileged one.</summary>
    public static double SignedRatio(GroupCounts unprivileged, GroupCounts privileged, GroupRate rate) =>
        unprivileged.Rate(rate) / privileged.Rate(rate);

    /// <summary>
    /// Weights that make label and group independent (Kamiran and Calders 2012): P(group) P(label) / P(group, label), in the order
    /// privileged favourable, privileged unfavourable, unprivileged favourable, unprivileged unfavourable.
    /// </summary>
    public static (double PrivilegedFavourable, double PrivilegedUnfavourable, double UnprivilegedFavourable, double UnprivilegedUnfavourable)
        Reweighing(long privileged, long privilegedPositives, long unprivileged, long unprivilegedPositives)
    {
        double n = privileged + unprivileged, positives = privilegedPositives + unprivilegedPositives, negatives = n - positives;
        return (privileged * positives / (n * privilegedPositives), privileged * negatives / (n * (privileged - privilegedPositives)),
            unprivileged * positives / (n * unprivilegedPositives), unprivileged * negatives / (n * (unprivileged - unprivilegedPositives)));
    }

    /// <summary>
    /// Smoothed empirical differential fairness (Foulds et al. 2020): largest |ln ratio| between groups of the smoothed rates
    /// (positives + concentration / 2) / (n + concentration), for both outcomes.
    /// </summary>
    public static double DifferentialFairness(IReadOnlyList<(double Positives, double Count)> groups, double concentration = 1)
    {
        double[] favourable = [.. groups.Select(g => (g.Positives + concentration / 2) / (g.Count + concentration))];
        double[] other = [.. groups.Select(g => (g.Count - g.Positives + concentration / 2) / (g.Count + concentration))];
        return Math.Max(Math.Log(favourable.Max() / favourable.Min()), Math.Log(other.Max() / other.Min()));
    }

    private static double Mean(double a, double b) => double.IsNaN(a) ? b : double.IsNaN(b) ? a : (a + b) / 2;

    private static double Larger(double a, double b) => double.IsNaN(a) ? b : double.IsNaN(b) ? a : Math.Max(a, b);

    private static double[] Rates(IReadOnlyList<GroupCounts> groups, GroupRate rate, bool undefinedAsZero) =>
        [.. groups.Select(g => Of(g, rate, undefinedAsZero)).Where(r => !double.IsNaN(r))];

    private static double Of(GroupCounts group, GroupRate rate, bool undefinedAsZero)
    {
        var value = group.Rate(rate);
        return undefinedAsZero && double.IsNaN(value) ? 0 : value;
    }
}
