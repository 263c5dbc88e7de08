using Pilothouse.Protocols.V1;

namespace Pilothouse.Server.Modules.Tracking.Api;

/// <summary>Histograms, texts, images, audio, PR curves and other tensors of runs.</summary>
public interface IRunMedia
{
    /// <summary>All series of a run, by kind and key.</summary>
    Task<IReadOnlyList<MediaSeries>> SeriesAsync(string runId, CancellationToken ct);

    /// <summary>Points of one series in order of step and time. A page ends early when its content grows large; the token leads on.</summary>
    Task<Page<MediaPoint>> PointsAsync(string runId, string kind, string key, MediaRange range, CancellationToken ct);
}

/// <param name="Limit">Points of a page, 1..200.</param>
/// <param name="AfterStep">Only points behind this step; null = from the first.</param>
/// <param name="Step">Only points of this step; null = all.</param>
/// <param name="Spread">True: <paramref name="Limit"/> points spread evenly over the whole series, first and last included, in one page.</param>
public sealed record MediaRange(int Limit, long? AfterStep = null, long? Step = null, bool Spread = false, string? PageToken = null);
