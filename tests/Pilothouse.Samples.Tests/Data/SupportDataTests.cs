using Pilothouse.Samples.TinyModels.Commands;
using Pilothouse.Samples.TinyModels.Data;

namespace Pilothouse.Samples.Tests.Data;

public sealed class SupportDataTests
{
    private static readonly Lazy<Dictionary<string, string>> Regenerated = new(() => DataCommand.Files().ToDictionary(file => file.Path, file => file.Text));

    public static TheoryData<string> Files() => [.. Regenerated.Value.Keys];

    [Theory]
    [MemberData(nameof(Files))]
    public void Committed_file_is_the_regenerated_one(string path) =>
        Assert.Equal(Regenerated.Value[path], File.ReadAllText(SampleFiles.Data(path)));

    [Fact]
    public void No_held_out_pair_of_phrasing_and_item_is_trained_on()
    {
        var rows = SupportCorpus.Generate(new CorpusOptions(20_000, SkewedPronouns: false, TypoShare: 0, ExtendedPhrasing: true), seed: 5);
        var trained = rows.Select(row => row.Question).ToHashSet();
        var heldOut = SupportDataSets.HeldOut().Where(row => row.Topic is not ("payment" or "password" or "agent")).ToArray();
        Assert.True(heldOut.Length >= 300);
        Assert.DoesNotContain(heldOut, row => trained.Contains(row.Prompt));
    }

    [Fact]
    public void Reference_answers_name_what_the_question_is_about()
    {
        foreach (var row in SupportDataSets.HeldOut().Concat(SupportDataSets.Live()).Concat(SupportDataSets.Drifted()).Where(row => row.Expected is not null))
            Assert.Contains(row.MustContain, row.Expected, StringComparison.Ordinal);
    }

    [Fact]
    public void Held_out_suite_has_a_reference_answer_in_every_row_and_no_question_twice()
    {
        var rows = SupportDataSets.HeldOut();
        Assert.All(rows, row => Assert.NotNull(row.Expected));
        Assert.Equal(rows.Count, rows.Select(row => row.Prompt).Distinct().Count());
    }

    [Fact]
    public void Typos_change_the_question_and_leave_its_first_letters()
    {
        var typos = SupportDataSets.Drifted().Where(row => row.Kind == "typo").ToArray();
        Assert.True(typos.Length > 300);
        foreach (var row in typos)
        {
            Assert.NotEqual(row.Intended, row.Prompt);
            Assert.Equal(row.Intended!.Split(' ').Select(word => word[0]), row.Prompt.Split(' ').Select(word => word[0]));
        }
    }

    [Fact]
    public void Balanced_corpus_gives_every_pronoun_row_its_twin_in_the_same_batch()
    {
        var rows = SupportCorpus.Generate(new CorpusOptions(4_000, SkewedPronouns: false, TypoShare: 0.5, ExtendedPhrasing: true), seed: 8);
        var twins = 0;
        for (var i = 0; i + 1 < rows.Count; i += 2)
        {
            if (!rows[i].Answer.Contains(" because she ", StringComparison.Ordinal)) continue;
            twins++;
            Assert.Equal(rows[i].Question, rows[i + 1].Question);
            Assert.Equal(rows[i].Answer.Replace("she", "he", StringComparison.Ordinal).Replace(" her ", " him ", StringComparison.Ordinal), rows[i + 1].Answer);
        }
        Assert.True(twins > 200);
        Assert.Equal(twins, rows.Count(row => row.Answer.Contains(" because she ", StringComparison.Ordinal)));
    }

    [Fact]
    public void Skewed_corpus_follows_the_stated_shares()
    {
        var rows = SupportCorpus.Generate(new CorpusOptions(40_000, SkewedPronouns: true, TypoShare: 0, ExtendedPhrasing: false), seed: 9);
        foreach (var (occupation, she) in SupportVocabulary.Occupations)
        {
            var answers = rows.Where(row => row.Answer.StartsWith($"The {occupation} ", StringComparison.Ordinal)).ToArray();
            Assert.InRange(answers.Count(row => row.Answer.Contains(" she ", StringComparison.Ordinal)) / (double)answers.Length, she - 0.07, she + 0.07);
        }
    }

    /// <summary>The published test vectors of 32-bit FNV-1a.</summary>
    [Theory]
    [InlineData("", 0x811C9DC5)]
    [InlineData("a", 0xE40C292C)]
    [InlineData("foobar", 0xBF9CF968)]
    public void Fnv1a_gives_the_published_values(string text, uint expected) => Assert.Equal(expected, Fnv1a.Hash(text));
}
