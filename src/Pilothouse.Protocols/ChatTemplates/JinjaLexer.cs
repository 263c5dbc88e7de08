using System.Globalization;
using System.Text;

namespace Pilothouse.Protocols.ChatTemplates;

internal enum JinjaTokenKind
{
    Text, OutputStart, OutputEnd, BlockStart, BlockEnd, Name, String, Integer, Operator, End,
}

internal readonly record struct JinjaToken(JinjaTokenKind Kind, string Value, int Line);

/// <summary>
/// Splits a template: <c>text {% if a -%} {{ b }} {# note #}</c>. A '-' beside a mark takes the white space on that side away; without one, a block takes the
/// line break after it and the blanks of its own line before it (trim_blocks, lstrip_blocks).
/// </summary>
internal static class JinjaLexer
{
    private static readonly string[] Operators = ["==", "!=", "<=", ">=", "//", "+", "-", "*", "%", "~", "<", ">", "=", "(", ")", "[", "]", "{", "}", ",", ".", "|", ":"];

    public static List<JinjaToken> Read(string template, bool trimsBlocks = true)
    {
        var source = template.ReplaceLineEndings("\n");
        if (trimsBlocks && source.EndsWith('\n')) source = source[..^1]; // as Jinja does
        var tokens = new List<JinjaToken>();
        var (at, line, strip) = (0, 1, Strip.None);
        while (at < source.Length)
        {
            var open = NextOpen(source, at);
            var mark = open < source.Length ? source[open + 1] : '\0';
            var text = source[at..open];
            var raw = text;
            text = strip == Strip.All ? text.TrimStart() : trimsBlocks && strip == Strip.Line && text.StartsWith('\n') ? text[1..] : text;
            var tagStart = open + 2;
            if (tagStart < source.Length && source[tagStart] == '-') { text = text.TrimEnd(); tagStart++; }
            else if (trimsBlocks && mark is ('%' or '#')) text = TrimOwnLine(text, atLineStart: at == 0 || raw.Length > 0 && text.Length < raw.Length);
            if (text.Length > 0) tokens.Add(new JinjaToken(JinjaTokenKind.Text, text, line));
            line += raw.Count(c => c == '\n');
            if (open == source.Length) break;
            (at, strip) = mark == '#' ? Comment(source, tagStart, line) : Tag(source, tagStart, mark == '{', tokens, ref line);
        }
        tokens.Add(new JinjaToken(JinjaTokenKind.End, "", line));
        return tokens;
    }

    private static int NextOpen(string source, int at)
    {
        for (; at + 1 < source.Length; at++)
            if (source[at] == '{' && source[at + 1] is ('{' or '%' or '#')) return at;
        return source.Length;
    }

    private static string TrimOwnLine(string text, bool atLineStart)
    {
        var end = text.TrimEnd(' ', '\t');
        return end.Length == 0 ? (atLineStart ? "" : text) : end.EndsWith('\n') ? end : text;
    }

    private static (int At, Strip Strip) Comment(string source, int at, int line)
    {
        var end = source.IndexOf("#}", at, StringComparison.Ordinal);
        if (end < 0) throw new ProtocolFormatException($"The chat template's comment in line {line} has no end.");
        return (end + 2, end > at && source[end - 1] == '-' ? Strip.All : Strip.Line);
    }

    private static (int At, Strip Strip) Tag(string source, int at, bool output, List<JinjaToken> tokens, ref int line)
    {
        var close = output ? "}}" : "%}";
        tokens.Add(new JinjaToken(output ? JinjaTokenKind.OutputStart : JinjaTokenKind.BlockStart, "", line));
        var depth = 0;
        while (true)
        {
            while (at < source.Length && char.IsWhiteSpace(source[at])) { if (source[at++] == '\n') line++; }
            if (at >= source.Length) throw new ProtocolFormatException($"The chat template ends inside a tag (line {line}).");
            var minus = source[at] == '-' && string.CompareOrdinal(source, at + 1, close, 0, 2) == 0;
            if (depth == 0 && (minus || string.CompareOrdinal(source, at, close, 0, 2) == 0))
            {
                tokens.Add(new JinjaToken(output ? JinjaTokenKind.OutputEnd : JinjaTokenKind.BlockEnd, "", line));
                return (at + (minus ? 3 : 2), minus ? Strip.All : output ? Strip.None : Strip.Line);
            }
            var token = Next(source, ref at, line);
            if (token is { Kind: JinjaTokenKind.Operator, Value: "{" }) depth++;
            if (token is { Kind: JinjaTokenKind.Operator, Value: "}" }) depth--;
            tokens.Add(token);
        }
    }

    private static JinjaToken Next(string source, ref int at, int line)
    {
        var c = source[at];
        var start = at;
        if (char.IsAsciiLetter(c) || c == '_')
        {
            while (at < source.Length && (char.IsAsciiLetterOrDigit(source[at]) || source[at] == '_')) at++;
            return new JinjaToken(JinjaTokenKind.Name, source[start..at], line);
        }
        if (char.IsAsciiDigit(c))
        {
            while (at < source.Length && char.IsAsciiDigit(source[at])) at++;
            var digits = source[start..at];
            if (!long.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out _)) throw new ProtocolFormatException($"The number {digits[..10]}... in line {line} of the chat template is too large.");
            return new JinjaToken(JinjaTokenKind.Integer, digits, line);
        }
        if (c is '\'' or '"') return new JinjaToken(JinjaTokenKind.String, Quoted(source, ref at, line), line);
        foreach (var op in Operators)
        {
            if (string.CompareOrdinal(source, at, op, 0, op.Length) != 0) continue;
            at += op.Length;
            return new JinjaToken(JinjaTokenKind.Operator, op, line);
        }
        throw new ProtocolFormatException($"The chat template has an unexpected '{c}' in line {line}.");
    }

    private static string Quoted(string source, ref int at, int line)
    {
        var quote = source[at++];
        var text = new StringBuilder();
        for (; at < source.Length; at++)
        {
            if (source[at] == quote) { at++; return text.ToString(); }
            if (source[at] != '\\' || at + 1 >= source.Length) { text.Append(source[at]); continue; }
            text.Append(source[++at] switch { 'n' => '\n', 't' => '\t', 'r' => '\r', var other => other });
        }
        throw new ProtocolFormatException($"The chat template has a string without an end in line {line}.");
    }

    private enum Strip
    {
        None, Line, All,
    }
}
