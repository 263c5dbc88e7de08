using System.Text.Json;

namespace Pilothouse.Protocols.Mlflow;

/// <summary>A tag or param of a request; what was not sent is empty.</summary>
public sealed record MlflowPair(string Key, string Value)
{
    public MlflowTag ToTag() => new(Key, Value);
}

/// <summary>
/// A request message, from a JSON body or a query string, read as MLflow's own server reads it.
/// </summary>
/// <remarks>
/// That server fills a protobuf message field by field in the order of the JSON and stops at the first value of a wrong type, keeping what it has; then it
/// checks some fields (those marked <see cref="MlflowField.Checked"/>) against the JSON. Clients depend on the checks, so both steps are repeated here:
/// <c>{"run_id": "a", "status": "NOPE", "end_time": 5}</c> is a message with a run_id only.
/// </remarks>
public sealed class MlflowMessage
{
    private const string SeeDocs = "See the API docs for more information about request parameters.";
    private readonly Dictionary<string, object> _values = new(StringComparer.Ordinal);

    private MlflowMessage()
    {
    }

    /// <summary>Reads a JSON object.</summary>
    /// <exception cref="ProtocolFormatException">Not an object, a required field is missing, or a checked field has a wrong type.</exception>
    public static MlflowMessage FromJson(JsonElement body, MlflowSchema schema)
    {
        if (body.ValueKind != JsonValueKind.Object) throw new ProtocolFormatException("The request body must be a JSON object, for example {\"run_id\": \"...\"}.");
        var message = new MlflowMessage();
        try
        {
            var fault = message.Fill(body, schema.ByName, "");
            foreach (var field in schema.Fields) Check(field, Raw(body, field.Name), fault is null);
            // MLflow goes on without what stands behind the value of a wrong type: a number is 0 then, which clients count on. A name that is needed cannot be empty: the value itself is the error.
            if (fault is { } wrong && schema.Fields.Any(message.Lacks)) throw Invalid(wrong.Name, wrong.Value.GetRawText(), MlflowValues.PythonType(wrong.Value));
        }
        catch (InvalidOperationException e)
        {
            // System.Text.Json finds out only when a text is read: bytes that are not UTF-8, or half a surrogate pair (\ud800).
            throw new ProtocolFormatException("The request body holds a text that is not valid Unicode.", e);
        }
        return message;
    }

    /// <summary>Reads a query string; a list is a repeated parameter.</summary>
    /// <param name="values">All values of a parameter; none when it was not sent.</param>
    /// <exception cref="ProtocolFormatException">As for JSON.</exception>
    public static MlflowMessage FromQuery(Func<string, IReadOnlyList<string>> values, MlflowSchema schema)
    {
        var message = new MlflowMessage();
        foreach (var field in schema.Fields)
        {
            var sent = values(field.Name);
            if (sent.Count == 0 && field.Name == "run_id") sent = values("run_uuid");
            if (field.Required && (sent.Count == 0 || sent[0].Length == 0)) throw Missing(field.Name);
            if (sent.Count == 0) continue;
            if (field.Kind == MlflowKind.TextList) message._values[field.Name] = sent;
            else if (MlflowValues.FromText(field, sent[0]) is { } value) message._values[field.Name] = value;
            else if (field.Kind == MlflowKind.Boolean) throw new ProtocolFormatException($"Invalid boolean value: {sent[0]}, must be 'true' or 'false'.");
            else if (field.Checked) throw Invalid(field.Name, JsonSerializer.Serialize(sent[0]), "str");
            else if (field.Kind == MlflowKind.Integer) message._values[field.Name] = 0L;
        }
        return message;
    }

    /// <summary>Whether the field was sent (and could be read).</summary>
    public bool Has(string name) => _values.ContainsKey(name);

    /// <summary>Empty when not sent, as in protobuf.</summary>
    public string Text(string name) => TextOrNull(name) ?? "";

    public string? TextOrNull(string name) => _values.GetValueOrDefault(name) as string;

    public long? Integer(string name) => _values.GetValueOrDefault(name) as long?;

    public double? Real(string name) => _values.GetValueOrDefault(name) as double?;

    /// <summary>A nested message or list as it was sent; null when it was not.</summary>
    public JsonElement? Json(string name) => _values.GetValueOrDefault(name) is JsonElement json ? json : null;

    public bool Boolean(string name) => _values.GetValueOrDefault(name) is true;

    public IReadOnlyList<string> TextList(string name) => _values.GetValueOrDefault(name) as IReadOnlyList<string> ?? [];

    public IReadOnlyList<MlflowMessage> List(string name) => _values.GetValueOrDefault(name) as IReadOnlyList<MlflowMessage> ?? [];

