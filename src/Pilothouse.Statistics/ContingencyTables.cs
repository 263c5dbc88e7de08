namespace Pilothouse.Statistics;

/// <summary>Chi-squared and G tests of a table.</summary>
/// <param name="ChiSquared">Pearson's statistic.</param>
/// <param name="PValue">Its p.</param>
/// <param name="DegreesOfFreedom">(r - 1)(c - 1).</param>
/// <param name="CramersV">sqrt(chi2 / (n min(r - 1, c - 1))), 0 to 1.</param>
/// <param name="G">Likelihood-ratio statistic 2 sum O ln(O/E).</param>
/// <param name="GPValue">Its p.</param>
/// <param name="Expected">Expected counts.</param>
public sealed record ChiSquaredResult(double ChiSquared, double PValue, int DegreesOfFreedom, double CramersV, double G, double GPValue, double[][] Expected);

/// <summary>Tests of counts in categories.</summary>
public static class ContingencyTables
{
    /// <summary>Do samples (rows) have equal category shares (columns)? Every row and column needs a positive total.</summary>
    public static ChiSquaredResult Homogeneity(IReadOnlyList<IReadOnlyList<double>> table)
    {
        int rows = table.Count, columns = table[0].Count;
        double[] rowTotals = [.. table.Select(r => r.Sum())];
        double[] columnTotals = [.. Enumerable.Range(0, columns).Select(j => table.Sum(r => r[j]))];
        var n = rowTotals.Sum();
        if (rowTotals.Contains(0) || columnTotals.Contains(0)) throw new ArgumentException("Every row and column needs a positive total.", nameof(table));
        double chi = 0, g = 0;
        var expected = new double[rows][];
        for (var i = 0; i < rows; i++)
        {
            expected[i] = new double[columns];
            for (var j = 0; j < columns; j++)
            {
                double e = expected[i][j] = rowTotals[i] * columnTotals[j] / n, o = table[i][j];
                chi += (o - e) * (o - e) / e;
                g += o == 0 ? 0 : 2 * o * Math.Log(o / e);
            }
        }
        var df = (rows - 1) * (columns - 1);
        return new ChiSquaredResult(chi, Tail(chi, df), df, Math.Sqrt(chi / (n * Math.Min(rows - 1, columns - 1))), g, Tail(g, df), expected);
    }

    /// <summary>Yates' continuity-corrected chi-squared of a 2x2 table: each |O - E| reduced by min(1/2, |O - E|).</summary>
    public static TestResult Yates(double a, double b, double c, double d)
    {
        var expected = Homogeneity([[a, b], [c, d]]).Expected;
        var gap = Math.Abs(a - expected[0][0]);
        gap -= Math.Min(0.5, gap);
        var chi = expected.Sum(row => row.Sum(e => gap * gap / e));
        return new TestResult(chi, ChiSquared.UpperTail(chi, 1), 1, "chi-squared with Yates' correction");
    }

    /// <summary>Fisher's exact test of a 2x2 table, two-sided: all tables no likelier than the observed one.</summary>
    public static TestResult FisherExact(long a, long b, long c, long d)
    {
        long row = a + b, column = a + c, n = a + b + c + d;
        long least = Math.Max(0, row + column - n), most = Math.Min(row, column);
        double Log(long k) => Choose(column, k) + Choose(n - column, row - k) - Choose(n, row);
        var observed = Log(a) + 1e-7;
        var p = 0.0;
        for (var k = least; k <= most; k++)
        {
            var log = Log(k);
            if (log <= observed) p += Math.Exp(log);
        }
        return new TestResult(double.NaN, Math.Min(1, p), double.NaN, "Fisher exact");
    }

    /// <summary>Do counts follow reference shares? The shares are scaled to the total; a share of 0 is not allowed.</summary>
    public static TestResult GoodnessOfFit(ReadOnlySpan<double> observed, ReadOnlySpan<double> proportions)
    {
        Check.SameLength(observed.Length, proportions.Length);
        double total = 0, shares = 0, chi = 0;
        foreach (var one in observed) total += one;
        foreach (var one in proportions) shares += one;
        for (var k = 0; k < observed.Length; k++)
        {
            var e = proportions[k] / shares * total;
            if (!(e > 0)) throw new ArgumentException("Reference shares must be positive.", nameof(proportions));
            chi += (observed[k] - e) * (observed[k] - e) / e;
        }
        return new TestResult(chi, Tail(chi, observed.Length - 1), observed.Length - 1, "chi-squared goodness of fit");
    }

    private static double Tail(double chi, int df) => df == 0 ? 1 : ChiSquared.UpperTail(chi, df);

    private static double Choose(long n, long k) =>
        SpecialFunctions.LogGamma(n + 1.0) - SpecialFunctions.LogGamma(k + 1.0) - SpecialFunctions.LogGamma(n - k + 1.0);
}
