using System.Text.Json;
using CsCheck;

namespace Pilothouse.Statistics.Tests;

public sealed class QuantileSketchTests
{
    [Fact]
    public void Every_quantile_is_within_the_relative_error() =>
        Gen.Select(Gen.Double[0, 12].Array[1, 300], Gen.Double[0, 1]).Sample((logs, q) =>
        {
            double[] values = [.. logs.Select(x => Math.Exp(x) - 1)];
            var sketch = new QuantileSketch();
            foreach (var value in values) sketch.Add(value);
            Array.Sort(values);
            var exact = values[(int)Math.Floor(q * (values.Length - 1))];
            return Math.Abs(sketch.Quantile(q) - exact) <= 0.01 * exact + 1e-9;
        });

    [Fact]
    public void Merging_equals_adding_everything_to_one() =>
        Gen.Select(Gen.Double[0, 1000].Array[0, 100], Gen.Double[0, 1000].Array[0, 100]).Sample((a, b) =>
        {
            QuantileSketch left = new(), right = new(), all = new();
            foreach (var x in a) left.Add(x);
            foreach (var x in b) right.Add(x);
            foreach (var x in a.Concat(b)) all.Add(x);
            left.Merge(right);
            return left.Count == all.Count && left.Bins.SequenceEqual(all.Bins) && left.Min.Equals(all.Min) && left.Max.Equals(all.Max);
        });

    [Fact]
    public void State_survives_json()
    {
        var sketch = new QuantileSketch();
        for (var k = 0; k < 1000; k++) sketch.Add(k);
        var back = QuantileSketch.Restore(JsonSerializer.Deserialize<QuantileSketchState>(JsonSerializer.Serialize(sketch.Save()))!);
        Assert.Equal(sketch.Quantile(0.95), back.Quantile(0.95));
        Assert.Equal((sketch.Count, sketch.Sum, sketch.Min, sketch.Max), (back.Count, back.Sum, back.Min, back.Max));
        Assert.True(double.IsNaN(QuantileSketch.Restore(new QuantileSketch().Save()).Quantile(0.5)));
    }

    [Fact]
    public void Bins_stay_bounded_and_high_quantiles_exact()
    {
        var sketch = new QuantileSketch(0.001);
        for (var k = 0; k < 20_000; k++) sketch.Add(Math.Exp(k / 1000.0));
        Assert.Equal(QuantileSketch.MaxBins, sketch.Bins.Count);
        Assert.Equal(20_000, sketch.Bins.Values.Sum());
        Assert.Equal(1, sketch.Quantile(0.99) / Math.Exp(0.99 * 19_999 / 1000), 0.002);
    }

    [Fact]
    public void Nonsense_is_refused()
    {
        var sketch = new QuantileSketch();
        Assert.Throws<ArgumentOutOfRangeException>(() => sketch.Add(-1));
        Assert.Throws<ArgumentOutOfRangeException>(() => sketch.Add(double.NaN));
        Assert.Throws<ArgumentException>(() => sketch.Merge(Add(new QuantileSketch(0.02))));
        static QuantileSketch Add(QuantileSketch s)
        {
            s.Add(1);
            return s;
        }
    }
}
