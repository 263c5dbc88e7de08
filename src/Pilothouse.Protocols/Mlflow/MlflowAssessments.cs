using System.Text.Json;

namespace Pilothouse.Protocols.Mlflow;

/// <summary>What a person, a judge or a program says about a trace or one of its spans. Exactly one of feedback, expectation and issue is set.</summary>
public sealed record MlflowAssessment
{
    public string? AssessmentId { get; init; }

    public string? AssessmentName { get; init; }

    public string? TraceId { get; init; }

    public string? SpanId { get; init; }

    public MlflowAssessmentSource? Source { get; init; }

    public string? CreateTime { get; init; }

    public string? LastUpdateTime { get; init; }

    public MlflowFeedback? Feedback { get; init; }

    public MlflowExpectation? Expectation { get; init; }

    public MlflowIssueReference? Issue { get; init; }

    public string? Rationale { get; init; }

    public Dictionary<string, string>? Metadata { get; init; }

    /// <summary>Id of the assessment that this one replaces.</summary>
    public string? Overrides { get; init; }

    /// <summary>False when a later one overrides it.</summary>
    public bool Valid { get; init; }
}

/// <param name="SourceType">HUMAN, LLM_JUDGE, CODE or SOURCE_TYPE_UNSPECIFIED.</param>
public sealed record MlflowAssessmentSource(string SourceType, string? SourceId);

/// <param name="Value">Any JSON value; null is written, too.</param>
public sealed record MlflowFeedback(JsonElement Value, MlflowAssessmentError? Error);

/// <summary>A plain value, or JSON in a text for lists and objects.</summary>
public sealed record MlflowExpectation(JsonElement? Value, MlflowSerializedValue? SerializedValue);

public sealed record MlflowSerializedValue(string SerializationFormat, string Value);

public sealed record MlflowIssueReference(string IssueName);

public sealed record MlflowAssessmentError(string? ErrorCode, string? ErrorMessage, string? StackTrace);

public sealed record MlflowAssessmentAnswer(MlflowAssessment Assessment);

/// <summary>An assessment as a client sends it, and which fields it sent.</summary>
public sealed class MlflowAssessmentInput
{
    /// <summary>Longest value, in characters of JSON.</summary>
    public const int MaxValue = 1_000_000;

    /// <summary>Deepest nesting of a value.</summary>
    public const int MaxDepth = 20;

    private const int MaxMetadata = 1000;
    private static readonly string[] SourceTypes = ["SOURCE_TYPE_UNSPECIFIED", "HUMAN", "LLM_JUDGE", "CODE"];

    /// <summary><c>feedback</c>, <c>expectation</c>, <c>issue</c>, or null when none was sent.</summary>
    public string? Kind { get; private set; }

    /// <summary>JSON of the value; of an issue its id as JSON text.</summary>
    public string Value { get; private set; } = "null";

    public string? Name { get; private set; }
    public string? SpanId { get; private set; }
    public string SourceType { get; private set; } = "SOURCE_TYPE_UNSPECIFIED";
    public string? SourceId { get; private set; }
    public long? CreateMs { get; private set; }
    public long? UpdateMs { get; private set; }
    public string? Rationale { get; private set; }
    public string? Overrides { get; private set; }
    public MlflowAssessmentError? Error { get; private set; }
    public Dictionary<string, string>? Metadata { get; private set; }

    /// <summary>Reads the fields in the order sent, up to the first of a wrong type; of two values the second is such a one.</summary>
    /// <exception cref="ProtocolFormatException">A value beyond the bounds.</exception>
    public static MlflowAssessmentInput Read(JsonElement assessment)
    {
        var input = new MlflowAssessmentInput();
        if (assessment.ValueKind != JsonValueKind.Object) return input;
        foreach (var field in assessment.EnumerateObject())
            if (field.Value.ValueKind != JsonValueKind.Null && !input.TryRead(field.Name, field.Value)) break;
        return input;
    }

