using System.Text.Json;
using System.Text.RegularExpressions;

namespace Pilothouse.Protocols.Promptfoo;

/// <summary>promptfoo's HTTP provider (https://www.promptfoo.dev/docs/providers/http). Address, headers, query and the texts of the body are templates.</summary>
/// <param name="Body">A JSON object or list whose texts are templates, or one text; null = none.</param>
/// <param name="Output">Where the answer stands in the response; null = the response itself.</param>
public sealed record PromptfooHttp(string Url, string Method, IReadOnlyDictionary<string, string> Headers, IReadOnlyDictionary<string, string> Query, JsonElement? Body, PromptfooPath? Output)
{
    /// <summary>Variables of the server's environment that it names (<c>{{env.NAME}}</c>); their values are no part of it.</summary>
    public IReadOnlyList<string> Variables { get; init; } = [];
}

/// <summary>
/// The part of <c>transformResponse</c> that is run here: a path from <c>json</c> or <c>text</c>, or several with <c>||</c> or <c>??</c> between them, also as
/// <c>(json, text) => PATH</c>. Anything else is JavaScript and is refused.
/// </summary>
public sealed partial record PromptfooPath(string Written, IReadOnlyList<IReadOnlyList<string>> Alternatives)
{
    // json.choices[0].message.content, json["a b"], json?.a
    public static PromptfooPath? Parse(string written)
    {
        var text = Arrow().Replace(written.Trim(), "").Trim().TrimEnd(';');
        var alternatives = new List<IReadOnlyList<string>>();
        foreach (var one in Between().Split(text))
        {
            if (Whole().Match(one.Trim()) is not { Success: true } match) return null;
            alternatives.Add([match.Groups["root"].Value, .. match.Groups["step"].Captures.Select(c => c.Value)]);
        }
        return new PromptfooPath(written, alternatives);
    }

    /// <returns>Null when no alternative leads anywhere.</returns>
    public string? Find(JsonElement? json, string text)
    {
        foreach (var path in Alternatives)
        {
            if (path[0] == "text" && path.Count == 1 && text.Length > 0) return text;
            if (path[0] != "json" || json is not { } at || !Walk(ref at, path) || at.ValueKind is JsonValueKind.Null or JsonValueKind.Undefined) continue;
            return at.ValueKind == JsonValueKind.String ? at.GetString() : at.GetRawText();
        }
        return null;
    }

    private static bool Walk(ref JsonElement at, IReadOnlyList<string> path)
    {
        foreach (var step in path.Skip(1))
        {
            if (at.ValueKind == JsonValueKind.Object && at.TryGetProperty(step, out var member)) at = member;
            else if (at.ValueKind == JsonValueKind.Array && int.TryParse(step, out var index) && index >= 0 && index < at.GetArrayLength()) at = at[index];
            else return false;
        }
        return true;
    }

    [GeneratedRegex(@"^\(\s*json\s*(,\s*text\s*)?(,\s*context\s*)?\)\s*=>\s*")]
    private static partial Regex Arrow();

    [GeneratedRegex(@"\|\||\?\?")]
    private static partial Regex Between();

    [GeneratedRegex("""^(?<root>json|text)(?:\??\.(?<step>[A-Za-z_$][\w$]*)|(?:\?\.)?\[(?:(?<step>\d+)|"(?<step>[^"]*)"|'(?<step>[^']*)')\])*$""")]
    private static partial Regex Whole();
}
