using System.Text.Json;
using System.Text.RegularExpressions;
using Pilothouse.Protocols.JsonSchemas;
using Pilothouse.Protocols.ProjectFiles;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Evaluation.Scoring;

/// <summary>Right or wrong by the text: equal, contained, matched, JSON. White space around answer and reference does not count.</summary>
internal static class AssertionScorers
{
    /// <summary>Reference patterns kept compiled; beyond it all are forgotten.</summary>
    private const int MaxPatterns = 1_000;

    public static Func<string, string, Score> Exact(ScorerEntry entry) => (answer, reference) => Score.Of(Wanted(entry, reference, splits: false).Any(w => string.Equals(answer, w, Comparison(entry))));

    public static Func<string, string, Score> Contains(ScorerEntry entry) => (answer, reference) => Score.Of(answer.Contains(reference, Comparison(entry)));

    public static Func<string, string, Score> ContainsAll(ScorerEntry entry) => (answer, reference) =>
        Wanted(entry, reference, splits: true).FirstOrDefault(w => !answer.Contains(w, Comparison(entry))) is { } missing ? new Score(0, null, $"'{Short(missing)}' is missing") : new Score(1);

    public static Func<string, string, Score> ContainsAny(ScorerEntry entry) => (answer, reference) =>
        Wanted(entry, reference, splits: true).FirstOrDefault(w => answer.Contains(w, Comparison(entry))) is { } found ? new Score(1, null, $"'{Short(found)}' is there") : new Score(0);

    public static Func<string, string, Score> StartsWith(ScorerEntry entry) => (answer, reference) => Score.Of(Wanted(entry, reference, splits: false).Any(w => answer.StartsWith(w, Comparison(entry))));

    public static Func<string, string, Score> Matches(ScorerEntry entry)
    {
        if (entry.Pattern is { } given)
        {
            var pattern = Pattern(given, entry.IgnoreCase);
            return (answer, _) => Score.Of(pattern.IsMatch(answer));
        }
        var compiled = new Dictionary<string, Regex>(StringComparer.Ordinal);
        return (answer, reference) =>
        {
            try
            {
                if (!compiled.TryGetValue(reference, out var pattern))
                {
                    if (compiled.Count >= MaxPatterns) compiled.Clear();
                    compiled[reference] = pattern = Pattern(reference, entry.IgnoreCase);
                }
                return Score.Of(pattern.IsMatch(answer));
            }
            catch (PilothouseException e)
            {
                return Score.Without(e.Message);
            }
        };
    }

    public static Score Json(string answer, string reference)
    {
        if (Parse(answer) is not { } given) return new Score(0, null, "the answer is not JSON");
        if (reference.Length == 0) return new Score(1);
        return Parse(reference) is { } wanted ? Score.Of(JsonElement.DeepEquals(given, wanted)) : Score.Without("The reference is not JSON.");
    }

    public static Func<string, string, Score> Schema(JsonSchema schema) => (answer, _) =>
    {
        if (Parse(answer) is not { } given) return new Score(0, null, "the answer is not JSON");
        var faults = schema.Validate(given);
        return faults.Count == 0 ? new Score(1) : new Score(0, null, string.Join("; ", faults.Take(3)));
    };

    /// <exception cref="PilothouseException">Not a pattern of the linear-time engine.</exception>
    public static Regex Pattern(string pattern, bool ignoreCase)
    {
        try
        {
            // Linear in the text whatever the pattern.
            return new Regex(pattern, RegexOptions.NonBacktracking | RegexOptions.CultureInvariant | (ignoreCase ? RegexOptions.IgnoreCase : 0));
        }
        catch (Exception e) when (e is ArgumentException or NotSupportedException)
        {
            throw new PilothouseException(ErrorCode.InvalidArgument, $"'{Short(pattern)}' is not a regular expression that can be run safely: {e.Message}");
        }
    }

    /// <summary>The JSON value that the text is, or null.</summary>
    public static JsonElement? Parse(string text)
    {
        try
        {
            return JsonElement.Parse(text);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static StringComparison Comparison(ScorerEntry entry) => entry.IgnoreCase ? StringComparison.OrdinalIgnoreCase : StringComparison.Ordinal;

    /// <summary>The values, or the reference; a reference such as <c>["red", "blue"]</c> counts as several.</summary>
    private static IEnumerable<string> Wanted(ScorerEntry entry, string reference, bool splits)
    {
        if (entry.Values.Count > 0) return entry.Values;
        if (splits && reference.StartsWith('[') && Parse(reference) is { ValueKind: JsonValueKind.Array } list) return [.. list.EnumerateArray().Select(e => e.ValueKind == JsonValueKind.String ? e.GetString()! : e.GetRawText())];
        return [reference];
    }

    private static string Short(string text) => text.Length <= 80 ? text : text[..77] + "...";
}
