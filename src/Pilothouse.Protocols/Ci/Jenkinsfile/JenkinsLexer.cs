using Pilothouse.Protocols.ProjectFiles;

namespace Pilothouse.Protocols.Ci.Jenkinsfile;

/// <summary>Words, texts and signs of Groovy as far as Declarative Pipelines need them: all kinds of strings, comments, line continuations.</summary>
internal sealed class JenkinsLexer(string text, FaultList faults)
{
    private const int MaxTokens = 200_000;
    private int _at;
    private int _line = 1;
    private int _lineStart;

    /// <returns>Null when a text or comment never ends: nothing after it can be judged.</returns>
    public List<JenkinsToken>? Read()
    {
        var tokens = new List<JenkinsToken>();
        if (text.StartsWith("#!", StringComparison.Ordinal)) SkipLine();
        while (_at < text.Length)
        {
            if (tokens.Count >= MaxTokens)
            {
                faults.Add(_line, 1, "", $"The file has more than {MaxTokens:N0} words.", "Split it.");
                return null;
            }
            if (!One(tokens)) return null;
        }
        tokens.Add(Token(JenkinsTokenKind.End, "", _at));
        return tokens;
    }

    private bool One(List<JenkinsToken> tokens)
    {
        var (c, start) = (text[_at], _at);
        if (c == '\n')
        {
            tokens.Add(Token(JenkinsTokenKind.NewLine, "\n", start));
            Newline();
        }
        else if (char.IsWhiteSpace(c) || c == '\uFEFF') _at++;
        else if (c == '\\' && Peek(1) is '\n' or '\r') SkipContinuation();
        else if (c == '/' && Peek(1) == '/') SkipLine();
        else if (c == '/' && Peek(1) == '*') return SkipComment();
        else if (c is '\'' or '"') return Quoted(tokens, c);
        else if (c == '$' && Peek(1) == '/') return Delimited(tokens, "/$", "A dollar-slashy text");
        else if (c == '/' && tokens.Count > 0 && BeginsValue(tokens[^1]) && text.IndexOfAny(['/', '\n'], _at + 1) is > 0 and var end && text[end] == '/') return Slashy(tokens);
        else if (char.IsLetter(c) || c is '_' or '$')
        {
            while (_at < text.Length && (char.IsLetterOrDigit(text[_at]) || text[_at] is '_' or '$' || text[_at] == '.' && _at + 1 < text.Length && (char.IsLetter(text[_at + 1]) || text[_at + 1] == '_'))) _at++;
            tokens.Add(Token(JenkinsTokenKind.Word, text[start.._at], start));
        }
        else if (char.IsAsciiDigit(c))
        {
            while (_at < text.Length && (char.IsLetterOrDigit(text[_at]) || text[_at] == '.' && char.IsAsciiDigit(Peek(1)))) _at++;
            tokens.Add(Token(JenkinsTokenKind.Number, text[start.._at], start));
        }
        else
        {
            _at++;
            tokens.Add(Token(JenkinsTokenKind.Sign, c.ToString(), start));
        }
        return true;
    }

    private bool Quoted(List<JenkinsToken> tokens, char quote)
    {
        var triple = new string(quote, 3);
        if (string.CompareOrdinal(text, _at, triple, 0, 3) == 0) return Long(tokens, triple, $"A text that begins with {triple}");
        var (start, line) = (_at, _line);
        for (_at++; _at < text.Length && text[_at] != '\n';)
        {
            if (text[_at] == '\\' && _at + 1 < text.Length && text[_at + 1] != '\n') _at += 2;
            else if (quote == '"' && text[_at] == '$' && Peek(1) == '{') SkipInterpolation();
            else if (text[_at++] == quote)
            {
                tokens.Add(Token(JenkinsTokenKind.Text, text[(start + 1)..(_at - 1)], start));
                return true;
            }
        }
        return Unclosed(line, start, $"A text that begins with {quote}", $"Close it with {quote} on the same line, or use {triple} for several lines.");
    }

