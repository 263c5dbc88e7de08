using System.Text.Json;
using Pilothouse.Protocols.Mlflow;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Tracking.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Traces;

/// <summary>Traces as MLflow's clients know them, over the same spans that OTLP and the gateway write.</summary>
internal sealed class MlflowTraceService(MlflowTraceStore store, AssessmentService assessments, AssessmentStore assessmentStore, IExperiments experiments, TraceFiles files, Ids ids)
{
    private const int MaxKey = 250;
    private const int MaxTagValue = 8000;

    /// <summary>Longer tags and metadata of a new trace are cut, as MLflow's server cuts them.</summary>
    private const int MaxStartValue = 4096;

    private const int MaxPreview = 65_536;
    private const int MaxClientRequestId = 500;
    private const int MaxIds = 1000;
    private const int MaxLinks = 100;

    /// <summary>Takes what a client says of a trace, before or after its spans.</summary>
    public async Task<MlflowTraceInfo> StartAsync(MlflowTraceInput input, CancellationToken ct)
    {
        if (input.TraceId.Length == 0) throw Invalid("The trace has no trace_id.");
        if (input.ExperimentId is null) throw Invalid("The trace has no trace_location with an mlflow_experiment.");
        var experiment = await experiments.GetAsync(input.ExperimentId, ct);
        var traceId = Id(input.TraceId);
        var start = Start(traceId, experiment.Id, input);
        var existed = await store.StartAsync(start, ct);
        foreach (var assessment in input.Assessments.Where(a => a.Kind is not null)) await assessmentStore.AddAsync(assessments.ToRow(traceId, assessment), ct);
        return (await RequireAsync(traceId, ct)).ToMlflow(experiment.ArtifactLocation, withMetadata: !existed);
    }

    /// <summary>Version 2 makes the id here.</summary>
    public async Task<MlflowTraceInfoV2> StartV2Async(string experimentId, long timestampMs, Dictionary<string, string> metadata, Dictionary<string, string> tags, CancellationToken ct)
    {
        var experiment = await experiments.GetAsync(experimentId, ct);
        var traceId = TraceIds.FromMlflow(ids.New());
        await store.StartAsync(WithMetadata(new TraceStart
        {
            TraceId = traceId,
            ExperimentId = experiment.Id,
            Name = NameOf(tags, traceId),
            RequestMs = timestampMs,
            State = "IN_PROGRESS",
            Info = 2,
            Tags = Cut(tags),
            Metadata = Cut(metadata),
        }), ct);
        return (await RequireAsync(traceId, ct)).ToMlflowV2(experiment.ArtifactLocation);
    }

    public async Task<MlflowTraceInfoV2> EndV2Async(string requestId, long timestampMs, string state, Dictionary<string, string> metadata, Dictionary<string, string> tags, CancellationToken ct)
    {
        var traceId = Id(requestId);
        if (!await store.EndAsync(traceId, timestampMs, state, Cut(metadata), Cut(tags), ct)) throw Missing(requestId);
        return await GetV2Async(requestId, ct);
    }

    public async Task<MlflowTraceInfo> GetAsync(string traceId, CancellationToken ct)
    {
        var trace = await FindAsync(traceId, ct) ?? throw Missing(traceId);
        return trace.ToMlflow(await RootAsync(trace.ExperimentId, ct), withMetadata: true);
    }

    public async Task<MlflowTraceInfoV2> GetV2Async(string requestId, CancellationToken ct)
    {
        var trace = await FindAsync(requestId, ct) ?? throw Missing(requestId);
        return trace.ToMlflowV2(await RootAsync(trace.ExperimentId, ct));
    }

    /// <summary>The trace with its spans.</summary>
    /// <exception cref="PilothouseException">NotFound.</exception>
    public async Task<(MlflowTraceInfo Info, IReadOnlyList<SpanRecord> Spans)> GetWithSpansAsync(string traceId, CancellationToken ct)
    {
        var traces = await GetManyWithSpansAsync([traceId], ct);
        return traces.Count == 1 ? traces[0] : throw new PilothouseException(ErrorCode.NotFound, $"Trace with ID {Short(traceId)} is not found.");
    }

    /// <summary>Those of the traces that exist, in the order asked for.</summary>
    public async Task<List<(MlflowTraceInfo Info, IReadOnlyList<SpanRecord> Spans)>> GetManyWithSpansAsync(IReadOnlyList<string> traceIds, CancellationToken ct)
    {
        await files.ImportAsync(traceIds.Where(id => id.Length is > 0 and <= TraceIds.MaxLength).Select(TraceIds.FromMlflow).Distinct().Take(MaxIds).ToList(), ct);
        var infos = await GetManyAsync(traceIds, ct);
        var spans = await store.SpansAsync([.. infos.Select(i => TraceIds.FromMlflow(i.TraceId!))], ct);
        return infos.ConvertAll(info => (info, (IReadOnlyList<SpanRecord>)[.. spans[TraceIds.FromMlflow(info.TraceId!)].Select(p => SpanMapping.ForMlflow(SpanPayload.Read(p)))]));
    }

