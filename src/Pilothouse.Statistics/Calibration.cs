namespace Pilothouse.Statistics;

/// <summary>One bin of a reliability diagram.</summary>
/// <param name="Count">Items in the bin.</param>
/// <param name="Confidence">Their mean probability; NaN when empty.</param>
/// <param name="Outcome">Their share of positives; NaN when empty.</param>
public sealed record CalibrationBin(int Count, double Confidence, double Outcome);

/// <summary>Does a stated probability of 0.8 come true in 80 %?</summary>
public static class Calibration
{
    /// <summary>Equal-width bins [0, 1/B), ..., [1 - 1/B, 1].</summary>
    public static IReadOnlyList<CalibrationBin> EqualWidth(IReadOnlyList<bool> truth, ReadOnlySpan<double> probabilities, int bins = 10)
    {
        Check.SameLength(truth.Count, probabilities.Length);
        var members = Enumerable.Range(0, bins).Select(_ => new List<int>()).ToArray();
        for (var k = 0; k < probabilities.Length; k++) members[Math.Min((int)(probabilities[k] * bins), bins - 1)].Add(k);
        var values = probabilities.ToArray();
        return [.. members.Select(m => Bin(m, truth, values))];
    }

    /// <summary>Bins of equal numbers of items, sorted by probability; the first n mod B bins hold one more.</summary>
    public static IReadOnlyList<CalibrationBin> EqualMass(IReadOnlyList<bool> truth, ReadOnlySpan<double> probabilities, int bins = 10)
    {
        Check.SameLength(truth.Count, probabilities.Length);
        var values = probabilities.ToArray();
        int[] order = [.. Enumerable.Range(0, values.Length).OrderBy(k => values[k])];
        List<CalibrationBin> result = [];
        for (int b = 0, at = 0; b < bins; b++)
        {
            var size = values.Length / bins + (b < values.Length % bins ? 1 : 0);
            result.Add(Bin(order.AsSpan(at, size).ToArray(), truth, values));
            at += size;
        }
        return result;
    }

    /// <summary>Expected calibration error: mean |outcome - confidence| over items. Biased upwards with few items per bin.</summary>
    public static double Expected(IReadOnlyList<CalibrationBin> bins) =>
        bins.Where(b => b.Count > 0).Sum(b => b.Count * Math.Abs(b.Outcome - b.Confidence)) / bins.Sum(b => b.Count);

    /// <summary>Largest |outcome - confidence| of a bin.</summary>
    public static double Largest(IReadOnlyList<CalibrationBin> bins) =>
        bins.Where(b => b.Count > 0).Max(b => Math.Abs(b.Outcome - b.Confidence));

    private static CalibrationBin Bin(IReadOnlyCollection<int> members, IReadOnlyList<bool> truth, double[] probabilities) => members.Count == 0
        ? new CalibrationBin(0, double.NaN, double.NaN)
        : new CalibrationBin(members.Count, members.Average(k => probabilities[k]), members.Average(k => truth[k] ? 1.0 : 0));
}
