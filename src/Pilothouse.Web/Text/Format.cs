using System.Globalization;

namespace Pilothouse.Web.Text;

/// <summary>How figures are written: four significant digits, thin spaces between thousands, units after a narrow space.</summary>
internal static class Format
{
    private const int SignificantDigits = 4;

    /// <summary>Thin space: U+2009.</summary>
    private const string Thin = "\u2009";

    private static readonly NumberFormatInfo Numbers = new()
    {
        NumberGroupSeparator = Thin,
        NegativeSign = "\u2212",
        NumberDecimalSeparator = ".",
    };

    /// <summary>0.93333 becomes 0.9333; 12345.678 becomes 12 346; 0.0000123 becomes 1.23e-5.</summary>
    public static string Number(double value)
    {
        if (double.IsNaN(value)) return "NaN";
        if (double.IsInfinity(value)) return value > 0 ? "∞" : "\u2212∞";
        if (value == 0) return "0";
        var magnitude = (int)Math.Floor(Math.Log10(Math.Abs(value)));
        if (magnitude is < -4 or > 8) return value.ToString("0.###e+0", Numbers).Replace("e+", "e", StringComparison.Ordinal);
        var decimals = Math.Max(0, SignificantDigits - 1 - magnitude);
        return value.ToString(decimals == 0 ? "#,0" : "#,0." + new string('#', decimals), Numbers);
    }

    public static string Number(double? value) => value is { } v ? Number(v) : "–";

    /// <summary>A difference, always with its sign.</summary>
    public static string Signed(double? value) => value switch { null => "–", > 0 => "+" + Number(value.Value), _ => Number(value.Value) };

    public static string Integer(long value) => value.ToString("#,0", Numbers);

    /// <summary>Three significant digits: a share is rarely known better.</summary>
    public static string Percent(double fraction)
    {
        var percent = fraction * 100;
        var magnitude = percent == 0 ? 0 : (int)Math.Floor(Math.Log10(Math.Abs(percent)));
        return $"{Number(magnitude is > -4 and < 3 ? Math.Round(percent, 2 - magnitude) : percent)}{Thin}%";
    }

    public static string Share(long part, long whole) => whole == 0 ? "–" : Percent((double)part / whole);

    /// <summary>Binary units, as file managers write them.</summary>
    public static string Bytes(long bytes)
    {
        string[] units = ["B", "KiB", "MiB", "GiB", "TiB"];
        double value = bytes;
        var unit = 0;
        for (; value >= 1024 && unit < units.Length - 1; unit++) value /= 1024;
        return $"{(unit == 0 ? Integer(bytes) : value.ToString("#,0.#", Numbers))}{Thin}{units[unit]}";
    }

    public static string Duration(double milliseconds) => milliseconds switch
    {
        < 0 => "–",
        < 1000 => $"{Number(Math.Round(milliseconds, milliseconds < 10 ? 2 : milliseconds < 100 ? 1 : 0))}{Thin}ms",
        < 60_000 => $"{Number(Math.Round(milliseconds / 1000, 2))}{Thin}s",
        < 3_600_000 => $"{(int)(milliseconds / 60_000)}{Thin}min {(int)(milliseconds / 1000 % 60)}{Thin}s",
        < 86_400_000 => $"{(int)(milliseconds / 3_600_000)}{Thin}h {(int)(milliseconds / 60_000 % 60)}{Thin}min",
        _ => $"{(int)(milliseconds / 86_400_000)}{Thin}d {(int)(milliseconds / 3_600_000 % 24)}{Thin}h",
    };

    public static string Duration(double? milliseconds) => milliseconds is { } ms ? Duration(ms) : "–";

    public static string Absolute(long ms) => At(ms).ToString("yyyy-MM-dd HH:mm:ss 'UTC'", CultureInfo.InvariantCulture);

    public static string Iso(long ms) => At(ms).ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);

    /// <summary>"12 s ago" up to a month, then the date.</summary>
    public static string Relative(long ms, long nowMs)
    {
        var seconds = Math.Abs(nowMs - ms) / 1000;
        var text = seconds switch
        {
            < 5 => "now",
            < 60 => $"{seconds}{Thin}s",
            < 3600 => $"{seconds / 60}{Thin}min",
            < 86_400 => $"{seconds / 3600}{Thin}h",
            < 30 * 86_400 => $"{seconds / 86_400}{Thin}d",
            _ => null,
        };
        if (text is null) return At(ms).ToString("yyyy-MM-dd", CultureInfo.InvariantCulture);
        return text == "now" ? "just now" : nowMs >= ms ? text + " ago" : "in " + text;
    }

    /// <summary>First <paramref name="digits"/> hex digits of a digest or commit, without the algorithm.</summary>
    public static string Short(string digest, int digits = 12)
    {
        var hex = digest[(digest.IndexOf(':', StringComparison.Ordinal) + 1)..];
        return hex.Length > digits ? hex[..digits] : hex;
    }

    /// <summary>SVG coordinates: invariant, two decimals, ASCII minus.</summary>
    public static string Svg(double value) => value.ToString("0.##", CultureInfo.InvariantCulture);

    public static string Clip(string? text, int length) => text is null ? "" : text.Length <= length ? text : text[..length].TrimEnd() + "…";

    private static DateTimeOffset At(long ms) => DateTimeOffset.FromUnixTimeMilliseconds(Math.Clamp(ms, -62_135_596_800_000, 253_402_300_799_999));
}
