using System.Globalization;
using Microsoft.AspNetCore.WebUtilities;

namespace Pilothouse.Web.Components.Runs;

/// <summary>What all charts of a page share, as the query string has it.</summary>
/// <param name="X">step, relative or wall.</param>
/// <param name="Smooth">0 to 0.99.</param>
public sealed record ChartSettings(string X, double Smooth, bool LogX, bool LogY, bool IgnoreOutliers)
{
    public const double MaxSmooth = 0.99;

    public static ChartSettings Default { get; } = new("step", 0, false, false, false);

    public static IReadOnlyList<(string Value, string Text)> Axes { get; } = [("step", "Step"), ("relative", "Time since start"), ("wall", "Time of day")];

    public string? SmoothText => Smooth > 0 ? Smooth.ToString("0.##", CultureInfo.InvariantCulture) : null;

    /// <param name="uri">Absolute address of the page; what it says wrongly is as if it were not there.</param>
    public static ChartSettings Of(string uri)
    {
        var query = QueryHelpers.ParseQuery(new Uri(uri).Query);
        var smooth = double.TryParse(query.GetValueOrDefault("smooth"), CultureInfo.InvariantCulture, out var value) && value is >= 0 and <= MaxSmooth ? value : 0;
        var x = query.GetValueOrDefault("x").ToString();
        return new ChartSettings(Axes.Any(a => a.Value == x) ? x : "step", smooth, query.ContainsKey("xlog"), query.ContainsKey("ylog"), query.ContainsKey("outliers"));
    }
}
