using System.Globalization;

namespace Pilothouse.Protocols.TensorBoard;

/// <summary>Names of event files.</summary>
public static class EventFileName
{
    private const string Mark = "tfevents";

    /// <summary>True when TensorBoard would read it: the last part of the path contains <c>tfevents</c>.</summary>
    public static bool Is(string path) => path[(path.LastIndexOf('/') + 1)..].Contains(Mark, StringComparison.Ordinal);

    /// <summary>A name that sorts by time, e.g. <c>events.out.tfevents.1767225600.trainer-a.4242.0</c>.</summary>
    public static string Of(long unixSeconds, string host) => string.Create(CultureInfo.InvariantCulture, $"events.out.tfevents.{Math.Clamp(unixSeconds, 0, 9_999_999_999):D10}.{host}");
}
