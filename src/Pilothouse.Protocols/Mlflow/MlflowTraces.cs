using System.Globalization;
using System.Text.Json;

namespace Pilothouse.Protocols.Mlflow;

/// <summary>A trace without its spans, version 3.</summary>
public sealed record MlflowTraceInfo
{
    /// <summary><c>tr-</c> and the 32 hex digits of OpenTelemetry's trace id.</summary>
    public string? TraceId { get; init; }

    public string? ClientRequestId { get; init; }

    public MlflowTraceLocation? TraceLocation { get; init; }

    /// <summary>RFC 3339, see <see cref="MlflowTime"/>.</summary>
    public string? RequestTime { get; init; }

    /// <summary>Seconds, <c>0.104s</c>.</summary>
    public string? ExecutionDuration { get; init; }

    /// <summary>OK, ERROR, IN_PROGRESS or STATE_UNSPECIFIED.</summary>
    public string? State { get; init; }

    public Dictionary<string, string>? TraceMetadata { get; init; }

    public IReadOnlyList<MlflowAssessment>? Assessments { get; init; }

    public Dictionary<string, string>? Tags { get; init; }

    public string? RequestPreview { get; init; }

    public string? ResponsePreview { get; init; }
}

/// <summary>Where a trace lives: in an experiment.</summary>
public sealed record MlflowTraceLocation(string Type, MlflowExperimentLocation MlflowExperiment)
{
    public static MlflowTraceLocation Experiment(string id) => new("MLFLOW_EXPERIMENT", new MlflowExperimentLocation(id));
}

public sealed record MlflowExperimentLocation(string ExperimentId);

/// <summary>Answer of <c>traces/{id}</c> and of StartTrace: the info alone.</summary>
public sealed record MlflowTraceInfoAnswer(MlflowTraceInfoHolder Trace)
{
    public static MlflowTraceInfoAnswer Of(MlflowTraceInfo info) => new(new MlflowTraceInfoHolder(info));
}

public sealed record MlflowTraceInfoHolder(MlflowTraceInfo TraceInfo);

public sealed record MlflowTraceInfos(IReadOnlyList<MlflowTraceInfo> TraceInfos);

public sealed record MlflowSearchTracesAnswer(IReadOnlyList<MlflowTraceInfo> Traces, string? NextPageToken);

/// <summary>A trace without its spans, version 2 (clients before 3.0, and fall-backs of later ones).</summary>
public sealed record MlflowTraceInfoV2
{
    public string? RequestId { get; init; }

    public string? ExperimentId { get; init; }

    public long TimestampMs { get; init; }

    public long ExecutionTimeMs { get; init; }

    public string? Status { get; init; }

    public IReadOnlyList<MlflowTag>? RequestMetadata { get; init; }

    public IReadOnlyList<MlflowTag>? Tags { get; init; }
}

public sealed record MlflowTraceInfoV2Answer(MlflowTraceInfoV2 TraceInfo);

public sealed record MlflowSearchTracesV2Answer(IReadOnlyList<MlflowTraceInfoV2> Traces, string? NextPageToken);

public sealed record MlflowTracesDeleted(int TracesDeleted);

/// <summary>Answer of <c>traces/calculate-filter-correlation</c>; what is undefined is absent.</summary>
public sealed record MlflowCorrelation(double? Npmi, double? NpmiSmoothed, int Filter1Count, int Filter2Count, int JointCount, int TotalCount);

/// <summary>Answer of <c>traces/metrics</c>.</summary>
public sealed record MlflowMetricPoints(IReadOnlyList<MlflowMetricPoint> DataPoints, string? NextPageToken);

/// <param name="Values">By label: COUNT, SUM, AVG, P95.0.</param>
public sealed record MlflowMetricPoint(string MetricName, Dictionary<string, string> Dimensions, Dictionary<string, double> Values);

/// <summary>Times and durations as protobuf's JSON has them.</summary>
public static class MlflowTime
{
    private const long MaxMs = 253_402_300_799_999; // the end of the year 9999, protobuf's own bound

    /// <summary><c>2026-11-23T08:30:37.330Z</c>; without the fraction when it is zero.</summary>
    public static string Timestamp(long ms) =>
        DateTimeOffset.FromUnixTimeMilliseconds(Math.Clamp(ms, 0, MaxMs)).UtcDateTime.ToString(ms % 1000 == 0 ? "yyyy-MM-dd'T'HH:mm:ss'Z'" : "yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);

    /// <summary><c>1.250s</c>; <c>2s</c> for whole seconds.</summary>
    public static string Duration(long ms) => ms % 1000 == 0 ? $"{ms / 1000}s" : string.Create(CultureInfo.InvariantCulture, $"{(ms < 0 ? "-" : "")}{Math.Abs(ms / 1000)}.{Math.Abs(ms % 1000):000}s");

    public static long? ReadTimestamp(JsonElement value) =>
        value.ValueKind == JsonValueKind.String && value.GetString() is { Length: <= 40 } text && text.Contains('T', StringComparison.Ordinal)
        && DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out var time) && time.ToUnixTimeMilliseconds() is >= 0 and var ms ? ms : null;

