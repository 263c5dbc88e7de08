using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Tracking.Api;

namespace Pilothouse.Server.Modules.Tracking.Preview;

/// <summary>The module's door to previews and logs.</summary>
internal sealed class RunFiles(ArtifactPreviews previews, RunLogs logs) : IRunFiles
{
    public Task<ArtifactPreview> PreviewAsync(string runId, string path, CancellationToken ct) => previews.ReadAsync(runId, path, ct);

    public Task<IReadOnlyList<RunArtifact>> LogsAsync(string runId, CancellationToken ct) => logs.ListAsync(runId, ct);

    public Task<LogPart> ReadLogAsync(string runId, string path, long? after, string style, CancellationToken ct) => logs.ReadAsync(runId, path, after, style, ct);

    public Task<LogMatches> SearchLogAsync(string runId, string path, string query, CancellationToken ct) => logs.SearchAsync(runId, path, query, ct);
}