    /// <summary>Code in a text may hold quotes of its own.</summary>
    private void SkipInterpolation()
    {
        var depth = 0;
        for (; _at < text.Length && text[_at] != '\n'; _at++)
        {
            if (text[_at] == '{') depth++;
            else if (text[_at] == '}' && --depth == 0)
            {
                _at++;
                return;
            }
        }
    }

    private bool Long(List<JenkinsToken> tokens, string triple, string what)
    {
        var (start, line, lineStart) = (_at, _line, _lineStart);
        for (_at += 3; _at < text.Length;)
        {
            if (text[_at] == '\\') _at = Math.Min(_at + (Peek(1) == '\n' ? 1 : 2), text.Length);
            else if (string.CompareOrdinal(text, _at, triple, 0, 3) == 0)
            {
                _at += 3;
                tokens.Add(new JenkinsToken(JenkinsTokenKind.Text, text[(start + 3)..(_at - 3)], line, start - lineStart + 1));
                return true;
            }
            else if (text[_at] == '\n') Newline();
            else _at++;
        }
        faults.Add(line, start - lineStart + 1, "", $"{what} never ends.", $"Close it with {triple}.");
        return false;
    }

    private bool Delimited(List<JenkinsToken> tokens, string close, string what)
    {
        var (start, line, lineStart) = (_at, _line, _lineStart);
        for (_at += 2; _at < text.Length;)
        {
            if (string.CompareOrdinal(text, _at, close, 0, close.Length) == 0)
            {
                _at += close.Length;
                tokens.Add(new JenkinsToken(JenkinsTokenKind.Text, text[start.._at], line, start - lineStart + 1));
                return true;
            }
            if (text[_at] == '\n') Newline();
            else _at++;
        }
        return Unclosed(line, start, what, $"Close it with {close}.");
    }

    private bool Slashy(List<JenkinsToken> tokens)
    {
        var start = _at;
        for (_at++; _at < text.Length && text[_at] != '\n'; _at++)
        {
            if (text[_at] == '\\') _at++;
            else if (text[_at] == '/') break;
        }
        _at = Math.Min(_at + 1, text.Length);
        tokens.Add(Token(JenkinsTokenKind.Text, text[start.._at], start));
        return true;
    }

    private bool SkipComment()
    {
        var (start, line, lineStart) = (_at, _line, _lineStart);
        for (_at += 2; _at < text.Length;)
        {
            if (text[_at] == '*' && Peek(1) == '/')
            {
                _at += 2;
                return true;
            }
            if (text[_at] == '\n') Newline();
            else _at++;
        }
        faults.Add(line, start - lineStart + 1, "", "A comment never ends.", "Close it with */.");
        return false;
    }

    private bool Unclosed(int line, int start, string what, string remedy)
    {
        var lineStart = start == 0 ? 0 : text.LastIndexOf('\n', start - 1) + 1;
        faults.Add(line, start - lineStart + 1, "", $"{what} never ends.", remedy);
        return false;
    }

    /// <summary>A slash after these is no division but begins a pattern.</summary>
    private static bool BeginsValue(JenkinsToken before) => before.Kind == JenkinsTokenKind.NewLine || before.Kind == JenkinsTokenKind.Sign && before.Text[0] is not (')' or ']' or '}');

    private void SkipLine()
    {
        while (_at < text.Length && text[_at] != '\n') _at++;
    }

    private void SkipContinuation()
    {
        _at++;
        if (text[_at] == '\r' && Peek(1) == '\n') _at++;
        if (text[_at] == '\n') Newline();
        else _at++;
    }

    private void Newline()
    {
        _at++;
        _line++;
        _lineStart = _at;
    }

    private char Peek(int ahead) => _at + ahead < text.Length ? text[_at + ahead] : '\0';

    private JenkinsToken Token(JenkinsTokenKind kind, string value, int start) => new(kind, value, _line, start - _lineStart + 1);
}
