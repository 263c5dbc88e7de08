namespace Pilothouse.Statistics;

/// <summary>How a bootstrap distribution becomes an interval.</summary>
public enum BootstrapInterval
{
    /// <summary>Bias-corrected and accelerated (Efron 1987); the default.</summary>
    Bca,

    /// <summary>Plain percentiles of the resampled statistic.</summary>
    Percentile,
}

/// <summary>Settings of a bootstrap; equal settings and data give equal results, whatever the number of processors.</summary>
/// <param name="Resamples">100 to 1,000,000.</param>
/// <param name="Seed">Seed of the generator.</param>
/// <param name="Confidence">For example 0.95.</param>
/// <param name="Interval">BCa or percentile.</param>
/// <param name="Side">Which ends count.</param>
public sealed record BootstrapOptions(
    int Resamples = 10_000, ulong Seed = 20_240_601, double Confidence = 0.95, BootstrapInterval Interval = BootstrapInterval.Bca, Side Side = Side.TwoSided);

/// <summary>Statistic of a resample, given as indices of items (with repeats). Called from several threads at once.</summary>
public delegate double ItemStatistic(ReadOnlySpan<int> items);

/// <summary>Bootstrap over items or clusters (Efron and Tibshirani 1993; paired use in evaluation: Koehn 2004).</summary>
public static class Bootstrap
{
    /// <summary>Most resamples accepted.</summary>
    public const int MaxResamples = 1_000_000;

    private const int BlockSize = 64;

    /// <summary>Interval of a mean; items are resampled.</summary>
    public static Estimate Mean(ReadOnlySpan<double> values, BootstrapOptions? options = null)
    {
        Check.NotEmpty(values.Length, nameof(values));
        Check.Finite(values, nameof(values));
        options ??= new BootstrapOptions();
        var data = values.ToArray();
        var sum = data.Sum();
        var draws = Resample(options, random => random.SumOfDraws(data) / data.Length);
        double JackknifeMean(int left) => (sum - data[left]) / (data.Length - 1);
        return Finish(sum / data.Length, draws, data.Length, JackknifeMean, options, "bootstrap of items");
    }

    /// <summary>Interval of the mean difference candidate - baseline; items are resampled, so pairs stay together.</summary>
    public static Estimate PairedDifference(ReadOnlySpan<double> candidate, ReadOnlySpan<double> baseline, BootstrapOptions? options = null)
    {
        var estimate = Mean(PairedTests.Differences(candidate, baseline), options);
        return estimate with { Method = "paired " + estimate.Method };
    }

    /// <summary>Interval of a mean whose items come in clusters: whole clusters are resampled.</summary>
    /// <param name="values">One value per item (for a paired comparison: the differences).</param>
    /// <param name="clusters">Cluster of each item.</param>
    /// <param name="options">Settings.</param>
    public static Estimate ClusterMean(ReadOnlySpan<double> values, IReadOnlyList<string> clusters, BootstrapOptions? options = null)
    {
        Check.NotEmpty(values.Length, nameof(values));
        Check.Finite(values, nameof(values));
        options ??= new BootstrapOptions();
        var (sums, sizes) = ClusterRobust.Totals(values, clusters);
        double total = sums.Sum(), items = values.Length;
        var draws = Resample(options, random =>
        {
            double sum = 0, size = 0;
            for (var k = 0; k < sums.Length; k++)
            {
                var pick = random.NextInt(sums.Length);
                sum += sums[pick];
                size += sizes[pick];
            }
            return sum / size;
        });
        double Jackknife(int left) => (total - sums[left]) / (items - sizes[left]);
        return Finish(total / items, draws, sums.Length, Jackknife, options, "bootstrap of clusters");
    }

