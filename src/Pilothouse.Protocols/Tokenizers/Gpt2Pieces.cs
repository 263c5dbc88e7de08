using System.Globalization;
using System.Text;

namespace Pilothouse.Protocols.Tokenizers;

/// <summary>
/// GPT-2's pre-tokenizer: <c>'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+</c>.
/// By hand instead of by Regex because .NET's <c>\p{L}</c> sees UTF-16 units: letters beyond U+FFFF would be split unlike the reference does.
/// </summary>
internal static class Gpt2Pieces
{
    private static readonly string[] Contractions = ["'s", "'t", "'re", "'ve", "'m", "'ll", "'d"];

    private enum Kind
    {
        Letter,
        Number,
        Space,
        Other,
    }

    /// <summary>End of the piece that starts at <paramref name="start"/>; always greater than it.</summary>
    public static int End(ReadOnlySpan<char> text, int start)
    {
        var rest = text[start..];
        foreach (var contraction in Contractions)
        {
            if (rest.StartsWith(contraction))
                return start + contraction.Length;
        }

        var (kind, length) = At(text, start);
        if (kind != Kind.Space)
            return Run(text, start + length, kind);
        if (rest[0] == ' ' && rest.Length > 1 && At(text, start + 1) is var (next, nextLength) && next != Kind.Space)
            return Run(text, start + 1 + nextLength, next);

        // Spaces before a word leave their last one to it: "a   b" is "a", "  ", " b". All white space is one UTF-16 unit.
        var end = Run(text, start + 1, Kind.Space);
        return end == text.Length || end == start + 1 ? end : end - 1;
    }

    private static int Run(ReadOnlySpan<char> text, int end, Kind kind)
    {
        while (end < text.Length && At(text, end) is var (next, length) && next == kind)
            end += length;
        return end;
    }

    private static (Kind Kind, int Length) At(ReadOnlySpan<char> text, int index)
    {
        // A lone surrogate decodes as U+FFFD, the character it will be encoded as.
        Rune.DecodeFromUtf16(text[index..], out var rune, out var length);
        if (Rune.IsWhiteSpace(rune))
            return (Kind.Space, length);
        var kind = Rune.GetUnicodeCategory(rune) switch
        {
            UnicodeCategory.UppercaseLetter or UnicodeCategory.LowercaseLetter or UnicodeCategory.TitlecaseLetter
                or UnicodeCategory.ModifierLetter or UnicodeCategory.OtherLetter => Kind.Letter,
            UnicodeCategory.DecimalDigitNumber or UnicodeCategory.LetterNumber or UnicodeCategory.OtherNumber => Kind.Number,
            _ => Kind.Other,
        };
        return (kind, length);
    }
}
