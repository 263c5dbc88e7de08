using System.Text;
using System.Text.RegularExpressions;

namespace Pilothouse.Protocols.ProjectFiles;

/// <summary>
/// Text with variables: <c>{name}</c>, or MLflow's <c>{{name}}</c>, where a name is a letter or '_' followed by letters, digits and '_'.
/// All other braces are literal, so JSON examples need no escaping. A value is inserted as it is and never scanned again.
/// </summary>
public sealed partial class PromptTemplate
{
    private readonly IReadOnlyList<Part> _parts;

    private PromptTemplate(string text, IReadOnlyList<Part> parts)
    {
        Text = text;
        _parts = parts;
        Variables = [.. parts.Where(p => p.IsVariable).Select(p => p.Text).Distinct()];
    }

    /// <summary>The template as written.</summary>
    public string Text { get; }

    /// <summary>Names of its variables, in order of first appearance.</summary>
    public IReadOnlyList<string> Variables { get; }

    /// <summary>Any text is a template.</summary>
    public static PromptTemplate Parse(string text)
    {
        var parts = new List<Part>();
        var end = 0;
        foreach (var match in Slot().EnumerateMatches(text))
        {
            if (match.Index > end)
                parts.Add(new Part(text[end..match.Index], IsVariable: false));
            parts.Add(new Part(text.Substring(match.Index, match.Length).Trim('{', '}', ' '), IsVariable: true));
            end = match.Index + match.Length;
        }

        if (end < text.Length)
            parts.Add(new Part(text[end..], IsVariable: false));
        return new PromptTemplate(text, parts);
    }

    /// <summary>A text that MLflow's client fills: only <c>{{name}}</c> is a variable.</summary>
    public static PromptTemplate ParseMlflow(string text)
    {
        var parsed = Parse(text);
        var parts = new List<Part>();
        var at = 0;
        foreach (var part in parsed._parts)
        {
            // A part keeps its place: single braces go back to what they were written as.
            var isDouble = part.IsVariable && text.AsSpan(at).StartsWith("{{");
            var length = part.IsVariable ? text.IndexOf('}', at) + (isDouble ? 2 : 1) - at : part.Text.Length;
            parts.Add(part.IsVariable && !isDouble ? new Part(text.Substring(at, length), IsVariable: false) : part);
            at += length;
        }
        return new PromptTemplate(text, parts);
    }

    /// <summary>The text with each variable replaced by its value.</summary>
    /// <exception cref="ProtocolFormatException">A variable has no value; the message names it.</exception>
    public string Render(IReadOnlyDictionary<string, string> values)
    {
        var rendered = new StringBuilder();
        foreach (var part in _parts)
        {
            if (!part.IsVariable)
                rendered.Append(part.Text);
            else if (values.TryGetValue(part.Text, out var value))
                rendered.Append(value);
            else
                throw new ProtocolFormatException($"The prompt needs a value for '{part.Text}'; given: {(values.Count == 0 ? "none" : string.Join(", ", values.Keys.Take(20)))}.");
        }

        return rendered.ToString();
    }

    /// <summary>The text with <c>{{name}}</c> for each variable: MLflow's client fills no other form.</summary>
    public string ToMlflow() => string.Concat(_parts.Select(p => p.IsVariable ? $"{{{{{p.Text}}}}}" : p.Text));

    /// <summary>Variables of a text that MLflow's client fills: <c>{{name}}</c> only, <c>{name}</c> is literal there.</summary>
    public static IReadOnlyList<string> MlflowVariables(string text)
    {
        var names = new List<string>();
        foreach (var match in Slot().EnumerateMatches(text))
        {
            var slot = text.AsSpan(match.Index, match.Length);
            if (slot.StartsWith("{{") && slot.Trim("{} ").ToString() is var name && !names.Contains(name)) names.Add(name);
        }
        return names;
    }

    public override string ToString() => Text;

    [GeneratedRegex(@"\{\{ {0,8}[A-Za-z_][A-Za-z0-9_]{0,63} {0,8}\}\}|\{[A-Za-z_][A-Za-z0-9_]{0,63}\}", RegexOptions.NonBacktracking)]
    private static partial Regex Slot();

    private readonly record struct Part(string Text, bool IsVariable);
}
