using CsCheck;
using Pilothouse.Protocols.Terminal;

namespace Pilothouse.Protocols.Tests.Terminal;

public sealed class AnsiTextTests
{
    [Theory]
    [InlineData("\e[31mred\e[0m plain", "red|f1", " plain|")]
    [InlineData("\e[1;4;92mx", "x|bold underline f10")]
    [InlineData("\e[38;5;196mx\e[48;2;0;0;255my", "x|f9", "y|f9 b12")]
    [InlineData("\e[7mx", "x|f15 b0")]
    [InlineData("\u009b32mx", "x|f2")]
    public void Colours_become_words(string text, params string[] spans) =>
        Assert.Equal(spans, AnsiText.Parse(text, "").Lines.Single().Select(s => $"{s.Text}|{s.Style}"));

    [Theory]
    [InlineData("10%\r50%\rdone", "done")]
    [InlineData("a\r\nb", "a\nb")]
    [InlineData("\e]0;title\aafter", "after")]
    [InlineData("\e]8;;javascript:alert(1)\e\\link\e]8;;\e\\", "link")]
    [InlineData("\e[2K\e[1Aup", "up")]
    [InlineData("\e(Bx\ecy", "xy")]
    [InlineData("ab\bc", "ac")]
    [InlineData("x\0y\u202ez", "x\ufffdy\ufffdz")]
    [InlineData("<script>alert(1)</script>", "<script>alert(1)</script>")]
    [InlineData("\e[31", "")]
    public void Everything_else_is_left_out_or_is_text(string text, string plain) => Assert.Equal(plain, AnsiText.Plain(text));

    [Fact]
    public void Style_goes_on_in_the_next_part()
    {
        var (_, style) = AnsiText.Parse("\e[1;33mbegun\n", "");
        Assert.Equal("bold f3", AnsiText.Parse("continued", style).Lines[0][0].Style);
        Assert.Equal("", AnsiText.Parse("x", "f99 onclick <b>").Lines[0][0].Style);
    }

    [Fact]
    public void Any_text_gives_lines_without_control_characters_and_known_styles()
    {
        var alphabet = Gen.OneOf(Gen.Char[' ', '~'], Gen.OneOf(new[] { '\e', '[', ']', ';', ':', 'm', '\a', '\r', '\n', '\b', '\u009b', '3', '8', '5', '\ud800', '\u202e' }.Select(c => Gen.Const(c)).ToArray()));
        alphabet.Array[0, 200].Select(chars => new string(chars)).Sample(text =>
        {
            foreach (var span in AnsiText.Parse(text, "").Lines.SelectMany(line => line))
            {
                Assert.DoesNotContain(span.Text, c => char.IsControl(c) && c != '\t');
                Assert.Matches("^((bold|dim|italic|underline|[fb](1[0-5]|[0-9]))( |$))*$", span.Style);
            }
        }, iter: 20_000);
    }
}