    private bool TryRead(string name, JsonElement value)
    {
        switch (name)
        {
            case "assessment_name": return (Name = Text(value)) is not null;
            case "span_id": return (SpanId = Text(value)) is not null;
            case "rationale": return (Rationale = Text(value)) is not null;
            case "overrides": return (Overrides = Text(value)) is not null;
            case "source": return TrySource(value);
            case "create_time": return (CreateMs = MlflowTime.ReadTimestamp(value)) is not null;
            case "last_update_time": return (UpdateMs = MlflowTime.ReadTimestamp(value)) is not null;
            case "feedback": return Kind is null && TryFeedback(value);
            case "expectation": return Kind is null && TryExpectation(value);
            case "issue": return Kind is null && TryIssue(value);
            case "metadata": return TryMetadata(value);
            default: return true;
        }
    }

    private bool TrySource(JsonElement value)
    {
        if (value.ValueKind != JsonValueKind.Object) return false;
        foreach (var field in value.EnumerateObject())
        {
            if (field.NameEquals("source_id") && (SourceId = Text(field.Value)) is null) return false;
            if (!field.NameEquals("source_type")) continue;
            if (Text(field.Value) is not { } type || !SourceTypes.Contains(type)) return false;
            SourceType = type;
        }
        return true;
    }

    // {"value": 0.7} | {"value": null, "error": {"error_code": "TIMEOUT", "error_message": "..."}}
    private bool TryFeedback(JsonElement value)
    {
        if (value.ValueKind != JsonValueKind.Object) return false;
        Kind = "feedback";
        if (value.TryGetProperty("value", out var given)) Value = Bounded(given);
        if (value.TryGetProperty("error", out var error) && error.ValueKind == JsonValueKind.Object)
            Error = new MlflowAssessmentError(Text(error, "error_code"), Text(error, "error_message"), Text(error, "stack_trace"));
        return true;
    }

    // {"value": "42"} | {"serialized_value": {"serialization_format": "JSON_FORMAT", "value": "[1, 2]"}}
    private bool TryExpectation(JsonElement value)
    {
        if (value.ValueKind != JsonValueKind.Object) return false;
        Kind = "expectation";
        if (value.TryGetProperty("value", out var given)) Value = Bounded(given);
        else if (value.TryGetProperty("serialized_value", out var serialized) && serialized.ValueKind == JsonValueKind.Object && Text(serialized, "value") is { } json)
        {
            try
            {
                Value = Bounded(PythonJson.Parse(json));
            }
            catch (JsonException e)
            {
                throw new ProtocolFormatException($"The serialized_value of the expectation is not valid JSON: {e.Message}", e);
            }
        }
        return true;
    }

    private bool TryIssue(JsonElement value)
    {
        if (value.ValueKind != JsonValueKind.Object) return false;
        Kind = "issue";
        Value = PythonJson.Write(Text(value, "issue_name") ?? "");
        return true;
    }

    private bool TryMetadata(JsonElement value)
    {
        if (value.ValueKind != JsonValueKind.Object) return false;
        Metadata = [];
        foreach (var pair in value.EnumerateObject())
        {
            if (Text(pair.Value) is not { } text) return false;
            if (Metadata.Count >= MaxMetadata) throw new ProtocolFormatException($"An assessment has at most {MaxMetadata} metadata.");
            Metadata[pair.Name] = text;
        }
        return true;
    }

    private static string Bounded(JsonElement value)
    {
        CheckDepth(value, 0);
        var json = PythonJson.Write(value);
        return json.Length <= MaxValue ? json : throw new ProtocolFormatException($"The value of an assessment is longer than {MaxValue} characters.");
    }

    private static void CheckDepth(JsonElement value, int depth)
    {
        if (depth > MaxDepth) throw new ProtocolFormatException($"The value of an assessment is nested deeper than {MaxDepth}.");
        if (value.ValueKind == JsonValueKind.Array) foreach (var item in value.EnumerateArray()) CheckDepth(item, depth + 1);
        else if (value.ValueKind == JsonValueKind.Object) foreach (var member in value.EnumerateObject()) CheckDepth(member.Value, depth + 1);
    }

    private static string? Text(JsonElement value) => value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    private static string? Text(JsonElement owner, string name) => owner.TryGetProperty(name, out var value) ? Text(value) : null;
}
