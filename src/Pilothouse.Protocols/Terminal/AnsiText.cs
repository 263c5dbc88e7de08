using System.Globalization;
using System.Text;

namespace Pilothouse.Protocols.Terminal;

/// <summary>Text of one style in a line of a terminal.</summary>
/// <param name="Style">Words separated by a space: bold, dim, italic, underline, <c>f0</c> to <c>f15</c>, <c>b0</c> to <c>b15</c>; empty = plain.</param>
public readonly record struct AnsiSpan(string Text, string Style);

/// <summary>
/// What a program wrote to a terminal, as lines of styled text: <c>"\e[31mloss\e[0m 0.2"</c>. Colours (SGR of ECMA-48) become words of a fixed list; every other escape
/// sequence is left out, a carriage return writes its line anew as on a terminal (progress bars), and other control characters are shown as U+FFFD.
/// Nothing of the input can become anything but text.
/// </summary>
public static class AnsiText
{
    /// <summary>Spans of one line; the rest of a line with more is plain.</summary>
    public const int MaxSpans = 500;

    private const char Escape = '\e';
    private const int MaxParameters = 32;

    /// <param name="text">Lines ended by <c>\n</c> or <c>\r\n</c>.</param>
    /// <param name="style">Style that is on at the beginning, from the part before; one that is not of the list is plain.</param>
    public static (IReadOnlyList<IReadOnlyList<AnsiSpan>> Lines, string Style) Parse(string text, string style)
    {
        var pen = Pen.Parse(style);
        var lines = new List<IReadOnlyList<AnsiSpan>>();
        var line = new List<AnsiSpan>();
        var run = new StringBuilder();
        void Flush()
        {
            if (run.Length == 0) return;
            if (line.Count < MaxSpans) line.Add(new AnsiSpan(run.ToString(), pen.ToString()));
            else line[^1] = line[^1] with { Text = line[^1].Text + run };
            run.Clear();
        }
        for (var i = 0; i < text.Length; i++)
        {
            var c = text[i];
            switch (c)
            {
                case '\n':
                    Flush();
                    lines.Add(line);
                    line = [];
                    break;
                case '\r':
                    if (i + 1 < text.Length && text[i + 1] == '\n') break;
                    run.Clear();
                    line.Clear();
                    break;
                case '\b':
                    if (run.Length > 0) run.Length--;
                    break;
                case '\t':
                    run.Append('\t');
                    break;
                case Escape or '\u009b':
                    Flush();
                    i = Sequence(text, i, ref pen);
                    break;
                default:
                    // Bidirectional controls could make a line read as something it is not.
                    run.Append(char.IsControl(c) || c is >= '\u202a' and <= '\u202e' or >= '\u2066' and <= '\u2069' ? '\ufffd' : c);
                    break;
            }
        }
        Flush();
        if (line.Count > 0) lines.Add(line);
        return (lines, pen.ToString());
    }

    /// <summary>The text without any style.</summary>
    public static string Plain(string text) => string.Join('\n', Parse(text, "").Lines.Select(line => string.Concat(line.Select(span => span.Text))));

    /// <summary>Reads one escape sequence.</summary>
    /// <returns>Index of its last character.</returns>
    private static int Sequence(string text, int at, ref Pen pen)
    {
        var i = at + 1;
        if (text[at] == Escape)
        {
            if (i >= text.Length) return at;
            switch (text[i])
            {
                case '[':
                    i++;
                    break;
                case ']' or 'P' or '^' or '_' or 'X': // OSC, DCS, PM, APC, SOS: text up to BEL or ESC \
                    for (i++; i < text.Length; i++)
                    {
                        if (text[i] is '\a' or '\u009c' or '\n') return text[i] == '\n' ? i - 1 : i;
                        if (text[i] == Escape) return i + 1 < text.Length && text[i + 1] == '\\' ? i + 1 : i - 1;
                    }
                    return text.Length - 1;
                case >= ' ' and <= '/':
                    while (i < text.Length && text[i] is >= ' ' and <= '/') i++;
                    return Math.Min(i, text.Length - 1);
                default:
                    return text[i] is >= '0' and <= '~' ? i : at;
            }
        }
        var start = i;
        while (i < text.Length && text[i] is >= '0' and <= '?') i++;
        var end = i;
        while (i < text.Length && text[i] is >= ' ' and <= '/') i++;
        if (i >= text.Length) return text.Length - 1;
        if (text[i] is < '@' or > '~') return i - 1; // broken: the next character is text again
        if (text[i] == 'm' && i == end) pen.Apply(text.AsSpan(start, end - start));
        return i;
    }

