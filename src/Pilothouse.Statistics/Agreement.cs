namespace Pilothouse.Statistics;

/// <summary>How far apart two values of a scale are.</summary>
public enum MeasurementLevel
{
    /// <summary>Equal or not.</summary>
    Nominal,

    /// <summary>Ranked categories.</summary>
    Ordinal,

    /// <summary>Squared difference.</summary>
    Interval,

    /// <summary>Squared difference relative to the sum.</summary>
    Ratio,
}

/// <summary>Weights of disagreement in Cohen's kappa.</summary>
public enum KappaWeights
{
    /// <summary>All disagreements are equal.</summary>
    None,

    /// <summary>|i - j| over the sorted labels.</summary>
    Linear,

    /// <summary>(i - j)^2 over the sorted labels.</summary>
    Quadratic,
}

/// <summary>Agreement of raters beyond chance: a judge model with humans, humans with each other, repeats with themselves.</summary>
public static class Agreement
{
    /// <summary>Cohen's kappa of two raters over sorted labels; NaN when both use one label only.</summary>
    public static double CohenKappa(IReadOnlyList<double> first, IReadOnlyList<double> second, KappaWeights weights = KappaWeights.None)
    {
        Check.SameLength(first.Count, second.Count);
        double[] labels = [.. first.Concat(second).Distinct().Order()];
        double n = first.Count, observed = 0, expected = 0;
        double[] a = new double[labels.Length], b = new double[labels.Length];
        double Weight(int i, int j) => weights switch
        {
            KappaWeights.Linear => Math.Abs(i - j),
            KappaWeights.Quadratic => (double)(i - j) * (i - j),
            _ => i == j ? 0 : 1,
        };
        for (var k = 0; k < first.Count; k++)
        {
            int i = Array.BinarySearch(labels, first[k]), j = Array.BinarySearch(labels, second[k]);
            a[i]++;
            b[j]++;
            observed += Weight(i, j);
        }
        for (var i = 0; i < labels.Length; i++)
            for (var j = 0; j < labels.Length; j++) expected += Weight(i, j) * a[i] * b[j] / n;
        return expected == 0 ? double.NaN : 1 - observed / expected;
    }

    /// <summary>Fleiss' kappa: rows = subjects, columns = counts per category, the same number of raters each.</summary>
    /// <param name="table">Counts.</param>
    /// <param name="isFreeMarginal">Randolph's form: chance agreement 1 / categories.</param>
    public static double FleissKappa(IReadOnlyList<IReadOnlyList<double>> table, bool isFreeMarginal = false)
    {
        double raters = table[0].Sum(), categories = table[0].Count, total = table.Count * raters;
        var observed = table.Average(row => (row.Sum(c => c * c) - raters) / (raters * (raters - 1)));
        var chance = isFreeMarginal ? 1 / categories
            : Enumerable.Range(0, table[0].Count).Sum(j => Math.Pow(table.Sum(row => row[j]) / total, 2));
        return (observed - chance) / (1 - chance);
    }

    /// <summary>
    /// Krippendorff's alpha (2011) with missing values: rows = units, one value per rater or null. 1 = perfect, 0 = chance. Units with
    /// fewer than two values are ignored; NaN when nothing varies.
    /// </summary>
    public static double KrippendorffAlpha(IReadOnlyList<IReadOnlyList<double?>> units, MeasurementLevel level = MeasurementLevel.Nominal)
    {
        double[][] kept = [.. units.Select(u => u.Where(v => v is not null).Select(v => v!.Value).ToArray()).Where(u => u.Length > 1)];
        double[] values = [.. kept.SelectMany(u => u).Distinct().Order()];
        double[] totals = [.. values.Select(v => (double)kept.Sum(u => u.Count(x => x == v)))];
        double n = totals.Sum(), observed = 0, expected = 0;
        double Distance(int i, int j) => level switch
        {
            MeasurementLevel.Nominal => i == j ? 0 : 1,
            MeasurementLevel.Ordinal => Math.Pow(totals[Math.Min(i, j)..(Math.Max(i, j) + 1)].Sum() - (totals[i] + totals[j]) / 2, 2),
            MeasurementLevel.Interval => Math.Pow(values[i] - values[j], 2),
            _ => values[i] + values[j] == 0 ? 0 : Math.Pow((values[i] - values[j]) / (values[i] + values[j]), 2),
        };
        foreach (var unit in kept)
        {
            int[] at = [.. unit.Select(v => Array.BinarySearch(values, v))];
            var sum = 0.0;
            for (var i = 0; i < at.Length; i++)
                for (var j = 0; j < at.Length; j++) sum += i == j ? 0 : Distance(at[i], at[j]);
            observed += sum / (unit.Length - 1);
        }
        for (var i = 0; i < values.Length; i++)
            for (var j = 0; j < values.Length; j++) expected += totals[i] * totals[j] * Distance(i, j);
        return expected == 0 ? double.NaN : 1 - (n - 1) * observed / expected;
    }
}
