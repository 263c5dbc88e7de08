namespace Pilothouse.Statistics;

/// <summary>Two-sample Kolmogorov-Smirnov test.</summary>
/// <param name="Statistic">D = max |F1 - F2|.</param>
/// <param name="DPlus">max (F1 - F2).</param>
/// <param name="DMinus">max (F2 - F1).</param>
/// <param name="PValue">p of D: exact (for samples without ties) when n m is at most 20,000, else from the limit.</param>
/// <param name="LimitP">p of D from Kolmogorov's limit distribution.</param>
/// <param name="PGreater">One-sided p of DPlus (Hodges 1958, eq. 5.3).</param>
/// <param name="PLess">One-sided p of DMinus.</param>
/// <param name="Method">Which p PValue is.</param>
public sealed record KolmogorovSmirnovResult(
    double Statistic, double DPlus, double DMinus, double PValue, double LimitP, double PGreater, double PLess, string Method);

/// <summary>Two-sample Kolmogorov-Smirnov test.</summary>
public static class KolmogorovSmirnov
{
    private const long MostExactPairs = 20_000;

    /// <summary>Compares two samples.</summary>
    public static KolmogorovSmirnovResult Test(ReadOnlySpan<double> first, ReadOnlySpan<double> second)
    {
        Check.NotEmpty(first.Length, nameof(first));
        Check.NotEmpty(second.Length, nameof(second));
        double[] a = first.ToArray(), b = second.ToArray();
        Array.Sort(a);
        Array.Sort(b);
        long n = a.Length, m = b.Length, plus = 0, minus = 0;
        // Differences in units of 1 / (n m) are whole numbers: no rounding in the exact p.
        for (int i = 0, j = 0; i < n || j < m;)
        {
            var at = j == m || (i < n && a[i] <= b[j]) ? a[i] : b[j];
            while (i < n && a[i] == at) i++;
            while (j < m && b[j] == at) j++;
            plus = Math.Max(plus, i * m - j * n);
            minus = Math.Max(minus, j * n - i * m);
        }
        double pairs = (double)n * m, largest = Math.Max(plus, minus) / pairs;
        var limit = Limit(largest * Math.Sqrt(pairs / (n + m)));
        var isExact = n * m <= MostExactPairs;
        var p = isExact ? Exact((int)n, (int)m, Math.Max(plus, minus)) : limit;
        return new KolmogorovSmirnovResult(largest, plus / pairs, minus / pairs, p, limit, OneSided(plus / pairs, n, m), OneSided(minus / pairs, n, m),
            isExact ? "Kolmogorov-Smirnov exact" : "Kolmogorov-Smirnov limit");
    }

    /// <summary>Kolmogorov's limit distribution: P(K &gt; z).</summary>
    public static double Limit(double z)
    {
        if (z <= 0.04) return 1;
        if (z < 1)
        {
            // 1 - sqrt(2 pi)/z sum exp(-(2k-1)^2 pi^2 / (8 z^2)): converges fast where the other series does not
            var below = 0.0;
            for (var k = 1; k < 20; k++) below += Math.Exp(-(2 * k - 1) * (2 * k - 1) * Math.PI * Math.PI / (8 * z * z));
            return 1 - Math.Sqrt(2 * Math.PI) / z * below;
        }
        var sum = 0.0;
        for (var k = 1; k < 20; k++) sum += (k % 2 == 1 ? 2 : -2) * Math.Exp(-2.0 * k * k * z * z);
        return Math.Clamp(sum, 0, 1);
    }

    private static double OneSided(double d, long n, long m)
    {
        double large = Math.Max(n, m), small = Math.Min(n, m);
        var z = d * Math.Sqrt(large * small / (large + small));
        return Math.Min(1, Math.Exp(-2 * z * z - 2 * z * (large + 2 * small) / Math.Sqrt(large * small * (large + small)) / 3));
    }

    /// <summary>P(D >= d): share of lattice paths that reach |i m - j n| >= d, as the chance that a random order stays inside.</summary>
    private static double Exact(int n, int m, long d)
    {
        if (d <= 0) return 1;
        // reached[j]: probability that a random order of the first i + j values has already touched the bound, given it is at (i, j)
        var reached = new double[m + 1];
        for (var i = 0; i <= n; i++)
        {
            for (var j = 0; j <= m; j++)
            {
                if (Math.Abs((long)i * m - (long)j * n) >= d) reached[j] = 1;
                else if (i == 0 && j == 0) reached[j] = 0;
                else if (i == 0) reached[j] = reached[j - 1];
                else if (j > 0) reached[j] = (reached[j] * i + reached[j - 1] * j) / (i + j);
            }
        }
        return reached[m];
    }
}