    public async Task<List<MlflowTraceInfo>> GetManyAsync(IReadOnlyList<string> traceIds, CancellationToken ct)
    {
        if (traceIds.Count > MaxIds) throw Invalid($"At most {MaxIds} traces can be read in one call; {traceIds.Count} were asked for.");
        var order = traceIds.Where(id => id.Length is > 0 and <= TraceIds.MaxLength).Select(TraceIds.FromMlflow).Distinct().ToList();
        var found = await store.LoadAsync(order, ct);
        return await DescribeAsync(order.Where(found.ContainsKey).Select(id => found[id]).ToList(), ct);
    }

    /// <summary>Infos of loaded traces, with the artifact locations of their experiments.</summary>
    public async Task<List<MlflowTraceInfo>> DescribeAsync(List<TraceInfo> traces, CancellationToken ct)
    {
        var places = await experiments.FindAsync([.. traces.Select(t => t.ExperimentId).Distinct()], ct);
        return traces.ConvertAll(t => t.ToMlflow(places.GetValueOrDefault(t.ExperimentId)?.ArtifactLocation, withMetadata: true));
    }

    public async Task<List<MlflowTraceInfoV2>> DescribeV2Async(List<TraceInfo> traces, CancellationToken ct)
    {
        var places = await experiments.FindAsync([.. traces.Select(t => t.ExperimentId).Distinct()], ct);
        return traces.ConvertAll(t => t.ToMlflowV2(places.GetValueOrDefault(t.ExperimentId)?.ArtifactLocation));
    }

    public async Task SetTagAsync(string traceId, string key, string value, CancellationToken ct)
    {
        if (key.Length > MaxKey) throw Invalid($"'key' exceeds the maximum length of {MaxKey} characters");
        if (value.Length > MaxTagValue) throw Invalid($"'value' exceeds the maximum length of {MaxTagValue} characters");
        if (!await store.SetTagAsync(Id(traceId), Clean(key), Clean(value), ct)) throw Missing(traceId);
    }

    public async Task DeleteTagAsync(string traceId, string key, CancellationToken ct)
    {
        if (!await store.DeleteTagAsync(Id(traceId), key, ct)) throw new PilothouseException(ErrorCode.NotFound, $"No trace tag with key '{key}' for trace with ID '{Short(traceId)}'");
    }

    public Task LinkRunAsync(string runId, IReadOnlyList<string> traceIds, CancellationToken ct)
    {
        if (traceIds.Count > MaxLinks) throw Invalid($"Cannot link more than {MaxLinks} traces to a run in a single request. Provided {traceIds.Count} traces.");
        return store.LinkRunAsync(CheckText(runId, "run_id"), [.. traceIds.Select(Id)], ct);
    }

    public Task LinkPromptsAsync(string traceId, IReadOnlyList<(string Name, string Version)> prompts, CancellationToken ct)
    {
        if (prompts.Count > MaxLinks) throw Invalid($"Cannot link more than {MaxLinks} prompt versions to a trace in a single request.");
        return store.LinkPromptsAsync(Id(traceId), [.. prompts.Select(p => (CheckText(p.Name, "prompt_versions.name"), CheckText(p.Version, "prompt_versions.version")))], ct);
    }

    /// <summary>Deletes by ids, or the oldest up to a time.</summary>
    public async Task<int> DeleteAsync(string experimentId, long? maxTimestampMs, long? maxTraces, IReadOnlyList<string> traceIds, CancellationToken ct)
    {
        if (maxTimestampMs is null && traceIds.Count == 0) throw Invalid("Either `max_timestamp_millis` or `trace_ids` must be specified.");
        if (maxTimestampMs is not null && traceIds.Count > 0) throw Invalid("Only one of `max_timestamp_millis` and `trace_ids` can be specified.");
        if (traceIds.Count > 0 && maxTraces is not null) throw Invalid("`max_traces` can't be specified if `trace_ids` is specified.");
        if (maxTraces < 1) throw Invalid($"`max_traces` must be a positive integer, received {maxTraces}.");
        if (traceIds.Count > MaxIds) throw Invalid($"At most {MaxIds} traces can be deleted by id in one call.");
        var deleted = 0;
        if (maxTimestampMs is null)
        {
            foreach (var chunk in traceIds.Select(Id).Distinct().Chunk(500)) deleted += await store.DeleteAsync(experimentId, chunk, ct);
            return deleted;
        }
        var limit = (int)Math.Min(maxTraces ?? int.MaxValue, int.MaxValue);
        while (deleted < limit && await store.OldestAsync(experimentId, maxTimestampMs.Value, limit - deleted, ct) is { Count: > 0 } oldest)
            deleted += await store.DeleteAsync(experimentId, oldest, ct);
        return deleted;
    }