    /// <summary>A message inside this one; null when not sent.</summary>
    public MlflowMessage? Message(string name) => _values.GetValueOrDefault(name) as MlflowMessage;

    /// <summary>A list of <c>{key, value}</c>.</summary>
    public List<MlflowPair> Pairs(string name) => [.. List(name).Select(item => new MlflowPair(item.Text("key"), item.Text("value")))];

    /// <summary><c>run_id</c>, or its old name <c>run_uuid</c>.</summary>
    public string RunId => Text("run_id") is { Length: > 0 } id ? id : Text("run_uuid");

    /// <returns>The value of a wrong type at which the reading ended; null = everything was read.</returns>
    private (string Name, JsonElement Value)? Fill(JsonElement body, IReadOnlyDictionary<string, MlflowField> fields, string prefix)
    {
        foreach (var property in body.EnumerateObject())
        {
            if (property.Value.ValueKind == JsonValueKind.Null || !fields.TryGetValue(property.Name, out var field)) continue;
            var name = prefix + field.Name;
            if (field.Kind == MlflowKind.MessageList)
            {
                if (FillList(property.Value, field, name) is { } inList) return inList;
            }
            else if (field.Kind == MlflowKind.Message)
            {
                if (property.Value.ValueKind != JsonValueKind.Object) return (name, property.Value);
                var inner = new MlflowMessage();
                _values[field.Name] = inner;
                if (inner.Fill(property.Value, field.Items.ToDictionary(i => i.Name, StringComparer.Ordinal), name + ".") is { } inMessage) return inMessage;
            }
            else if (MlflowValues.FromJson(field, property.Value) is { } value) _values[field.Name] = value;
            else return (name, property.Value);
        }
        return null;
    }

    private (string Name, JsonElement Value)? FillList(JsonElement array, MlflowField field, string name)
    {
        if (array.ValueKind != JsonValueKind.Array) return (name, array);
        var list = new List<MlflowMessage>(array.GetArrayLength());
        _values[field.Name] = list;
        var items = field.Items.ToDictionary(f => f.Name, StringComparer.Ordinal);
        foreach (var element in array.EnumerateArray())
        {
            var place = $"{name}[{list.Count}]";
            if (element.ValueKind != JsonValueKind.Object) return (place, element);
            var item = new MlflowMessage();
            list.Add(item);
            if (item.Fill(element, items, place + ".") is { } fault) return fault;
        }
        return null;
    }

    private bool Lacks(MlflowField field) => field is { Required: true, Kind: MlflowKind.Text } && !_values.ContainsKey(field.Name) && !(field.Name == "run_id" && _values.ContainsKey("run_uuid"))
        || field.Kind == MlflowKind.MessageList && List(field.Name).Any(item => field.Items.Any(item.Lacks));

    private static void Check(MlflowField field, JsonElement? value, bool intact)
    {
        var missing = value is null || value.Value.ValueKind == JsonValueKind.String && value.Value.ValueEquals("");
        if (field.Required && missing) throw Missing(field.Name);
        if (!field.Checked || value is not { } present) return;
        if (field.Kind == MlflowKind.MessageList) CheckList(field, present);
        else if (!intact && !MlflowValues.HasType(field, present)) throw Invalid(field.Name, present.GetRawText(), MlflowValues.PythonType(present));
    }

    private static void CheckList(MlflowField field, JsonElement array)
    {
        if (array.ValueKind != JsonValueKind.Array) throw Invalid(field.Name, array.GetRawText(), MlflowValues.PythonType(array));
        var index = 0;
        foreach (var element in array.EnumerateArray())
        {
            if (element.ValueKind != JsonValueKind.Object) throw Invalid($"{field.Name}[{index}]", element.GetRawText(), MlflowValues.PythonType(element));
            foreach (var item in field.Items.Where(f => f.Required))
                Check(item with { Name = $"{field.Name}[{index}].{item.Name}", Checked = false }, Raw(element, item.Name), intact: true);
            index++;
        }
    }

    private static JsonElement? Raw(JsonElement body, string name)
    {
        var value = body.TryGetProperty(name, out var found) && found.ValueKind != JsonValueKind.Null ? found : (JsonElement?)null;
        return value is null && name == "run_id" ? Raw(body, "run_uuid") : value;
    }

    private static ProtocolFormatException Missing(string name) => new($"Missing value for required parameter '{name}'. {SeeDocs}");

    // The two spaces are MLflow's own; users match on this text.
    private static ProtocolFormatException Invalid(string name, string json, string type) =>
        new($"Invalid value {(json.Length > 200 ? json[..200] + "..." : json)} for parameter '{name}' supplied:  Hint: Value was of type '{type}'. {SeeDocs}");
}
