using Pilothouse.Protocols.V1;

namespace Pilothouse.Server.Modules.Tracking.Api;

/// <summary>What a person looks at of a run's files.</summary>
public interface IRunFiles
{
    /// <summary>The beginning of an artifact as text, table, tensors, ...; reads ranges, never a whole large file.</summary>
    /// <exception cref="Platform.PilothouseException">NotFound; Unsupported: this server does not hold the run's artifacts.</exception>
    Task<ArtifactPreview> PreviewAsync(string runId, string path, CancellationToken ct);

    /// <summary>Logs of a run: the files below <c>logs/</c>.</summary>
    Task<IReadOnlyList<RunArtifact>> LogsAsync(string runId, CancellationToken ct);

    /// <summary>A part of a log in whole lines.</summary>
    /// <param name="after">Byte to begin at; null = the last part.</param>
    /// <param name="style">Colours that are on there, as the part before said.</param>
    Task<LogPart> ReadLogAsync(string runId, string path, long? after, string style, CancellationToken ct);

    /// <summary>Lines with a text in them, without regard to case and colours.</summary>
    Task<LogMatches> SearchLogAsync(string runId, string path, string query, CancellationToken ct);
}
