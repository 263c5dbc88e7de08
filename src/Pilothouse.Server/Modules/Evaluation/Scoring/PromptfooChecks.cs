using System.Globalization;
using System.Text;
using System.Text.Json;
using Pilothouse.Protocols.JsonSchemas;
using Pilothouse.Protocols.Promptfoo;
using Pilothouse.Server.Platform;
using Pilothouse.Server.Platform.Projects;
using Pilothouse.Statistics;

namespace Pilothouse.Server.Modules.Evaluation.Scoring;

/// <summary>promptfoo's assertions that look at the answer alone.</summary>
internal static class PromptfooChecks
{
    /// <summary>JSON values looked for in one answer.</summary>
    private const int MaxValues = 1_000;

    /// <exception cref="PilothouseException">The value does not fit the assertion.</exception>
    public static (bool IsPass, double Score, string? Reason) Of(PromptfooAssertion one, ModelSubject model, Scored answer, IReadOnlyDictionary<string, JsonElement> vars)
    {
        var output = answer.Answer.Output;
        StringComparison Case(string type) => one.Type == type ? StringComparison.OrdinalIgnoreCase : StringComparison.Ordinal;
        return one.Type switch
        {
            "equals" => Plain(one, Equal(one, output, vars), "the answer differs"),
            "contains" or "icontains" => Plain(one, output.Contains(Text(one, vars), Case("icontains")), $"'{Short(Text(one, vars))}'"),
            "contains-all" or "icontains-all" => All(one, output, vars, Case("icontains-all")),
            "contains-any" or "icontains-any" => Plain(one, Texts(one, vars, splits: true).Any(t => output.Contains(t, Case("icontains-any"))), "none of the texts"),
            "starts-with" => Plain(one, output.StartsWith(Text(one, vars), StringComparison.Ordinal), $"'{Short(Text(one, vars))}'"),
            "regex" => Plain(one, AssertionScorers.Pattern(Text(one, vars), ignoreCase: false).IsMatch(output), $"'{Short(Text(one, vars))}'"),
            "is-json" => Json(one, AssertionScorers.Parse(output) is { } value ? [value] : [], vars),
            "contains-json" => Json(one, Values(output), vars),
            "levenshtein" => Distance(one, EditDistance.Distance(output, Text(one, vars))),
            "word-count" => Words(one, output),
            "rouge-n" => Graded(one, Rouge.N(output, Text(one, vars), 1).F1, 0.75),
            "bleu" => Graded(one, Texts(one, vars, splits: false) is var references ? Bleu.Sentence(output, references).Score / 100 : 0, 0.5),
            "latency" => Plain(one, Usage(answer).Milliseconds <= one.Threshold, FormattableString.Invariant($"{Usage(answer).Milliseconds:0} ms")),
            "cost" => Plain(one, (Usage(answer).Cost(model.Entry.Price) ?? throw Bad(one, "the provider has no price, so the cost is not known")) <= one.Threshold, "too dear"),
            "is-refusal" => Plain(one, RefusalText.IsRefusal(output), "no refusal"),
            "is-valid-openai-tools-call" => Plain(one, ToolCalls.Find(output).Count > 0, "no tool call"),
            _ => throw Bad(one, "it is not run here"),
        };
    }

    public static string Text(PromptfooAssertion one, IReadOnlyDictionary<string, JsonElement> vars) => one.Value is not { } value ? throw Bad(one, "it has no value")
        : value.ValueKind == JsonValueKind.String ? PromptfooPlanner.Render(value.GetString()!, vars) : value.GetRawText();

    /// <summary>A list, or a text whose parts stand between commas (quoted where a comma belongs to one).</summary>
    public static IReadOnlyList<string> Texts(PromptfooAssertion one, IReadOnlyDictionary<string, JsonElement> vars, bool splits)
    {
        if (one.Value is { ValueKind: JsonValueKind.Array } list) return [.. list.EnumerateArray().Select(v => v.ValueKind == JsonValueKind.String ? PromptfooPlanner.Render(v.GetString()!, vars) : v.GetRawText())];
        var text = Text(one, vars);
        return splits ? Split(text) : [text];
    }

    private static bool Equal(PromptfooAssertion one, string output, IReadOnlyDictionary<string, JsonElement> vars) => one.Value is { ValueKind: JsonValueKind.Object or JsonValueKind.Array } wanted
        ? AssertionScorers.Parse(output) is { } given && JsonElement.DeepEquals(given, wanted) : output == Text(one, vars);

