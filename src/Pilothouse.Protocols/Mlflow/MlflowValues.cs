using System.Globalization;
using System.Text.Json;

namespace Pilothouse.Protocols.Mlflow;

/// <summary>Single values, converted by the rules of protobuf's JSON form.</summary>
internal static class MlflowValues
{
    /// <returns>The value as string, long, double, bool or string list; null when it has a wrong type.</returns>
    public static object? FromJson(MlflowField field, JsonElement value) => field.Kind switch
    {
        MlflowKind.Text => value.ValueKind == JsonValueKind.String ? value.GetString() : null,
        MlflowKind.Integer => Integer(value),
        MlflowKind.Real => Real(value),
        MlflowKind.Boolean => value.ValueKind switch { JsonValueKind.True => true, JsonValueKind.False => false, _ => null },
        MlflowKind.Enumeration => Enumeration(field, value),
        MlflowKind.TextList => TextList(value),
        MlflowKind.Json => value.ValueKind == (field.AnyItems ? JsonValueKind.Array : JsonValueKind.Object) ? Copy(value) : null,
        _ => null,
    };

    /// <summary>A copy, since the body's buffer is used again after the request; every text in it can be read.</summary>
    private static JsonElement Copy(JsonElement value)
    {
        PythonJson.CheckText(value);
        return value.Clone();
    }

    public static object? FromText(MlflowField field, string text) => field.Kind switch
    {
        MlflowKind.Text => text,
        MlflowKind.Integer => long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) ? number : null,
        MlflowKind.Real => Real(text),
        MlflowKind.Boolean => bool.TryParse(text, out var flag) ? flag : null,
        MlflowKind.Enumeration => field.Values.Contains(text, StringComparer.Ordinal) ? text : null,
        _ => null,
    };

    /// <summary>Whether the value passes MLflow's own check, which is laxer than the conversion (1.5 passes as an integer).</summary>
    public static bool HasType(MlflowField field, JsonElement value) => field.Kind switch
    {
        MlflowKind.Text => value.ValueKind == JsonValueKind.String,
        MlflowKind.Integer => value.ValueKind == JsonValueKind.Number || Integer(value) is not null,
        MlflowKind.Real => Real(value) is not null,
        MlflowKind.Boolean => value.ValueKind is JsonValueKind.True or JsonValueKind.False,
        MlflowKind.Json => value.ValueKind == (field.AnyItems ? JsonValueKind.Array : JsonValueKind.Object),
        MlflowKind.TextList => field.AnyItems ? value.ValueKind == JsonValueKind.Array : TextList(value) is not null,
        MlflowKind.Message => value.ValueKind == JsonValueKind.Object,
        _ => false,
    };

    /// <summary>Name of the type in MLflow's messages.</summary>
    public static string PythonType(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.String => "str",
        JsonValueKind.Number => value.TryGetInt64(out _) ? "int" : "float",
        JsonValueKind.True or JsonValueKind.False => "bool",
        JsonValueKind.Array => "list",
        JsonValueKind.Object => "dict",
        _ => "NoneType",
    };

    private static object? Integer(JsonElement value)
    {
        if (value.ValueKind == JsonValueKind.String) return long.TryParse(value.GetString(), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var parsed) ? parsed : null;
        if (value.ValueKind != JsonValueKind.Number) return null;
        if (value.TryGetInt64(out var number)) return number;
        // 3.0 is an integer to protobuf; 3.5 and anything beyond 64 bits are not.
        var real = value.GetDouble();
        return Math.Abs(real) < 9e18 && real == Math.Floor(real) ? (long)real : null;
    }

    private static object? Real(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Number => value.GetDouble(),
        JsonValueKind.String => Real(value.GetString()!),
        JsonValueKind.True => 1.0,
        JsonValueKind.False => 0.0,
        _ => null,
    };

    private static object? Real(string text) => text switch
    {
        "NaN" or "nan" => double.NaN,
        "Infinity" => double.PositiveInfinity,
        "-Infinity" => double.NegativeInfinity,
        _ => double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && double.IsFinite(number) ? number : null,
    };

    private static string? Enumeration(MlflowField field, JsonElement value)
    {
        if (value.ValueKind == JsonValueKind.String) return field.Values.FirstOrDefault(value.ValueEquals);
        return value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var number) && number >= 1 && number <= field.Values.Count ? field.Values[number - 1] : null;
    }

    private static List<string>? TextList(JsonElement value)
    {
        if (value.ValueKind != JsonValueKind.Array) return null;
        var list = new List<string>(value.GetArrayLength());
        foreach (var element in value.EnumerateArray())
        {
            if (element.ValueKind != JsonValueKind.String) return null;
            list.Add(element.GetString()!);
        }
        return list;
    }
}
