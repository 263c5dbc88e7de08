using System.Text.Json;
using Pilothouse.Protocols.ProjectFiles;

namespace Pilothouse.Server.Modules.Evaluation.Scoring;

/// <summary>Call of a tool in an answer.</summary>
internal sealed record ToolCall(string Name, JsonElement Arguments);

/// <summary>
/// Finds tool calls, whatever way the model writes them: OpenAI's <c>tool_calls</c>, a JSON object <c>{"name": ..., "arguments": ...}</c> or a
/// list of such, or Hermes' <c>&lt;tool_call&gt;{...}&lt;/tool_call&gt;</c>.
/// </summary>
internal static class ToolCalls
{
    private const string Open = "<tool_call>", Close = "</tool_call>";

    /// <summary>Calls of one answer.</summary>
    private const int MaxCalls = 100;

    public static IReadOnlyList<ToolCall> Find(string answer)
    {
        var calls = new List<ToolCall>();
        if (AssertionScorers.Parse(answer) is { } whole) Add(whole, calls);
        for (var at = answer.IndexOf(Open, StringComparison.Ordinal); at >= 0 && calls.Count < MaxCalls; at = answer.IndexOf(Open, at + 1, StringComparison.Ordinal))
        {
            var end = answer.IndexOf(Close, at, StringComparison.Ordinal);
            var text = end < 0 ? answer[(at + Open.Length)..] : answer[(at + Open.Length)..end];
            if (AssertionScorers.Parse(text.Trim()) is { } one) Add(one, calls);
        }
        return calls;
    }

    public static Func<string, string, Score> Scorer(ScorerEntry entry) => (answer, reference) =>
    {
        var wanted = entry.Tool is { } tool ? [new ToolCall(tool, JsonSerializer.SerializeToElement(entry.Arguments))] : Find(reference);
        if (wanted.Count == 0) return Score.Without("The reference is no tool call. Write {\"name\": \"TOOL\", \"arguments\": {...}}.");
        var given = Find(answer);
        var missing = wanted.FirstOrDefault(w => !given.Any(g => g.Name == w.Name && Includes(g.Arguments, w.Arguments)));
        if (missing is null) return new Score(1);
        return new Score(0, null, given.Count == 0 ? "no tool was called" : $"called {string.Join(", ", given.Take(3).Select(g => $"{g.Name}({Short(g.Arguments)})"))}, not {missing.Name}({Short(missing.Arguments)})");
    };

    /// <summary>All of the wanted properties, at every depth; more may be there.</summary>
    private static bool Includes(JsonElement given, JsonElement wanted) => wanted.ValueKind != JsonValueKind.Object ? JsonElement.DeepEquals(given, wanted)
        : !wanted.EnumerateObject().Any() || (given.ValueKind == JsonValueKind.Object && wanted.EnumerateObject().All(w => given.TryGetProperty(w.Name, out var g) && Includes(g, w.Value)));

    private static void Add(JsonElement value, List<ToolCall> calls)
    {
        if (calls.Count >= MaxCalls) return;
        if (value.ValueKind == JsonValueKind.Array)
        {
            foreach (var one in value.EnumerateArray()) Add(one, calls);
            return;
        }
        if (value.ValueKind != JsonValueKind.Object) return;
        if (value.TryGetProperty("tool_calls", out var list)) Add(list, calls);
        else if (value.TryGetProperty("function", out var function) && function.ValueKind == JsonValueKind.Object) Add(function, calls);
        else if (value.TryGetProperty("name", out var name) && name.ValueKind == JsonValueKind.String)
        {
            var arguments = value.TryGetProperty("arguments", out var given) || value.TryGetProperty("parameters", out given) ? given : default;
            // OpenAI writes the arguments as a text that is JSON.
            if (arguments.ValueKind == JsonValueKind.String && AssertionScorers.Parse(arguments.GetString()!) is { } inner) arguments = inner;
            calls.Add(new ToolCall(name.GetString()!, arguments));
        }
    }

    private static string Short(JsonElement arguments) => arguments.ValueKind == JsonValueKind.Undefined ? "" : arguments.GetRawText() is var text && text.Length > 80 ? text[..77] + "..." : text;
}
