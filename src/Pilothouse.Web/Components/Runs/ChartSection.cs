using Pilothouse.Protocols.V1;

namespace Pilothouse.Web.Components.Runs;

/// <summary>Metrics whose names begin alike: <c>eval/accuracy</c> and <c>eval/f1/macro</c> are in the section <c>eval</c>.</summary>
/// <param name="Shown">How many of them are on the page.</param>
internal sealed record ChartSection(string Title, IReadOnlyList<LatestMetric> Metrics, int Shown)
{
    public const string NoPrefix = "metrics";
    public const string PinsTitle = "Pinned";

    public bool IsPins => Title == PinsTitle;

    public static string TitleOf(string key) => key.IndexOf('/', StringComparison.Ordinal) is var slash and > 0 ? key[..slash] : NoPrefix;

    /// <summary>The name without what the title says.</summary>
    public string Short(string key) => key.StartsWith(Title + "/", StringComparison.Ordinal) ? key[(Title.Length + 1)..] : key;
}