    public static long? ReadDuration(JsonElement value) =>
        value.ValueKind == JsonValueKind.String && value.GetString() is { Length: > 1 and <= 40 } text && text[^1] == 's'
        && decimal.TryParse(text.AsSpan(0, text.Length - 1), NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var seconds) && Math.Abs(seconds) < 315_576_000_000m
            ? (long)(seconds * 1000) : null;
}

/// <summary>What a client says of a trace: <c>POST traces</c>.</summary>
public sealed record MlflowTraceInput
{
    /// <summary>Most tags, and most metadata, of one trace.</summary>
    public const int MaxPairs = 1000;

    private static readonly string[] States = ["STATE_UNSPECIFIED", "OK", "ERROR", "IN_PROGRESS"];

    public string TraceId { get; private set; } = "";
    public string? ClientRequestId { get; private set; }
    public string? ExperimentId { get; private set; }
    public long RequestMs { get; private set; }
    public long? ExecutionMs { get; private set; }
    public string State { get; private set; } = "STATE_UNSPECIFIED";
    public Dictionary<string, string> Metadata { get; } = [];
    public Dictionary<string, string> Tags { get; } = [];
    public List<MlflowAssessmentInput> Assessments { get; } = [];
    public string? RequestPreview { get; private set; }
    public string? ResponsePreview { get; private set; }

    /// <summary>
    /// Reads <c>{"trace_info": {...}}</c>. Like MLflow's server it goes through the fields in the order sent and stops at the first that has a wrong type: what came before
    /// is the message.
    /// </summary>
    /// <exception cref="ProtocolFormatException">No trace_info, or more pairs than the bound.</exception>
    public static MlflowTraceInput Read(JsonElement trace)
    {
        var input = new MlflowTraceInput();
        if (trace.ValueKind != JsonValueKind.Object || !trace.TryGetProperty("trace_info", out var info) || info.ValueKind != JsonValueKind.Object)
            throw new ProtocolFormatException("The trace has no 'trace_info'.");
        foreach (var field in info.EnumerateObject())
            if (field.Value.ValueKind != JsonValueKind.Null && !input.TryRead(field.Name, field.Value)) break;
        return input;
    }

    private bool TryRead(string name, JsonElement value)
    {
        switch (name)
        {
            case "trace_id": return TryText(value, text => TraceId = text);
            case "client_request_id": return TryText(value, text => ClientRequestId = text);
            case "request_preview": return TryText(value, text => RequestPreview = text);
            case "response_preview": return TryText(value, text => ResponsePreview = text);
            case "trace_location": return TryLocation(value);
            case "request_time":
                RequestMs = MlflowTime.ReadTimestamp(value) ?? 0;
                return MlflowTime.ReadTimestamp(value) is not null;
            case "execution_duration":
                ExecutionMs = MlflowTime.ReadDuration(value) ?? 0;
                return MlflowTime.ReadDuration(value) is not null;
            case "state": return TryState(value);
            case "trace_metadata": return TryPairs(value, Metadata);
            case "tags": return TryPairs(value, Tags);
            case "assessments": return TryAssessments(value);
            default: return true;
        }
    }

    private bool TryState(JsonElement value)
    {
        var state = value.ValueKind == JsonValueKind.String ? States.FirstOrDefault(value.ValueEquals)
            : value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var number) && number is >= 0 and <= 3 ? States[number] : null;
        if (state is not null) State = state;
        return state is not null;
    }

    private static bool TryText(JsonElement value, Action<string> set)
    {
        if (value.ValueKind != JsonValueKind.String) return false;
        set(value.GetString()!);
        return true;
    }

    // {"type":"MLFLOW_EXPERIMENT","mlflow_experiment":{"experiment_id":"1"}}
    private bool TryLocation(JsonElement value)
    {
        ExperimentId = ExperimentOf(value);
        return value.ValueKind == JsonValueKind.Object;
    }

    /// <summary>The experiment that a trace location names; null when it is another kind of place.</summary>
    public static string? ExperimentOf(JsonElement location)
    {
        if (location.ValueKind != JsonValueKind.Object || !location.TryGetProperty("mlflow_experiment", out var experiment) || experiment.ValueKind != JsonValueKind.Object || !experiment.TryGetProperty("experiment_id", out var id)) return null;
        return id.ValueKind switch { JsonValueKind.String => id.GetString(), JsonValueKind.Number => id.GetRawText(), _ => null };
    }

    private static bool TryPairs(JsonElement value, Dictionary<string, string> pairs)
    {
        if (value.ValueKind != JsonValueKind.Object) return false;
        foreach (var pair in value.EnumerateObject())
        {
            if (pair.Value.ValueKind != JsonValueKind.String) return false;
            if (pairs.Count >= MaxPairs) throw new ProtocolFormatException($"A trace has at most {MaxPairs} tags, and as many metadata.");
            pairs[pair.Name] = pair.Value.GetString()!;
        }
        return true;
    }

    private bool TryAssessments(JsonElement value)
    {
        if (value.ValueKind != JsonValueKind.Array) return false;
        if (value.GetArrayLength() > MaxPairs) throw new ProtocolFormatException($"A trace is sent with at most {MaxPairs} assessments.");
        foreach (var item in value.EnumerateArray())
        {
            if (item.ValueKind != JsonValueKind.Object) return false;
            Assessments.Add(MlflowAssessmentInput.Read(item));
        }
        return true;
    }
}
