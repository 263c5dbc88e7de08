using System.Globalization;
using System.Text.Json;

namespace Pilothouse.EndToEnd.Tests.Mlflow;

/// <summary>Compares an answer's JSON with the recorded one.</summary>
internal sealed class AnswerComparer(Bindings bindings, IReadOnlyList<string> unordered)
{
    // Lists that MLflow returns in no particular order.
    private static readonly string[] NoOrder = ["tags", "params", "aliases", "dataset_inputs", "model_inputs", "model_outputs", "latest_versions", "assessments", "experiment_ids", "registrations",
        "events", "dataset_summaries", "records", "model_params", "model_metrics", "attributes", "data_points"];

    /// <exception cref="MismatchException">They differ.</exception>
    public void Compare(JsonElement expected, JsonElement actual, string path, string parent)
    {
        switch (expected.ValueKind)
        {
            case JsonValueKind.Object when actual.ValueKind == JsonValueKind.Object:
                CompareObject(expected, actual, path);
                return;
            case JsonValueKind.Array when actual.ValueKind == JsonValueKind.Array:
                CompareList([.. expected.EnumerateArray()], [.. actual.EnumerateArray()], path, parent);
                return;
            case JsonValueKind.String:
                CompareText(expected.GetString()!, actual, path);
                return;
            case JsonValueKind.Number when actual.ValueKind == JsonValueKind.Number && expected.GetDouble().Equals(actual.GetDouble()):
            case JsonValueKind.True or JsonValueKind.False or JsonValueKind.Null when expected.ValueKind == actual.ValueKind:
                return;
            default:
                throw Differs(path, expected, actual);
        }
    }

    private void CompareObject(JsonElement expected, JsonElement actual, string path)
    {
        var wanted = expected.EnumerateObject().ToDictionary(p => bindings.Fill(p.Name), p => p.Value);
        foreach (var extra in actual.EnumerateObject().Where(p => !wanted.ContainsKey(p.Name))) throw new MismatchException($"{path}.{extra.Name}: not expected, got {Show(extra.Value)}");
        var name = path[(path.LastIndexOf('.') + 1)..].Split('[')[0];
        foreach (var (key, value) in wanted)
        {
            if (!actual.TryGetProperty(key, out var found)) throw new MismatchException($"{path}.{key}: missing, expected {Show(value)}");
            Compare(value, found, $"{path}.{key}", name);
        }
    }

    private void CompareList(List<JsonElement> expected, List<JsonElement> actual, string path, string parent)
    {
        if (expected.Count != actual.Count) throw new MismatchException($"{path}: expected {expected.Count} elements, got {actual.Count}");
        var key = path[(path.LastIndexOf('.') + 1)..];
        if (!unordered.Contains(path) && !NoOrder.Contains(key) && !(key == "metrics" && parent == "data"))
        {
            for (var i = 0; i < expected.Count; i++) Compare(expected[i], actual[i], $"{path}[{i}]", key);
            return;
        }
        // Elements without placeholders first, so that those with placeholders choose among what is left.
        foreach (var element in expected.OrderBy(e => e.GetRawText().Contains("${", StringComparison.Ordinal)))
        {
            var index = actual.FindIndex(candidate => bindings.Try(() => Fits(element, candidate, path, key)));
            if (index < 0) throw new MismatchException($"{path}: no element like {Show(element)}");
            actual.RemoveAt(index);
        }
    }

    private bool Fits(JsonElement expected, JsonElement actual, string path, string key)
    {
        try
        {
            Compare(expected, actual, path + "[]", key);
            return true;
        }
        catch (MismatchException)
        {
            return false;
        }
    }

    private void CompareText(string expected, JsonElement actual, string path)
    {
        if (expected == "${timestamp}")
        {
            if (actual.ValueKind != JsonValueKind.Number || !actual.TryGetInt64(out var time) || time is <= 1_000_000_000_000 or >= 10_000_000_000_000) throw new MismatchException($"{path}: expected a time in epoch milliseconds, got {Show(actual)}");
            return;
        }
        if (expected.StartsWith("${int:", StringComparison.Ordinal))
        {
            if (actual.ValueKind != JsonValueKind.Number || !bindings.Match("${" + expected[6..], actual.GetInt64().ToString(CultureInfo.InvariantCulture))) throw new MismatchException($"{path}: expected the number {expected}, got {Show(actual)}");
            return;
        }
        if (actual.ValueKind != JsonValueKind.String) throw new MismatchException($"{path}: expected the text {expected}, got {Show(actual)}");
        if (bindings.Match(expected, actual.GetString()!)) return;
        // JSON inside a text: white space and the order of keys do not matter.
        if (Embedded(expected) is { } one && Embedded(actual.GetString()!) is { } other) Compare(one, other, path, "");
        else throw new MismatchException($"{path}: expected {expected}, got {Show(actual)}");
    }

    private static JsonElement? Embedded(string text)
    {
        if (text.Length == 0 || text[0] is not ('{' or '[')) return null;
        try
        {
            return JsonDocument.Parse(text).RootElement;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static MismatchException Differs(string path, JsonElement expected, JsonElement actual) => new($"{path}: expected {Show(expected)}, got {Show(actual)}");

    private static string Show(JsonElement value) => value.GetRawText() is var text && text.Length <= 200 ? text : text[..200] + "...";
}