    private static (bool, double, string?) All(PromptfooAssertion one, string output, IReadOnlyDictionary<string, JsonElement> vars, StringComparison comparison)
    {
        string[] missing = [.. Texts(one, vars, splits: true).Where(t => !output.Contains(t, comparison))];
        return Plain(one, missing.Length == 0, $"without {string.Join(", ", missing.Take(3).Select(m => $"'{Short(m)}'"))}");
    }

    private static (bool, double, string?) Json(PromptfooAssertion one, List<JsonElement> values, IReadOnlyDictionary<string, JsonElement> vars)
    {
        if (values.Count == 0) return Plain(one, false, "no JSON");
        if (one.Value is not { ValueKind: not JsonValueKind.Null } value || value is { ValueKind: JsonValueKind.String } && value.GetString()!.Length == 0) return Plain(one, true, "JSON");
        var schema = JsonSchema.Parse(value.ValueKind == JsonValueKind.String ? PromptfooPlanner.Render(value.GetString()!, vars) : value.GetRawText());
        return Plain(one, values.Any(v => schema.Validate(v).Count == 0), values.Select(v => schema.Validate(v).Select(f => f.ToString()).FirstOrDefault()).FirstOrDefault(f => f is not null) ?? "the schema");
    }

    private static (bool, double, string?) Distance(PromptfooAssertion one, int distance) => Plain(one, distance <= (one.Threshold is > 0 and { } most ? most : 5), $"distance {distance}");

    private static (bool, double, string?) Words(PromptfooAssertion one, string output)
    {
        var count = output.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries).Length;
        double? Bound(string name) => one.Value is { ValueKind: JsonValueKind.Object } range && range.TryGetProperty(name, out var bound) && bound.ValueKind == JsonValueKind.Number ? bound.GetDouble() : null;
        var exact = one.Value switch
        {
            { ValueKind: JsonValueKind.Number } number => number.GetDouble(),
            { ValueKind: JsonValueKind.String } text when double.TryParse(text.GetString(), NumberStyles.Float, CultureInfo.InvariantCulture, out var parsed) => parsed,
            _ => (double?)null,
        };
        if (exact is null && Bound("min") is null && Bound("max") is null) throw Bad(one, "its value is no number and has neither min nor max");
        return Plain(one, exact is { } wanted ? count == wanted : !(count < Bound("min")) && !(count > Bound("max")), $"{count} words");
    }

    private static (bool, double, string?) Graded(PromptfooAssertion one, double score, double fallback)
    {
        var isPass = score >= (one.Threshold ?? fallback) != one.IsInverse;
        return (isPass, one.IsInverse ? 1 - score : score, isPass ? null : FormattableString.Invariant($"{score:0.00} against {one.Threshold ?? fallback}"));
    }

    private static (bool, double, string?) Plain(PromptfooAssertion one, bool holds, string what) => holds != one.IsInverse ? (true, 1, null) : (false, 0, what);

    private static CallUsage Usage(Scored answer) => answer.Answer.Usage ?? throw new PilothouseException(ErrorCode.Unsupported, "The engine did not say what the answer took.");

    /// <summary>Objects and lists that stand in a text.</summary>
    private static List<JsonElement> Values(string text)
    {
        var found = new List<JsonElement>();
        var bytes = Encoding.UTF8.GetBytes(text);
        for (var at = 0; at < bytes.Length && found.Count < MaxValues; at++)
        {
            if (bytes[at] is not ((byte)'{' or (byte)'[')) continue;
            var reader = new Utf8JsonReader(bytes.AsSpan(at), isFinalBlock: true, default);
            try
            {
                found.Add(JsonElement.ParseValue(ref reader));
                at += (int)reader.BytesConsumed - 1;
            }
            catch (JsonException)
            {
                // Not JSON from here on: the next bracket may be.
            }
        }
        return found;
    }

    private static List<string> Split(string text)
    {
        var parts = new List<string>();
        var part = new StringBuilder();
        var quoted = false;
        foreach (var c in text)
        {
            if (c == '"') quoted = !quoted;
            else if (c == ',' && !quoted)
            {
                parts.Add(part.ToString().Trim());
                part.Clear();
            }
            else part.Append(c);
        }
        parts.Add(part.ToString().Trim());
        return parts;
    }

    private static PilothouseException Bad(PromptfooAssertion one, string why) => new(ErrorCode.InvalidArgument, $"line {one.Line}: the assertion '{one.Type}' cannot be judged: {why}.");

    private static string Short(string text) => text.Length <= 60 ? text : text[..57] + "...";
}
