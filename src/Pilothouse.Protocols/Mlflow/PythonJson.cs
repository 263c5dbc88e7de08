using System.Collections;
using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Pilothouse.Protocols.Mlflow;

/// <summary>JSON as Python's <c>json.dumps</c> writes it, <c>{"a": 1, "b": [2, 3]}</c>: MLflow compares and shows such texts.</summary>
public static class PythonJson
{
    /// <summary>The value as JSON; a text that holds JSON already is taken as it is, as MLflow does.</summary>
    public static string Of(object? value) => value is string text && Decode(text) is not null ? text : Write(value);

    /// <summary>The value as JSON, whatever a text holds.</summary>
    public static string Write(object? value)
    {
        var result = new StringBuilder();
        Append(result, value);
        return result.ToString();
    }

    /// <summary>What a text holds when it is a JSON text, list or object (numbers and words are more likely meant as text); null otherwise.</summary>
    public static JsonElement? Decode(string text)
    {
        if (text.Length < 2 || text[0] is not ('{' or '[' or '"') || text[^1] is not ('}' or ']' or '"')) return null;
        try
        {
            return Parse(text);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    /// <summary>Parses JSON whose texts can all be read.</summary>
    /// <exception cref="JsonException">Not JSON, nested deeper than 64, or with half a surrogate pair (<c>\ud800</c>), which System.Text.Json finds only when the text is asked for.</exception>
    public static JsonElement Parse(string json)
    {
        using var document = JsonDocument.Parse(json);
        try
        {
            CheckText(document.RootElement);
        }
        catch (InvalidOperationException e)
        {
            throw new JsonException("A text is not valid Unicode.", e);
        }
        return document.RootElement.Clone();
    }

    /// <summary>Reads every text once.</summary>
    /// <exception cref="InvalidOperationException">One is not valid Unicode.</exception>
    internal static void CheckText(JsonElement json)
    {
        switch (json.ValueKind)
        {
            case JsonValueKind.String: _ = json.GetString(); break;
            case JsonValueKind.Array: foreach (var item in json.EnumerateArray()) CheckText(item); break;
            case JsonValueKind.Object:
                foreach (var member in json.EnumerateObject())
                {
                    _ = member.Name;
                    CheckText(member.Value);
                }
                break;
            default: break;
        }
    }

    private static void Append(StringBuilder result, object? value)
    {
        switch (value)
        {
            case null: result.Append("null"); break;
            case string text: AppendText(result, text); break;
            case bool flag: result.Append(flag ? "true" : "false"); break;
            case long number: result.Append(number.ToString(CultureInfo.InvariantCulture)); break;
            case int number: result.Append(number.ToString(CultureInfo.InvariantCulture)); break;
            case double number: AppendReal(result, number); break;
            case JsonElement json: AppendElement(result, json); break;
            case IEnumerable<KeyValuePair<string, object?>> map: AppendList(result, '{', '}', map, pair => AppendPair(result, pair.Key, pair.Value)); break;
            case IEnumerable list: AppendList(result, '[', ']', list.Cast<object?>(), item => Append(result, item)); break;
            default: AppendText(result, Convert.ToString(value, CultureInfo.InvariantCulture) ?? ""); break;
        }
    }

    private static void AppendElement(StringBuilder result, JsonElement json)
    {
        switch (json.ValueKind)
        {
            case JsonValueKind.Object: AppendList(result, '{', '}', json.EnumerateObject(), member => AppendPair(result, member.Name, member.Value)); break;
            case JsonValueKind.Array: AppendList(result, '[', ']', json.EnumerateArray(), item => AppendElement(result, item)); break;
            case JsonValueKind.String: AppendText(result, json.GetString()!); break;
            default: result.Append(json.GetRawText()); break;
        }
    }

    private static void AppendPair(StringBuilder result, string key, object? value)
    {
        AppendText(result, key);
        result.Append(": ");
        Append(result, value);
    }

    private static void AppendList<T>(StringBuilder result, char open, char close, IEnumerable<T> items, Action<T> append)
    {
        result.Append(open);
        var isFirst = true;
        foreach (var item in items)
        {
            if (!isFirst) result.Append(", ");
            isFirst = false;
            append(item);
        }
        result.Append(close);
    }

    private static void AppendReal(StringBuilder result, double number)
    {
        if (!double.IsFinite(number))
        {
            result.Append(double.IsNaN(number) ? "NaN" : number > 0 ? "Infinity" : "-Infinity");
            return;
        }
        var text = number.ToString("R", CultureInfo.InvariantCulture);
        result.Append(text).Append(text.AsSpan().ContainsAny('.', 'E') ? "" : ".0");
    }

    private static void AppendText(StringBuilder result, string text) => result.Append('"').Append(JsonEncodedText.Encode(text, System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping).Value).Append('"');
}
