using System.Globalization;
using System.Text.Json;
using Pilothouse.Protocols.V1;
using Pilothouse.Protocols.Yaml;

namespace Pilothouse.Protocols.ProjectFiles;

/// <summary>Types of a prompt's variables, and how values become the text of a prompt.</summary>
public static class PromptVariables
{
    public const string Text = "string";
    public const string Number = "number";
    public const string Boolean = "boolean";
    public const string List = "list";
    public const string Enumeration = "enum";

    /// <summary>Variables of one prompt that may be declared.</summary>
    public const int MaxVariables = 1_000;

    /// <summary>Values of one enum.</summary>
    public const int MaxValues = 1_000;

    /// <summary>Characters of one value as text.</summary>
    private const int MaxText = 1024 * 1024;

    public static IReadOnlyList<string> Types { get; } = [Text, Number, Boolean, List, Enumeration];

    /// <summary>Everything that is wrong with the declarations themselves; empty when nothing is.</summary>
    /// <param name="used">Names that stand in the template.</param>
    public static IEnumerable<(string Name, string Message)> Faults(IReadOnlyList<PromptVariable> variables, IReadOnlyCollection<string> used)
    {
        if (variables.Count > MaxVariables) yield return ("", $"There are {variables.Count} variables; {MaxVariables} is the limit.");
        foreach (var variable in variables.Take(MaxVariables))
        {
            if (variable?.Name is not { Length: > 0 } name)
            {
                yield return ("", "A variable has no name.");
                continue;
            }
            if (variables.Count(v => v?.Name == name) > 1) yield return (name, "It is declared twice.");
            if (!used.Contains(name)) yield return (name, $"The template has no {{{name}}}. It has: {(used.Count == 0 ? "no variable" : string.Join(", ", used.Take(20)))}.");
            if (!Types.Contains(variable.Type)) yield return (name, $"'{Shorten(variable.Type)}' is not one of {string.Join(", ", Types)}.");
            else if (variable.Type == Enumeration != variable.Values is { Count: > 0 }) yield return (name, variable.Type == Enumeration ? "An enum needs its values." : "Only an enum has values.");
            else if (variable.Values?.Count > MaxValues) yield return (name, $"It has {variable.Values.Count} values; {MaxValues} is the limit.");
            else if (variable.Default is { } value && TextOf(variable, value) is (null, { } fault)) yield return (name, $"Its default {fault}");
        }
    }

    /// <summary>Values as text, by name: given ones, else defaults, else nothing for what is not required.</summary>
    /// <param name="used">Names in the template; one without declaration is a required string.</param>
    /// <exception cref="ProtocolFormatException">Every fault, a line each: missing, unknown, of another type.</exception>
    public static IReadOnlyDictionary<string, string> Bind(IReadOnlyList<string> used, IReadOnlyList<PromptVariable> declared, IReadOnlyDictionary<string, JsonElement> values)
    {
        var (faults, bound) = (new List<string>(), new Dictionary<string, string>(StringComparer.Ordinal));
        var types = declared.ToDictionary(v => v.Name, StringComparer.Ordinal);
        foreach (var name in values.Keys.Where(k => !used.Contains(k)).Order(StringComparer.Ordinal).Take(20))
            faults.Add($"{Shorten(name)}: the prompt has no such variable. It has: {(used.Count == 0 ? "none" : string.Join(", ", used.Take(20)))}.");
        foreach (var name in used)
        {
            var variable = types.GetValueOrDefault(name) ?? new PromptVariable(name);
            if (values.TryGetValue(name, out var value) && value.ValueKind != JsonValueKind.Null)
            {
                var (text, fault) = TextOf(variable, value);
                if (fault is null) bound[name] = text!;
                else faults.Add($"{name}: it {fault}");
            }
            else if (variable.Default is { } standard && TextOf(variable, standard).Text is { } given) bound[name] = given;
            else if (!variable.Required) bound[name] = "";
            else faults.Add($"{name}: a value is missing ({variable.Type}).");
        }
        return faults.Count == 0 ? bound : throw new ProtocolFormatException(string.Join('\n', faults));
    }

    /// <summary>Texts of the variables that need no value: their default, or nothing.</summary>
    public static IReadOnlyDictionary<string, string> Defaults(IReadOnlyList<PromptVariable> declared) =>
        declared.Where(v => v.Default is not null || !v.Required).ToDictionary(v => v.Name, v => v.Default is { } value ? TextOf(v, value).Text ?? "" : "", StringComparer.Ordinal);

    /// <summary>A value as it stands in a prompt: numbers and booleans as in JSON, a list an item a line. Texts are taken for numbers, booleans and lists where they can be read as such.</summary>
    private static (string? Text, string? Fault) TextOf(PromptVariable variable, JsonElement value)
    {
        var text = value.ValueKind == JsonValueKind.String ? value.GetString()! : null;
        if (text?.Length > MaxText) return (null, $"has {text.Length} characters; {MaxText} is the limit.");
        switch (variable.Type)
        {
            case Number:
                if (value.ValueKind == JsonValueKind.Number) return (value.GetRawText(), null);
                return text is not null && double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && double.IsFinite(number) ? (text.Trim(), null) : (null, $"must be a number, not {Describe(value)}.");
            case Boolean:
                if (value.ValueKind is JsonValueKind.True or JsonValueKind.False) return (value.GetRawText(), null);
                return text is "true" or "false" ? (text, null) : (null, $"must be true or false, not {Describe(value)}.");
            case List:
                if (value.ValueKind != JsonValueKind.Array) return text is not null ? (text, null) : (null, $"must be a list, not {Describe(value)}.");
                var items = value.EnumerateArray().Select(i => i.ValueKind == JsonValueKind.String ? i.GetString()! : i.ValueKind is JsonValueKind.Array or JsonValueKind.Object ? null : i.GetRawText()).ToList();
                return items.Contains(null) ? (null, "must be a list of texts or numbers, without lists inside.") : (string.Join('\n', items), null);
            case Enumeration:
                var word = text ?? (value.ValueKind is JsonValueKind.Number or JsonValueKind.True or JsonValueKind.False ? value.GetRawText() : null);
                return word is not null && variable.Values!.Contains(word) ? (word, null)
                    : (null, $"must be one of {string.Join(", ", variable.Values!.Take(20))}, not {Describe(value)}.{(word is not null && Suggestion.Nearest(word, [.. variable.Values!]) is { } near ? $" Did you mean '{near}'?" : "")}");
            default:
                if (text is not null) return (text, null);
                return value.ValueKind is JsonValueKind.Number or JsonValueKind.True or JsonValueKind.False ? (value.GetRawText(), null) : (null, $"must be a text, not {Describe(value)}.");
        }
    }

    private static string Describe(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.String => $"'{Shorten(value.GetString())}'",
        JsonValueKind.Array => "a list",
        JsonValueKind.Object => "an object",
        _ => value.GetRawText(),
    };

    private static string Shorten(string? text) => text is null ? "" : text.Length <= 60 ? text : text[..60] + "...";
}
