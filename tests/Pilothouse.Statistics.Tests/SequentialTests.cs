using System.Text.Json;

namespace Pilothouse.Statistics.Tests;

public sealed class SequentialTests
{
    [Fact]
    public void False_alarms_stay_below_alpha_when_looking_after_every_sample()
    {
        var alarms = Enumerable.Range(0, 400).Count(run => RunsUntilAlarm(0.90, 0.90, 5000, 0.05, (ulong)run) is not null);
        // alpha 5 %: 400 runs of 5,000 looks; 20 expected at most, three standard errors of grace for the simulation itself
        Assert.InRange(alarms, 0, 20 + 13);
    }

    [Fact]
    public void Naive_testing_at_every_look_fails_the_same_simulation()
    {
        var alarms = 0;
        for (var run = 0; run < 100; run++)
        {
            var random = new Xoshiro256((ulong)run, 9);
            double passes = 0;
            for (var n = 1; n <= 5000; n++)
            {
                if (random.NextBool(0.9)) passes++;
                if (n < 20 || (passes - 0.9 * n) / Math.Sqrt(n * 0.09) > -1.645) continue;
                alarms++;
                break;
            }
        }
        Assert.InRange(alarms / 100.0, 0.3, 0.8);
    }

    [Theory]
    [InlineData(0.70, 80)] // plain e-process of drift-alerting.md: 49
    [InlineData(0.80, 200)] // 137
    [InlineData(0.85, 650)] // 473
    public void A_drop_is_found_after_a_median_number_of_samples(double rate, int most)
    {
        var times = Enumerable.Range(0, 201).Select(run => RunsUntilAlarm(0.90, rate, 20_000, 0.01, (ulong)run) ?? int.MaxValue).Order().ToArray();
        TestContext.Current.TestOutputHelper?.WriteLine($"0.90 -> {rate}: median {times[100]}, 90 % {times[180]}");
        Assert.InRange(times[100], 10, most);
    }

    [Fact]
    public void A_drop_after_a_long_healthy_time_is_found_soon_and_dated()
    {
        List<long> delays = [];
        for (var run = 0; run < 51; run++)
        {
            var monitor = new BernoulliMonitor(0.90, 0.01);
            var random = new Xoshiro256((ulong)run, 5);
            for (var k = 0; k < 5000; k++) monitor.Add(random.NextBool(0.93));
            if (monitor.Alarm) continue;
            while (!monitor.Add(random.NextBool(0.70)) && monitor.Samples < 8000) { }
            delays.Add(monitor.AlarmAt!.Value - 5000);
            Assert.InRange(monitor.LikelyDropAfter, 4800, 5200);
        }
        delays.Sort();
        TestContext.Current.TestOutputHelper?.WriteLine($"median delay after 5,000 healthy samples: {delays[delays.Count / 2]}");
        Assert.InRange(delays[delays.Count / 2], 20, 160);
    }

    [Fact]
    public void A_monitor_continues_from_its_saved_state()
    {
        var one = new BernoulliMonitor(0.9, 0.01);
        var random = new Xoshiro256(1);
        for (var k = 0; k < 500; k++) one.Add(random.NextBool(0.88));
        var json = JsonSerializer.Serialize(one.Save());
        var two = BernoulliMonitor.Restore(JsonSerializer.Deserialize<BernoulliMonitorState>(json)!);
        for (var k = 0; k < 500; k++)
        {
            var passed = random.NextBool(0.8);
            Assert.Equal(one.Add(passed), two.Add(passed));
            Assert.Equal(one.LogEValue, two.LogEValue);
        }
        Assert.Equal(one.AlarmAt, two.AlarmAt);
    }

    [Fact]
    public void State_stays_bounded_over_a_long_life()
    {
        var monitor = new BernoulliMonitor(0.9, 0.01);
        for (var k = 0; k < 100_000; k++) monitor.Add(k % 10 != 0);
        Assert.InRange(monitor.Save().Starts.Length, 1, BernoulliMonitor.MaxStarts);
        Assert.True(double.IsFinite(monitor.LogEValue));
        for (var k = 0; k < 100_000; k++) monitor.Add(false);
        Assert.True(double.IsFinite(monitor.LogEValue) && monitor.Alarm);
    }

    [Fact]
    public void An_equal_canary_is_rarely_blamed_and_a_worse_one_soon()
    {
        int blamed = 0;
        List<int> found = [];
        for (var run = 0; run < 400; run++)
        {
            var random = new Xoshiro256((ulong)run, 3);
            if (CanarySamples(random, 0.9, 0.9, 2000) is not null) blamed++;
            found.Add(CanarySamples(random, 0.9, 0.6, 2000) ?? int.MaxValue);
        }
        found.Sort();
        TestContext.Current.TestOutputHelper?.WriteLine($"blamed {blamed} of 400; canary 0.9 -> 0.6 found after {found[200]} canary samples");
        Assert.InRange(blamed, 0, 20 + 13); // alpha 5 %
        Assert.InRange(found[200], 10, 80);
    }

    [Fact]
    public void Confidence_sequence_misses_rarely_over_all_looks()
    {
        var missed = 0;
        for (var run = 0; run < 200; run++)
        {
            var random = new Xoshiro256((ulong)run, 4);
            long passes = 0;
            for (var n = 1; n <= 1000; n++)
            {
                if (random.NextBool(0.8)) passes++;
                if (ConfidenceSequence.Bernoulli(passes, n).Interval.Contains(0.8)) continue;
                missed++;
                break;
            }
        }
        Assert.InRange(missed, 0, 10 + 9);
    }

    [Fact]
    public void Confidence_sequence_is_wider_than_wilson_but_not_twice_so()
    {
        var always = ConfidenceSequence.Bernoulli(800, 1000).Interval.Width;
        var once = Intervals.Wilson(800, 1000).Interval.Width;
        Assert.InRange(always / once, 1.1, 2.0);
    }

    private static int? RunsUntilAlarm(double reference, double rate, int most, double alpha, ulong seed)
    {
        var monitor = new BernoulliMonitor(reference, alpha);
        var random = new Xoshiro256(seed, 77);
        for (var n = 1; n <= most; n++)
            if (monitor.Add(random.NextBool(rate))) return n;
        return null;
    }

    private static int? CanarySamples(Xoshiro256 random, double stable, double canary, int most)
    {
        var monitor = new ArmMonitor(0.05);
        for (var n = 1; n <= most; n++)
        {
            // one canary request in five
            for (var k = 0; k < 4; k++) monitor.AddStable(random.NextBool(stable) ? 1 : 0);
            if (monitor.AddCanary(random.NextBool(canary) ? 1 : 0)) return n;
        }
        return null;
    }
}