    /// <summary>What is switched on. Colours are indices of the 16 of a terminal; -1 = the default.</summary>
    private struct Pen
    {
        private bool _bold, _dim, _italic, _underline, _inverse;
        private int _fore, _back;

        public static Pen Parse(string style)
        {
            var pen = new Pen { _fore = -1, _back = -1 };
            foreach (var word in style.Split(' ', MaxParameters))
            {
                switch (word)
                {
                    case "bold": pen._bold = true; break;
                    case "dim": pen._dim = true; break;
                    case "italic": pen._italic = true; break;
                    case "underline": pen._underline = true; break;
                    case ['f' or 'b', ..] when int.TryParse(word.AsSpan(1), NumberStyles.None, CultureInfo.InvariantCulture, out var colour) && colour < 16:
                        if (word[0] == 'f') pen._fore = colour;
                        else pen._back = colour;
                        break;
                }
            }
            return pen;
        }

        /// <param name="parameters">e.g. <c>1;38;5;196</c>; colons separate as semicolons do.</param>
        public void Apply(ReadOnlySpan<char> parameters)
        {
            Span<int> values = stackalloc int[MaxParameters];
            var count = 0;
            foreach (var range in parameters.SplitAny(';', ':'))
            {
                if (count == MaxParameters) break;
                values[count++] = int.TryParse(parameters[range], NumberStyles.None, CultureInfo.InvariantCulture, out var value) ? value : 0;
            }
            for (var i = 0; i < count; i++) i += One(values[i], values[(i + 1)..count]);
        }

        /// <returns>How many of the following values were used.</returns>
        private int One(int code, ReadOnlySpan<int> rest)
        {
            switch (code)
            {
                case 0: this = new Pen { _fore = -1, _back = -1 }; break;
                case 1: _bold = true; break;
                case 2: _dim = true; break;
                case 3: _italic = true; break;
                case 4: _underline = true; break;
                case 7: _inverse = true; break;
                case 22: _bold = _dim = false; break;
                case 23: _italic = false; break;
                case 24: _underline = false; break;
                case 27: _inverse = false; break;
                case >= 30 and <= 37: _fore = code - 30; break;
                case >= 40 and <= 47: _back = code - 40; break;
                case >= 90 and <= 97: _fore = code - 82; break;
                case >= 100 and <= 107: _back = code - 92; break;
                case 39: _fore = -1; break;
                case 49: _back = -1; break;
                case 38 or 48:
                    var (colour, used) = rest switch
                    {
                        [5, var index, ..] => (Of256(index), 2),
                        [2, var red, var green, var blue, ..] => (Nearest(red, green, blue), 4),
                        _ => (-1, rest.Length),
                    };
                    if (code == 38) _fore = colour;
                    else _back = colour;
                    return used;
            }
            return 0;
        }

        public override readonly string ToString()
        {
            var (fore, back) = _inverse ? (_back < 0 ? 15 : _back, _fore < 0 ? 0 : _fore) : (_fore, _back);
            if (!_bold && !_dim && !_italic && !_underline && fore < 0 && back < 0) return "";
            var words = new List<string>(6);
            if (_bold) words.Add("bold");
            if (_dim) words.Add("dim");
            if (_italic) words.Add("italic");
            if (_underline) words.Add("underline");
            if (fore >= 0) words.Add(string.Create(CultureInfo.InvariantCulture, $"f{fore}"));
            if (back >= 0) words.Add(string.Create(CultureInfo.InvariantCulture, $"b{back}"));
            return string.Join(' ', words);
        }

        /// <summary>0 to 15 as they are, the 6 x 6 x 6 cube and the greys by their nearest.</summary>
        private static int Of256(int index) => index switch
        {
            < 0 or > 255 => -1,
            < 16 => index,
            < 232 => Nearest((index - 16) / 36 * 51, (index - 16) / 6 % 6 * 51, (index - 16) % 6 * 51),
            _ => Nearest((index - 232) * 10 + 8, (index - 232) * 10 + 8, (index - 232) * 10 + 8),
        };

        private static int Nearest(int red, int green, int blue)
        {
            var high = Math.Max(red, Math.Max(green, blue));
            if (high < 48) return 0;
            if (high - Math.Min(red, Math.Min(green, blue)) < 40) return high switch { < 110 => 8, < 210 => 7, _ => 15 };
            var bits = (red * 2 > high ? 1 : 0) | (green * 2 > high ? 2 : 0) | (blue * 2 > high ? 4 : 0);
            return high > 200 ? bits + 8 : bits;
        }
    }
}