    /// <summary>Interval of any statistic of items, for corpus metrics such as BLEU or F1 that are not means of item scores.</summary>
    public static Estimate Statistic(int items, ItemStatistic statistic, BootstrapOptions? options = null)
    {
        Check.NotEmpty(items, nameof(items));
        options ??= new BootstrapOptions();
        var all = Enumerable.Range(0, items).ToArray();
        var draws = Resample(options, random =>
        {
            var pick = new int[items];
            for (var k = 0; k < pick.Length; k++) pick[k] = random.NextInt(items);
            return statistic(pick);
        });
        double Jackknife(int left) => statistic([.. all.AsSpan(0, left), .. all.AsSpan(left + 1)]);
        return Finish(statistic(all), draws, items, Jackknife, options, "bootstrap of items");
    }

    /// <summary>Runs the resamples in blocks, each with its own stream, so that the result does not depend on scheduling. Sorted upwards.</summary>
    internal static double[] Resample(BootstrapOptions options, Func<Xoshiro256, double> draw)
    {
        if (options.Resamples is < 100 or > MaxResamples)
            throw new ArgumentOutOfRangeException(nameof(options), options.Resamples, $"Resamples must lie between 100 and {MaxResamples}.");
        Check.Confidence(options.Confidence);
        var results = new double[options.Resamples];
        var blocks = (options.Resamples + BlockSize - 1) / BlockSize;
        Parallel.For(0, blocks, block =>
        {
            var random = new Xoshiro256(options.Seed, (ulong)block);
            var end = Math.Min(options.Resamples, (block + 1) * BlockSize);
            for (var k = block * BlockSize; k < end; k++) results[k] = draw(random);
        });
        Array.Sort(results);
        return results;
    }

    private static Estimate Finish(
        double value, double[] draws, int units, Func<int, double> jackknife, BootstrapOptions options, string method)
    {
        var alpha = Check.TailAlpha(options.Confidence, options.Side);
        double low = alpha, high = 1 - alpha;
        var isCorrected = options.Interval == BootstrapInterval.Bca && units > 1 && draws[0] < draws[^1];
        if (isCorrected) (low, high) = Corrected(value, draws, units, jackknife, alpha);
        var lower = Moments.SortedQuantile(draws, low);
        var upper = Moments.SortedQuantile(draws, high);
        var interval = Intervals.OneSided(lower, upper, double.NegativeInfinity, double.PositiveInfinity, options.Confidence, options.Side);
        if (units < 2) interval = Interval.Unknown(options.Confidence);
        return new Estimate(value, interval, (isCorrected ? "BCa " : "percentile ") + method);
    }

    /// <summary>Efron 1987: levels shifted by the median bias z0 and the acceleration a.</summary>
    private static (double Low, double High) Corrected(double value, double[] draws, int units, Func<int, double> jackknife, double alpha)
    {
        var (z0, a) = Correction(value, draws, units, jackknife);
        double Level(double z) => Normal.Cdf(z0 + (z0 + z) / (1 - a * (z0 + z)));
        var quantile = Normal.Quantile(1 - alpha);
        return (Level(-quantile), Level(quantile));
    }

    /// <summary>Efron 1987: the median bias z0 of the draws, and the acceleration a, a sixth of the jackknife's skewness.</summary>
    internal static (double Bias, double Acceleration) Correction(double value, double[] draws, int units, Func<int, double> jackknife)
    {
        double below = 0;
        foreach (var draw in draws) below += draw < value ? 1 : draw == value ? 0.5 : 0;
        var share = Math.Clamp(below / draws.Length, 0.5 / draws.Length, 1 - 0.5 / draws.Length);
        var left = new double[units];
        for (var k = 0; k < units; k++) left[k] = jackknife(k);
        var mean = left.Average();
        double squares = 0, cubes = 0;
        foreach (var one in left)
        {
            squares += (mean - one) * (mean - one);
            cubes += (mean - one) * (mean - one) * (mean - one);
        }
        return (Normal.Quantile(share), squares == 0 ? 0 : cubes / (6 * Math.Pow(squares, 1.5)));
    }
}
