using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Pilothouse.Protocols.Mlflow;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Evaluation;

/// <summary>Reads the records that a client sends for an evaluation data set, and describes their fields.</summary>
internal static class EvaluationRecords
{
    /// <summary>Records of one call.</summary>
    public const int MaxRecords = 10_000;

    private const string UserTag = "mlflow.user";

    // [{"inputs": {"q": "Q0"}, "expectations": {"a": "A0"}, "tags": {"i": "0"}, "source": {"source_type": "HUMAN", "source_data": {}}}]
    public static List<RecordInput> Read(string json)
    {
        var root = Parse(json, "records");
        if (root.ValueKind != JsonValueKind.Array) throw Invalid("'records' is a JSON list in a text.");
        if (root.GetArrayLength() > MaxRecords) throw Invalid($"At most {MaxRecords} records can be sent in one call; send several.");
        return [.. root.EnumerateArray().Select(Record)];
    }

    /// <summary>A JSON object of texts in a text; a null stands for "delete".</summary>
    public static Dictionary<string, string?> ReadTags(string json)
    {
        var root = Parse(json, "tags");
        if (root.ValueKind != JsonValueKind.Object) throw Invalid("'tags' is a JSON object in a text.");
        var tags = new Dictionary<string, string?>();
        foreach (var tag in root.EnumerateObject()) tags[Clean(tag.Name)] = tag.Value.ValueKind switch { JsonValueKind.Null => null, JsonValueKind.String => Clean(tag.Value.GetString()!), _ => PythonJson.Write(tag.Value) };
        return tags.Count <= 1000 ? tags : throw Invalid("A data set has at most 1,000 tags.");
    }

    public static string? UserOf(IReadOnlyDictionary<string, string?> tags) => tags.GetValueOrDefault(UserTag);

    /// <summary>Types of the fields, with those that were known before: <c>{"inputs": {"q": "string"}, "outputs": {}, "expectations": {}, "version": "1.0"}</c>.</summary>
    public static string Schema(string? before, IEnumerable<RecordInput> records)
    {
        var known = before is null ? default : Parse(before, "schema");
        var (inputs, expectations) = (Fields(known, "inputs"), Fields(known, "expectations"));
        object? outputs = known.ValueKind == JsonValueKind.Object && known.TryGetProperty("outputs", out var old) && old.ValueKind == JsonValueKind.String ? old.GetString() : Fields(known, "outputs");
        foreach (var record in records)
        {
            Add(inputs, record.Inputs);
            if (record.Expectations is { } expected) Add(expectations, expected);
            if (record.Outputs is not { } output || output.ValueKind == JsonValueKind.Null) continue;
            if (output.ValueKind == JsonValueKind.Object && outputs is SortedDictionary<string, object?> fields) Add(fields, output);
            else if (output.ValueKind != JsonValueKind.Object) outputs = Type(output);
        }
        return PythonJson.Write(new Dictionary<string, object?> { ["inputs"] = inputs, ["outputs"] = outputs, ["expectations"] = expectations, ["version"] = "1.0" });
    }

    /// <summary>The members of two objects; those of the second win.</summary>
    public static string Merge(string? first, JsonElement second)
    {
        var merged = new Dictionary<string, object?>();
        if (first is not null) foreach (var member in Parse(first, "record").EnumerateObject()) merged[member.Name] = member.Value;
        foreach (var member in second.EnumerateObject()) merged[member.Name] = member.Value;
        return PythonJson.Write(merged);
    }

    private static RecordInput Record(JsonElement record)
    {
        if (record.ValueKind != JsonValueKind.Object || !record.TryGetProperty("inputs", out var inputs) || inputs.ValueKind != JsonValueKind.Object) throw Invalid("Every record has 'inputs', an object.");
        var source = Member(record, "source");
        if (source is { ValueKind: not JsonValueKind.Object }) throw Invalid("The 'source' of a record is an object with source_type and source_data.");
        return new RecordInput
        {
            Inputs = inputs,
            InputHash = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(Canonical(inputs)))),
            Outputs = Member(record, "outputs"),
            Expectations = ObjectOrNull(record, "expectations"),
            Tags = ObjectOrNull(record, "tags"),
            Source = source,
            SourceType = source is { } s && s.TryGetProperty("source_type", out var type) && type.ValueKind == JsonValueKind.String ? Clean(type.GetString()!) : null,
            SourceId = source is { } t && t.TryGetProperty("source_data", out var data) && data.ValueKind == JsonValueKind.Object && data.TryGetProperty("trace_id", out var trace) && trace.ValueKind == JsonValueKind.String ? Clean(trace.GetString()!) : null,
            User = ObjectOrNull(record, "tags") is { } tags && tags.TryGetProperty(UserTag, out var user) && user.ValueKind == JsonValueKind.String ? Clean(user.GetString()!) : null,
        };
    }

    private static JsonElement? Member(JsonElement record, string name) => record.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null ? value : null;

    private static JsonElement? ObjectOrNull(JsonElement record, string name) => Member(record, name) is not { } value ? null
        : value.ValueKind == JsonValueKind.Object ? value : throw Invalid($"The '{name}' of a record are an object.");

    private static SortedDictionary<string, object?> Fields(JsonElement schema, string name)
    {
        var fields = new SortedDictionary<string, object?>(StringComparer.Ordinal);
        if (schema.ValueKind == JsonValueKind.Object && schema.TryGetProperty(name, out var known) && known.ValueKind == JsonValueKind.Object)
            foreach (var field in known.EnumerateObject()) fields[field.Name] = field.Value.GetString();
        return fields;
    }

    private static void Add(SortedDictionary<string, object?> fields, JsonElement values)
    {
        foreach (var field in values.EnumerateObject()) fields[field.Name] = Type(field.Value);
    }

    private static string Type(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.String => "string",
        JsonValueKind.True or JsonValueKind.False => "boolean",
        JsonValueKind.Number => value.TryGetInt64(out _) ? "integer" : "float",
        JsonValueKind.Array => "array",
        JsonValueKind.Object => "object",
        _ => "null",
    };

    private static string Canonical(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Object => "{" + string.Join(", ", value.EnumerateObject().OrderBy(m => m.Name, StringComparer.Ordinal).Select(m => PythonJson.Write(m.Name) + ": " + Canonical(m.Value))) + "}",
        JsonValueKind.Array => "[" + string.Join(", ", value.EnumerateArray().Select(Canonical)) + "]",
        _ => PythonJson.Write(value),
    };

    private static JsonElement Parse(string json, string what)
    {
        try
        {
            return PythonJson.Parse(json);
        }
        catch (JsonException e)
        {
            throw Invalid($"'{what}' is not valid JSON: {e.Message}");
        }
    }

    private static string Clean(string text) => text.Replace('\0', ' ');

    private static PilothouseException Invalid(string message) => new(ErrorCode.InvalidArgument, message);
}

/// <summary>One record as sent.</summary>
internal sealed record RecordInput
{
    public required JsonElement Inputs { get; init; }

    /// <summary>SHA-256 of the inputs' JSON with sorted keys, hex: by it a record is known again.</summary>
    public required string InputHash { get; init; }
    public JsonElement? Outputs { get; init; }
    public JsonElement? Expectations { get; init; }
    public JsonElement? Tags { get; init; }
    public JsonElement? Source { get; init; }
    public string? SourceType { get; init; }

    /// <summary>The trace that it comes from, or null.</summary>
    public string? SourceId { get; init; }
    public string? User { get; init; }
}
