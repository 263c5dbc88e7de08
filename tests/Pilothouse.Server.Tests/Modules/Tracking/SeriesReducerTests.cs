using CsCheck;
using Pilothouse.Server.Modules.Tracking;

namespace Pilothouse.Server.Tests.Modules.Tracking;

public class SeriesReducerTests
{
    [Fact]
    public void Extremes_and_ends_survive_and_the_bound_holds() =>
        Gen.Select(Gen.Double[-1000, 1000].List[1, 400], Gen.Int[4, 100]).Sample((values, max) =>
        {
            var reducer = new SeriesReducer();
            for (var i = 0; i < values.Count; i++) reducer.Add(new SeriesPoint(i, i, values[i]));

            var series = reducer.Reduce("r", "k", max);

            Assert.Equal(values.Count, series.TotalPoints);
            Assert.True(series.Values.Count <= max);
            Assert.Equal(values.Min(), series.Values.Min());
            Assert.Equal(values.Max(), series.Values.Max());
            Assert.Equal((0L, (long)values.Count - 1), (series.Steps[0], series.Steps[^1]));
            Assert.Equal(series.Steps.Order(), series.Steps);
            if (values.Count <= max) Assert.Equal(values, series.Values);
        });

    [Fact]
    public void Points_come_in_the_order_of_their_steps_though_logged_otherwise()
    {
        var reducer = new SeriesReducer();
        foreach (var step in (long[])[5, 1, 3]) reducer.Add(new SeriesPoint(step, 100 - step, step));

        Assert.Equal([1L, 3, 5], reducer.Reduce("r", "k", 10).Steps);
    }

    [Fact]
    public void NaN_does_not_hide_a_spike()
    {
        var reducer = new SeriesReducer();
        for (var i = 0; i < 1000; i++) reducer.Add(new SeriesPoint(i, i, i == 500 ? 9 : i % 2 == 0 ? double.NaN : 1));

        Assert.Contains(9, reducer.Reduce("r", "k", 10).Values);
    }
}
