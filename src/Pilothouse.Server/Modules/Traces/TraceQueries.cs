using System.Text.Json;
using Pilothouse.Protocols.Mlflow;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Traces.Api;
using Pilothouse.Server.Modules.Tracking.Api;

namespace Pilothouse.Server.Modules.Traces;

/// <summary>Traces as our own API and UI show them: spans, and what MLflow's clients say beside them.</summary>
internal sealed class TraceQueries(TraceService traces, MlflowTraceStore store, TraceFiles files, IExperiments experiments) : ITraces
{
    private const string LinkedPrompts = "mlflow.linkedPrompts";

    public Task<Page<TraceSummary>> ListAsync(TraceQuery query, CancellationToken ct) => traces.ListAsync(query, ct);

    public async Task<TraceDetail> GetAsync(string traceId, CancellationToken ct)
    {
        var id = TraceIds.FromUser(traceId);
        await files.ImportAsync([id], ct);
        var detail = await traces.GetAsync(id, ct);
        return (await store.LoadAsync([id], ct)).TryGetValue(id, out var info) ? detail with { Context = await ContextAsync(info, ct) } : detail;
    }

    private async Task<TraceContext> ContextAsync(TraceInfo info, CancellationToken ct)
    {
        var (runs, prompts) = await store.LinksAsync(info.TraceId, ct);
        if (info.Metadata.TryGetValue("mlflow.sourceRun", out var source) && !runs.Contains(source)) runs.Insert(0, source);
        var experiment = (await experiments.FindAsync([info.ExperimentId], ct)).GetValueOrDefault(info.ExperimentId);
        return new TraceContext(info.ExperimentId, experiment?.Name, info.State, info.Session, info.UserId, info.ClientRequestId, runs,
            [.. prompts.Concat(Linked(info.Tags.GetValueOrDefault(LinkedPrompts))).Distinct().Select(p => new TracePrompt(p.Name, p.Version))], info.Tags, info.Metadata, info.Assessments.ConvertAll(ToWire));
    }

    // [{"name": "tr-prompt", "version": "1"}]: so clients write it into a tag
    private static IEnumerable<(string Name, string Version)> Linked(string? json) => json is null || PythonJson.Decode(json) is not { ValueKind: JsonValueKind.Array } list ? []
        : list.EnumerateArray().Where(p => p.ValueKind == JsonValueKind.Object).Select(p => (Name: Text(p, "name"), Version: Text(p, "version"))).Where(p => p.Name.Length > 0 && p.Version.Length > 0).Take(100);

    private static string Text(JsonElement owner, string name) => owner.TryGetProperty(name, out var value) ? value.ValueKind == JsonValueKind.String ? value.GetString()! : value.GetRawText() : "";

    private static TraceAssessment ToWire(AssessmentRow row)
    {
        var value = PythonJson.Decode(row.Value) is { ValueKind: JsonValueKind.String } text ? text.GetString() : row.Value == "null" ? null : row.Value;
        var error = row.Error is null ? null : JsonSerializer.Deserialize<MlflowAssessmentError>(row.Error, MlflowJson.Options);
        return new TraceAssessment(row.AssessmentId, row.Name, row.Kind, value, error is null ? null : string.Join(": ", new[] { error.ErrorCode, error.ErrorMessage }.Where(t => t is { Length: > 0 })), row.SourceType, row.SourceId, row.Rationale, row.SpanId, row.Valid != 0, row.Overrides, row.CreatedMs, row.UpdatedMs);
    }
}
