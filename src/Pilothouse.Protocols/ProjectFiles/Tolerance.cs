using System.Globalization;

namespace Pilothouse.Protocols.ProjectFiles;

/// <summary>How far a repeated value may lie from the recorded one: <c>0.001</c> (absolute), <c>1%</c> (of the larger of the two).</summary>
/// <param name="Value">0 or more, finite.</param>
/// <param name="IsRelative">A share of the larger magnitude, not a difference.</param>
public readonly record struct Tolerance(double Value, bool IsRelative)
{
    internal const string Remedy = "Write a number of 0 or more for a difference (0.001), or a percentage for a share (1%).";

    /// <summary>Bit for bit.</summary>
    public static Tolerance Exact => default;

    /// <summary>Reads <c>0.001</c>, <c>1e-6</c> or <c>1%</c>.</summary>
    public static bool TryParse(string text, out Tolerance tolerance)
    {
        tolerance = default;
        var isRelative = text.EndsWith('%');
        if (!double.TryParse(isRelative ? text[..^1] : text, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) || !double.IsFinite(value) || value < 0)
            return false;
        tolerance = new Tolerance(isRelative ? value / 100 : value, isRelative);
        return true;
    }

    /// <summary>Equal bits always are within; NaN is within of NaN alone.</summary>
    public bool Allows(double recorded, double repeated)
    {
        if (BitConverter.DoubleToInt64Bits(recorded) == BitConverter.DoubleToInt64Bits(repeated) || double.IsNaN(recorded) && double.IsNaN(repeated))
            return true;
        if (Value == 0 || !double.IsFinite(recorded) || !double.IsFinite(repeated))
            return false;
        return Math.Abs(recorded - repeated) <= (IsRelative ? Value * Math.Max(Math.Abs(recorded), Math.Abs(repeated)) : Value);
    }

    public override string ToString() => Value == 0 ? "exact" : IsRelative ? string.Create(CultureInfo.InvariantCulture, $"{Value * 100:0.######}%") : Value.ToString("R", CultureInfo.InvariantCulture);
}
