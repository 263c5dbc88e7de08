namespace Pilothouse.Statistics;

/// <summary>Selection rate of a category compared with the highest (NYC Local Law 144, 6 RCNY 5-300).</summary>
/// <param name="Category">Category.</param>
/// <param name="Rate">Selected / applicants; NaN without applicants.</param>
/// <param name="Ratio">Rate / highest rate; NaN when undefined or left out.</param>
/// <param name="IsLeftOut">No applicants, or fewer than the share under which a category may be left out.</param>
/// <param name="IsBelowFourFifths">Ratio below 0.8: information only, the rule sets no threshold.</param>
public sealed record ImpactRatio(string Category, double Rate, double Ratio, bool IsLeftOut, bool IsBelowFourFifths);

/// <summary>Inequality of benefits over individuals and groups, and impact ratios.</summary>
public static class Inequality
{
    /// <summary>
    /// Generalized entropy index of non-negative benefits (Speicher et al. 2018): alpha 2 half the squared coefficient of variation,
    /// 1 Theil, 0 mean log deviation. NaN when all are zero.
    /// </summary>
    public static double GeneralizedEntropy(ReadOnlySpan<double> benefits, double alpha = 2)
    {
        var mean = Moments.MeanAndVariance(benefits).Mean;
        if (mean == 0) return double.NaN;
        var sum = 0.0;
        foreach (var benefit in benefits)
        {
            var share = benefit / mean;
            sum += alpha switch
            {
                1 => share == 0 ? 0 : share * Math.Log(share),
                0 => -Math.Log(share),
                _ => Math.Pow(share, alpha) - 1,
            };
        }
        return sum / benefits.Length / (alpha is 0 or 1 ? 1 : alpha * (alpha - 1));
    }

    /// <summary>Theil index, GEI(1).</summary>
    public static double Theil(ReadOnlySpan<double> benefits) => GeneralizedEntropy(benefits, 1);

    /// <summary>Between-group part: every benefit replaced by the mean of its group.</summary>
    public static double BetweenGroups(ReadOnlySpan<double> benefits, IReadOnlyList<string> groups, double alpha = 2)
    {
        var (sums, sizes) = ClusterRobust.Totals(benefits, groups);
        return GeneralizedEntropy([.. sums.SelectMany((sum, k) => Enumerable.Repeat(sum / sizes[k], sizes[k]))], alpha);
    }

    /// <summary>Standard deviation (n) / mean.</summary>
    public static double CoefficientOfVariation(ReadOnlySpan<double> values)
    {
        var (mean, variance) = Moments.MeanAndVariance(values);
        return (values.Length < 2 ? 0 : Math.Sqrt(variance * (values.Length - 1) / values.Length)) / mean;
    }

    /// <summary>Gini coefficient: mean absolute difference of all pairs / (2 mean), 0 = all equal.</summary>
    public static double Gini(ReadOnlySpan<double> values)
    {
        var sorted = values.ToArray();
        Array.Sort(sorted);
        double weighted = 0, sum = 0;
        for (var k = 0; k < sorted.Length; k++)
        {
            weighted += (2 * (k + 1) - sorted.Length - 1) * sorted[k];
            sum += sorted[k];
        }
        return weighted / (sorted.Length * sum);
    }

    /// <summary>Impact ratios of selection rates; categories below `excludeBelowShare` of the applicants are left out of the comparison.</summary>
    public static IReadOnlyList<ImpactRatio> ImpactRatios(
        IReadOnlyList<(string Category, long Selected, long Applicants)> categories, double excludeBelowShare = 0)
    {
        double total = categories.Sum(c => c.Applicants);
        bool LeftOut(long applicants) => applicants == 0 || applicants < excludeBelowShare * total;
        var highest = categories.Where(c => !LeftOut(c.Applicants))
            .Select(c => (double)c.Selected / c.Applicants).DefaultIfEmpty(double.NaN).Max();
        return [.. categories.Select(c =>
        {
            var rate = c.Applicants == 0 ? double.NaN : (double)c.Selected / c.Applicants;
            var ratio = LeftOut(c.Applicants) || highest == 0 ? double.NaN : rate / highest;
            return new ImpactRatio(c.Category, rate, ratio, LeftOut(c.Applicants), ratio < 0.8);
        })];
    }

    /// <summary>Scoring rates: share of each category with a score above the median of all (ties are not above).</summary>
    public static (double Median, IReadOnlyList<ImpactRatio> Ratios) ScoringRates(ReadOnlySpan<double> scores, IReadOnlyList<string> groups)
    {
        var sorted = scores.ToArray();
        Array.Sort(sorted);
        var median = Moments.SortedQuantile(sorted, 0.5);
        var counts = new SortedDictionary<string, (long Above, long All)>(StringComparer.Ordinal);
        for (var k = 0; k < scores.Length; k++)
        {
            var (above, all) = counts.GetValueOrDefault(groups[k]);
            counts[groups[k]] = (above + (scores[k] > median ? 1 : 0), all + 1);
        }
        return (median, ImpactRatios([.. counts.Select(c => (c.Key, c.Value.Above, c.Value.All))]));
    }
}
