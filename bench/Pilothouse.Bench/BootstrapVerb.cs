using System.Diagnostics;
using Pilothouse.Statistics;

namespace Pilothouse.Bench;

/// <summary>Bootstrap of the mean of 10,000 case scores with 10,000 resamples, as gates use it, beside the drawing of as many random numbers alone.</summary>
internal static class BootstrapVerb
{
    private const int Cases = 10_000, Resamples = 10_000, Rounds = 5;

    public static Task RunAsync(BenchOptions options)
    {
        var random = new Xoshiro256(1);
        double[] scores = [.. Enumerable.Range(0, Cases).Select(_ => random.NextDouble())], rights = [.. scores.Select(s => s > 0.1 ? 1.0 : 0.0)];
        Row("mean of graded scores", () => Bootstrap.Mean(scores, new BootstrapOptions(Resamples)));
        Row("paired difference of graded scores", () => Bootstrap.PairedDifference(scores, rights, new BootstrapOptions(Resamples)));
        Row("limit: the numbers alone, drawn on all processors", () => Parallel.For(0, Environment.ProcessorCount, part =>
        {
            var draws = new Xoshiro256(2, (ulong)part);
            ulong sum = 0;
            for (long k = (long)Cases * Resamples / Environment.ProcessorCount; k > 0; k--) sum += (ulong)draws.NextInt(Cases);
            GC.KeepAlive(sum);
        }));
        return Task.CompletedTask;
    }

    private static void Row(string what, Action work)
    {
        work();
        var times = new double[Rounds];
        for (var k = 0; k < Rounds; k++)
        {
            var started = Stopwatch.GetTimestamp();
            work();
            times[k] = Stopwatch.GetElapsedTime(started).TotalSeconds;
        }
        Array.Sort(times);
        Load.Row($"{what}, s (median of {Rounds}, least)", $"{times[Rounds / 2]:0.00} ({times[0]:0.00})");
    }
}