    private TraceStart Start(string traceId, string experimentId, MlflowTraceInput input) => WithMetadata(new TraceStart
    {
        TraceId = traceId,
        ExperimentId = experimentId,
        Name = NameOf(input.Tags, traceId),
        RequestMs = input.RequestMs,
        ExecutionMs = input.ExecutionMs,
        State = input.State,
        Info = 1,
        ClientRequestId = SpanMapping.Cut(input.ClientRequestId, MaxClientRequestId),
        RequestPreview = SpanMapping.Cut(input.RequestPreview, MaxPreview),
        ResponsePreview = SpanMapping.Cut(input.ResponsePreview, MaxPreview),
        InputText = SpanMapping.Cut(MessageText.Last(input.RequestPreview), 500),
        OutputText = SpanMapping.Cut(MessageText.Last(input.ResponsePreview), 500),
        Tags = Cut(input.Tags),
        Metadata = Cut(input.Metadata),
    });

    /// <summary>What of the metadata has columns: session, user and tokens.</summary>
    private static TraceStart WithMetadata(TraceStart start)
    {
        var usage = start.Metadata.TryGetValue("mlflow.trace.tokenUsage", out var json) && PythonJson.Decode(json) is { ValueKind: JsonValueKind.Object } found ? found : default;
        var (input, output) = (Number(usage, "input_tokens"), Number(usage, "output_tokens"));
        return start with
        {
            Session = SpanMapping.Cut(start.Metadata.GetValueOrDefault("mlflow.trace.session"), 500),
            UserId = SpanMapping.Cut(start.Metadata.GetValueOrDefault("mlflow.trace.user"), 500),
            UsageInput = input,
            UsageOutput = output,
            UsageTotal = Number(usage, "total_tokens") ?? input + output,
            UsageCacheRead = Number(usage, "cache_read_input_tokens"),
            UsageCacheWrite = Number(usage, "cache_creation_input_tokens"),
        };
    }

    private static long? Number(JsonElement owner, string name) =>
        owner.ValueKind == JsonValueKind.Object && owner.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out var number) && number is >= 0 and < 1_000_000_000_000_000 ? number : null;

    private async Task<TraceInfo?> FindAsync(string mlflowId, CancellationToken ct) => mlflowId.Length is 0 or > TraceIds.MaxLength ? null
        : TraceIds.FromMlflow(mlflowId) is var id && (await store.LoadAsync([id], ct)).TryGetValue(id, out var trace) ? trace : null;

    private async Task<TraceInfo> RequireAsync(string traceId, CancellationToken ct) => (await store.LoadAsync([traceId], ct)).GetValueOrDefault(traceId) ?? throw Missing(TraceIds.ToMlflow(traceId));

    private async Task<string?> RootAsync(string experimentId, CancellationToken ct) => (await experiments.FindAsync([experimentId], ct)).GetValueOrDefault(experimentId)?.ArtifactLocation;

    private static string NameOf(Dictionary<string, string> tags, string traceId) => SpanMapping.Cut(tags.GetValueOrDefault("mlflow.traceName"), 500) ?? TraceIds.ToMlflow(traceId);

    private static Dictionary<string, string> Cut(Dictionary<string, string> pairs)
    {
        var result = new Dictionary<string, string>(pairs.Count);
        foreach (var (key, value) in pairs) result[SpanMapping.Cut(key, MaxKey)!] = SpanMapping.Cut(value, MaxStartValue)!;
        return result;
    }

    private static string Id(string mlflowId) => mlflowId.Length is > 0 and <= TraceIds.MaxLength ? TraceIds.FromMlflow(Clean(mlflowId)) : throw Invalid($"A trace id has 1 to {TraceIds.MaxLength} characters.");

    private static string CheckText(string text, string name) => text.Length is > 0 and <= MaxKey ? Clean(text) : throw Invalid($"'{name}' has 1 to {MaxKey} characters.");

    private static string Clean(string text) => text.Contains('\0', StringComparison.Ordinal) ? text.Replace('\0', ' ') : text;

    private static string Short(string id) => id.Length <= TraceIds.MaxLength ? id : id[..TraceIds.MaxLength];

    private static PilothouseException Missing(string id) => new(ErrorCode.NotFound, $"Trace with ID '{Short(id)}' not found.");

    private static PilothouseException Invalid(string message) => new(ErrorCode.InvalidArgument, message);
}
