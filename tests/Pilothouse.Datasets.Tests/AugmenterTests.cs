using Pilothouse.Protocols;
using Pilothouse.Statistics;

namespace Pilothouse.Datasets.Tests;

public class AugmenterTests
{
    [Theory]
    [InlineData("She lost her key.", "He lost his key.")]
    [InlineData("I saw her.", "I saw him.")]
    [InlineData("We called her because the lamp broke.", "We called him because the lamp broke.")]
    [InlineData("The lamp is his.", "The lamp is hers.")]
    [InlineData("HE asked Mr Smith himself", "SHE asked Ms Smith herself")]
    [InlineData("Her brother met him today", "His sister met her today")]
    [InlineData("There is no such word here, sheet and heat stay", null)]
    public void Pronouns_are_swapped(string text, string? expected) => Assert.Equal(expected, PronounSwap.Apply(text));

    [Fact]
    public void A_copy_names_its_parent_operator_and_seed()
    {
        var rows = RowReaderTests.Jsonl("{\"id\":\"a\",\"prompt\":\"Can she return it?\",\"answer\":\"Yes, she can.\"}\n{\"id\":\"b\",\"prompt\":\"Where is my lamp?\",\"answer\":\"At the door.\"}");
        var result = Augmenter.Augment(rows, "swap_pronouns", ["prompt", "answer"], seed: 5);

        Assert.Equal(["a", "a~swap_pronouns", "b"], result.Select(r => r.Text("id")));
        Assert.Equal(("Can he return it?", "Yes, he can."), (result[1].Text("prompt"), result[1].Text("answer")));
        Assert.Equal(("a", "swap_pronouns", "5"), (result[1].Text("parent_id"), result[1].Text("operator"), result[1].Text("operator_seed")));
    }

    [Fact]
    public void A_copy_of_a_copy_names_the_first_parent()
    {
        var once = Augmenter.Augment(RowReaderTests.Jsonl("{\"id\":\"a\",\"prompt\":\"Can she return it?\"}"), "swap_pronouns", ["prompt"], 1);
        var twice = Augmenter.Augment(once, "lowercase", ["prompt"], 1);
        Assert.Equal("a", twice[^1].Text("parent_id"));
    }

    [Fact]
    public void Rows_without_id_get_one_so_that_the_parent_can_be_found()
    {
        var result = Augmenter.Augment(RowReaderTests.Jsonl("{\"prompt\":\"Can she return it?\"}"), "swap_pronouns", ["prompt"], 1);
        Assert.Equal(["line-1", "line-1~swap_pronouns"], result.Select(r => r.Text("id")));
        Assert.Equal(0, DataProfiler.Profile(result, null, null).Duplicates);
        Assert.DoesNotContain(DataProfiler.Profile(result, null, null).Warnings, w => w.Contains("parent_id", StringComparison.Ordinal));
    }

    [Fact]
    public void Typos_change_letters_but_not_the_number_of_words()
    {
        var text = "Where is the parcel that left your warehouse on Monday";
        var changed = TextNoise.Typos(text, new Xoshiro256(1));
        Assert.NotEqual(text, changed);
        Assert.Equal(text.Split(' ').Length, changed!.Split(' ').Length);
        Assert.Equal(changed, TextNoise.Typos(text, new Xoshiro256(1)));
    }

    [Fact]
    public void Unknown_operator_and_field_are_named()
    {
        var rows = RowReaderTests.Jsonl("{\"prompt\":\"x\"}");
        Assert.Contains("swap_pronouns", Assert.Throws<ProtocolFormatException>(() => Augmenter.Augment(rows, "magic", ["prompt"], 1)).Message, StringComparison.Ordinal);
        Assert.Contains("'text'", Assert.Throws<ProtocolFormatException>(() => Augmenter.Augment(rows, "typos", ["text"], 1)).Message, StringComparison.Ordinal);
    }
}
