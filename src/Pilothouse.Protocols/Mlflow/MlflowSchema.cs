namespace Pilothouse.Protocols.Mlflow;

/// <summary>Wire type of a field, as MLflow's protobuf messages declare it.</summary>
public enum MlflowKind
{
    Text,
    /// <summary>int32 and int64: a JSON number or a string of digits.</summary>
    Integer,
    /// <summary>double: a JSON number, a numeric string, or <c>"NaN"</c>, <c>"Infinity"</c>, <c>"-Infinity"</c>.</summary>
    Real,
    Boolean,
    /// <summary>A name out of <see cref="MlflowField.Values"/>, or its number.</summary>
    Enumeration,
    TextList,
    Message,
    MessageList,
    /// <summary>A nested message or list, kept as JSON: who asks reads it.</summary>
    Json,
}

/// <summary>One field of a request message.</summary>
/// <param name="Name">snake_case, as it travels.</param>
public sealed record MlflowField(string Name, MlflowKind Kind)
{
    /// <summary>Missing, null or empty is an error.</summary>
    public bool Required { get; init; }

    /// <summary>A wrong type is an error. Otherwise MLflow reads the message up to that field and takes the rest as not sent; so do we.</summary>
    public bool Checked { get; init; }

    /// <summary>Of a list only that it is a list is checked.</summary>
    public bool AnyItems { get; init; }

    /// <summary>Names of an enumeration; the first has the number 1.</summary>
    public IReadOnlyList<string> Values { get; init; } = [];

    /// <summary>Fields of a message, or of each element of a message list.</summary>
    public IReadOnlyList<MlflowField> Items { get; init; } = [];

    /// <summary>Required and checked: the usual case.</summary>
    public MlflowField Must => this with { Required = true, Checked = true };

    /// <summary>Optional, but a wrong type is an error.</summary>
    public MlflowField May => this with { Checked = true };

    public static MlflowField Text(string name) => new(name, MlflowKind.Text);
    public static MlflowField Integer(string name) => new(name, MlflowKind.Integer);
    public static MlflowField Real(string name) => new(name, MlflowKind.Real);
    public static MlflowField Boolean(string name) => new(name, MlflowKind.Boolean);
    public static MlflowField Json(string name) => new(name, MlflowKind.Json);
    public static MlflowField TextList(string name) => new(name, MlflowKind.TextList);
    public static MlflowField Enumeration(string name, params IReadOnlyList<string> values) => new(name, MlflowKind.Enumeration) { Values = values };
    public static MlflowField List(string name, params IReadOnlyList<MlflowField> items) => new(name, MlflowKind.MessageList) { Items = items };

    public static MlflowField Message(string name, params IReadOnlyList<MlflowField> items) => new(name, MlflowKind.Message) { Items = items };

    /// <summary>A list of <c>{key, value}</c>: tags and params.</summary>
    public static MlflowField Pairs(string name) => List(name, Text("key"), Text("value"));
}

/// <summary>The fields of one request message, in the order in which MLflow checks them.</summary>
public sealed class MlflowSchema(params IReadOnlyList<MlflowField> fields)
{
    public IReadOnlyList<MlflowField> Fields { get; } = fields;

    internal IReadOnlyDictionary<string, MlflowField> ByName { get; } = fields.ToDictionary(f => f.Name, StringComparer.Ordinal);
}
