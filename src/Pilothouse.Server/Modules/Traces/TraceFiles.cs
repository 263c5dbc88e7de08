using Microsoft.Extensions.Logging;
using Pilothouse.Protocols;
using Pilothouse.Protocols.Mlflow;
using Pilothouse.Server.Modules.Blobs.Api;
using Pilothouse.Server.Modules.Tracking.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Traces;

/// <summary>
/// Traces whose spans came as the artifact <c>traces.json</c> (MLflow's TypeScript client, Python before 3.4): when such a trace is first looked at, its spans move into the span store, so
/// that it is searched and shown like any other.
/// </summary>
internal sealed partial class TraceFiles(MlflowTraceStore store, TraceService spans, IExperiments experiments, IArtifacts artifacts, IBlobStore blobs, ILogger<TraceFiles> logger)
{
    private const string FileName = "traces.json";

    /// <summary>Imports what these traces lack.</summary>
    public async Task ImportAsync(IReadOnlyCollection<string> traceIds, CancellationToken ct)
    {
        var empty = (await store.LoadAsync(traceIds, ct)).Values.Where(t => t.Spans == 0 && t.Info > 0).ToList();
        if (empty.Count == 0) return;
        var places = await experiments.FindAsync([.. empty.Select(t => t.ExperimentId).Distinct()], ct);
        foreach (var trace in empty)
            if (trace.AllTags(places.GetValueOrDefault(trace.ExperimentId)?.ArtifactLocation).GetValueOrDefault("mlflow.artifactLocation") is { } location) await ImportAsync(trace, location, ct);
    }

    private async Task ImportAsync(TraceInfo trace, string location, CancellationToken ct)
    {
        try
        {
            if (await artifacts.TreeAsync(location.TrimEnd('/') + "/" + FileName, ct) is not [var file, ..]) return;
            if (file.Size > MlflowSpanFile.MaxBytes) throw new ProtocolFormatException($"The file is larger than {MlflowSpanFile.MaxBytes} bytes.");
            var content = await blobs.ReadAsync(file.Digest, MlflowSpanFile.MaxBytes, ct);
            await spans.WriteAsync(MlflowSpanFile.Read(content, trace.TraceId), trace.ExperimentId, null, ct);
        }
        catch (Exception e) when (e is ProtocolFormatException or PilothouseException)
        {
            NotImported(trace.MlflowId, e.Message); // what a client uploaded under this name is its own affair: the trace is shown without spans
        }
    }

    [LoggerMessage(920, LogLevel.Warning, "The spans of trace {Trace} cannot be read from its traces.json: {Reason}")]
    private partial void NotImported(string trace, string reason);
}
