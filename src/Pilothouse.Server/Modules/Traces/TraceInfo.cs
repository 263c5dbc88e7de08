using Pilothouse.Protocols.Mlflow;

namespace Pilothouse.Server.Modules.Traces;

/// <summary>What a client says of a trace, ready for its row.</summary>
internal sealed record TraceStart
{
    public required string TraceId { get; init; }
    public required string ExperimentId { get; init; }
    public required string Name { get; init; }
    public long RequestMs { get; init; }
    public long? ExecutionMs { get; init; }
    public required string State { get; init; }

    /// <summary>1 = by version 3 of the protocol, 2 = by version 2.</summary>
    public long Info { get; init; }
    public string? ClientRequestId { get; init; }
    public string? RequestPreview { get; init; }
    public string? ResponsePreview { get; init; }
    public string? InputText { get; init; }
    public string? OutputText { get; init; }
    public string? Session { get; init; }
    public string? UserId { get; init; }
    public long? UsageInput { get; init; }
    public long? UsageOutput { get; init; }
    public long? UsageTotal { get; init; }
    public long? UsageCacheRead { get; init; }
    public long? UsageCacheWrite { get; init; }
    public long Errors => State == "ERROR" ? 1 : 0;
    public required Dictionary<string, string> Tags { get; init; }
    public required Dictionary<string, string> Metadata { get; init; }
}

/// <summary>A trace's row with its tags, metadata and assessments.</summary>
internal sealed class TraceInfo
{
    private const string TokenUsageKey = "mlflow.trace.tokenUsage";
    private const string CostKey = "mlflow.trace.cost";

    public string TraceId { get; init; } = "";
    public string ExperimentId { get; init; } = "";
    public long RequestMs { get; init; }
    public long? ExecutionMs { get; init; }
    public string State { get; init; } = "";
    public long Info { get; init; }
    public long Spans { get; init; }
    public string Name { get; init; } = "";
    public string? ClientRequestId { get; init; }
    public string? RequestPreview { get; init; }
    public string? ResponsePreview { get; init; }
    public string? Session { get; init; }
    public string? UserId { get; init; }
    public long? UsageInput { get; init; }
    public long? UsageOutput { get; init; }
    public long? UsageTotal { get; init; }
    public long? UsageCacheRead { get; init; }
    public long? UsageCacheWrite { get; init; }
    public double? InputCost { get; init; }
    public double? OutputCost { get; init; }
    public Dictionary<string, string> Tags { get; } = [];
    public Dictionary<string, string> Metadata { get; } = [];
    public List<AssessmentRow> Assessments { get; } = [];

    /// <summary>The client's id.</summary>
    public string MlflowId => TraceIds.ToMlflow(TraceId);

    /// <param name="artifactRoot">Where the artifacts of its experiment are, or null.</param>
    /// <param name="withMetadata">False in the answer to a client that completes a trace: MLflow's server leaves it out there.</param>
    public MlflowTraceInfo ToMlflow(string? artifactRoot, bool withMetadata) => new()
    {
        TraceId = MlflowId,
        ClientRequestId = ClientRequestId,
        TraceLocation = MlflowTraceLocation.Experiment(ExperimentId),
        RequestTime = MlflowTime.Timestamp(RequestMs),
        ExecutionDuration = ExecutionMs is { } ms ? MlflowTime.Duration(ms) : null,
        State = State,
        TraceMetadata = withMetadata ? AllMetadata() : null,
        Assessments = Assessments.ConvertAll(a => a.ToMlflow()),
        Tags = AllTags(artifactRoot),
        RequestPreview = RequestPreview,
        ResponsePreview = ResponsePreview,
    };

    public MlflowTraceInfoV2 ToMlflowV2(string? artifactRoot) => new()
    {
        RequestId = MlflowId,
        ExperimentId = ExperimentId,
        TimestampMs = RequestMs,
        ExecutionTimeMs = ExecutionMs ?? 0,
        Status = State == "STATE_UNSPECIFIED" ? "TRACE_STATUS_UNSPECIFIED" : State,
        RequestMetadata = Pairs(AllMetadata()),
        Tags = Pairs(AllTags(artifactRoot)),
    };

    /// <summary>Stored metadata, and what follows from the spans where nothing is stored.</summary>
    public Dictionary<string, string> AllMetadata()
    {
        var all = new Dictionary<string, string>(Metadata);
        if (Info == 1) all.TryAdd("mlflow.trace.infoFinalized", "true");
        // As JSON texts, in quotes: so MLflow's server stores the attributes session.id and user.id.
        if (Session is not null) all.TryAdd("mlflow.trace.session", PythonJson.Write(Session));
        if (UserId is not null) all.TryAdd("mlflow.trace.user", PythonJson.Write(UserId));
        if (UsageTotal is { } total && !all.ContainsKey(TokenUsageKey)) all[TokenUsageKey] = PythonJson.Write(Usage(total));
        if ((InputCost ?? OutputCost) is not null && !all.ContainsKey(CostKey))
            all[CostKey] = PythonJson.Write(new Dictionary<string, object?> { ["input_cost"] = InputCost ?? 0, ["output_cost"] = OutputCost ?? 0, ["total_cost"] = (InputCost ?? 0) + (OutputCost ?? 0) });
        return all;
    }

    /// <summary>Stored tags, and the two by which clients find spans and artifacts.</summary>
    public Dictionary<string, string> AllTags(string? artifactRoot)
    {
        var all = new Dictionary<string, string>(Tags);
        if (Spans > 0) all.TryAdd("mlflow.trace.spansLocation", "TRACKING_STORE");
        if (artifactRoot is not null) all.TryAdd("mlflow.artifactLocation", $"{artifactRoot.TrimEnd('/')}/traces/{MlflowId}/artifacts");
        return all;
    }

    private Dictionary<string, object?> Usage(long total)
    {
        var usage = new Dictionary<string, object?> { ["input_tokens"] = UsageInput ?? 0, ["output_tokens"] = UsageOutput ?? 0, ["total_tokens"] = total };
        if (UsageCacheRead is { } read) usage["cache_read_input_tokens"] = read;
        if (UsageCacheWrite is { } write) usage["cache_creation_input_tokens"] = write;
        return usage;
    }

    private static List<MlflowTag> Pairs(Dictionary<string, string> pairs) => [.. pairs.Select(p => new MlflowTag(p.Key, p.Value))];
}
