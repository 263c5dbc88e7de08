using Pilothouse.Protocols.ProjectFiles;
using Pilothouse.Reproduce;

namespace Pilothouse.EndToEnd.Tests.Reproduce;

public sealed class MetricComparerTests
{
    [Fact]
    public void Equal_series_do_not_differ() =>
        Assert.Equal((3, 0, null), Figures(Compare([(1, 0.5), (2, double.NaN), (2, 0.25)], [(1, 0.5), (2, double.NaN), (2, 0.25)], "0")));

    [Fact]
    public void The_first_differing_point_is_named_with_both_values()
    {
        var comparison = Compare([(1, 0.5), (2, 0.4), (3, 0.3)], [(1, 0.5), (2, 0.41), (3, 0.9)], "0");

        Assert.Equal((3, 2, "loss at 2: 0.4 0.41"), Figures(comparison));
        Assert.Equal(0.6, comparison.LargestDifference, 12);
    }

    [Fact]
    public void A_point_that_one_side_lacks_differs()
    {
        Assert.Equal((3, 1, "loss at 2: 0.4 -"), Figures(Compare([(1, 0.5), (2, 0.4), (3, 0.3)], [(1, 0.5), (3, 0.3)], "0")));
        Assert.Equal((2, 1, "loss at 4: - 0.3"), Figures(Compare([(1, 0.5)], [(1, 0.5), (4, 0.3)], "100%")));
    }

    [Fact]
    public void Within_the_tolerance_nothing_differs() => Assert.Equal((2, 0, null), Figures(Compare([(1, 100), (2, 10)], [(1, 100.9), (2, 9.91)], "1%")));

    [Fact]
    public void The_longest_pattern_wins_and_ours_are_never_compared()
    {
        var rules = new ReproduceEntry(new Dictionary<string, Tolerance> { ["val_*"] = new(0.1, false), ["val_loss"] = new(0.2, false), ["*"] = new(0.3, false) }, ["speed*"]);

        Assert.Equal([0.2, 0.1, 0.3], new[] { "val_loss", "val_f1", "loss" }.Select(m => MetricComparer.ToleranceOf(m, rules).Value));
        Assert.Equal([true, false, false], new[] { "loss", "speed_tokens", "system/cpu" }.Select(m => MetricComparer.IsCompared(m, rules)));
    }

    private static Protocols.V1.MetricComparison Compare((long, double)[] recorded, (long, double)[] repeated, string tolerance)
    {
        Assert.True(Tolerance.TryParse(tolerance, out var parsed));
        return MetricComparer.Compare("loss", [.. recorded.Select(p => new MetricPoint(p.Item1, p.Item2))], [.. repeated.Select(p => new MetricPoint(p.Item1, p.Item2))], parsed);
    }

    private static (int, int, string?) Figures(Protocols.V1.MetricComparison c) => (c.Points, c.Differing, c.First is { } f ? FormattableString.Invariant($"{f.Metric} at {f.Step}: {f.Recorded?.ToString() ?? "-"} {f.Repeated?.ToString() ?? "-"}") : null);
}
