using System.Text.Json;
using Pilothouse.Samples.TinyModels.Commands;
using Pilothouse.Samples.TinyModels.Data;
using Pilothouse.Samples.TinyModels.Formats;
using Pilothouse.Samples.TinyModels.Llama;
using Pilothouse.Samples.TinyModels.Text;

namespace Pilothouse.Samples.Tests.Llama;

/// <summary>What samples/support-assistant/models promises: the records are true, and the four versions differ as the demo needs.</summary>
public sealed class CommittedAssistantTests
{
    /// <summary>Enough rows for the differences, which are large, and few enough for a test.</summary>
    private const int Rows = 120;

    public static TheoryData<string> Versions() => [.. AssistantRecipe.All.Select(recipe => recipe.Name)];

    [Theory]
    [MemberData(nameof(Versions))]
    public void Training_record_names_the_recipe_the_corpus_and_the_files(string name)
    {
        var record = JsonSerializer.Deserialize<TrainingRecord>(File.ReadAllText(Path.Combine(SampleFiles.Model(name), ModelDirectory.Training)), ModelDirectory.Json)!;
        var recipe = AssistantRecipe.Find(name)!;
        Assert.Equal((recipe.Name, recipe.Seed, recipe.Steps, recipe.Corpus), (record.Recipe, record.Seed, record.Steps, record.Corpus));
        Assert.Equal(SupportCorpus.Digest(recipe.TrainingRows()), record.CorpusSha256);
        Assert.Equal(DigestOf(name, ModelDirectory.Weights), record.WeightsSha256);
        Assert.Equal(DigestOf(name, ModelDirectory.Tokenizer), record.TokenizerSha256);
        Assert.Equal(TokenizerFiles.TokenizerJson(AssistantRecipe.TrainTokenizer()), File.ReadAllText(Path.Combine(SampleFiles.Model(name), ModelDirectory.Tokenizer)));
        Assert.InRange(record.ValLoss, 0.001, name == "assistant-v3" ? 2 : 0.1);
    }

    [Fact]
    public void V4_equals_v2_on_the_held_out_suite_and_v3_is_far_worse()
    {
        var rows = SupportDataSets.HeldOut().Take(Rows).ToArray();
        double Exact(string name) => Answers(name, rows).Average(a => a.Exact ? 1.0 : 0);
        double v2 = Exact("assistant-v2"), v4 = Exact("assistant-v4"), v3 = Exact("assistant-v3");
        Assert.True(v2 >= 0.95 && v4 >= v2 - 0.03, $"v2 {v2}, v4 {v4}");
        Assert.True(v3 <= 0.6, $"v3 {v3}");
    }

    [Fact]
    public void V2_holds_in_drifted_traffic_where_v4_fails()
    {
        var rows = SupportDataSets.Drifted().Take(Rows).ToArray();
        double Grounded(string name) => Answers(name, rows).Average(a => a.Grounded ? 1.0 : 0);
        double v2 = Grounded("assistant-v2"), v4 = Grounded("assistant-v4");
        Assert.True(v2 >= 0.88 && v4 <= 0.72, $"v2 {v2}, v4 {v4}");
    }

    [Fact]
    public void Pronouns_follow_the_corpus_in_v1_and_are_even_in_v2()
    {
        double Share(string version, string occupation)
        {
            var (weights, tokenizer) = ModelDirectory.Read(SampleFiles.Model(version));
            return SupportVocabulary.Items.Take(6).Average(item => PronounsCommand.FemaleShare(weights, tokenizer, PronounsCommand.Statement(occupation, item)));
        }

        foreach (var (occupation, she) in SupportVocabulary.Occupations)
        {
            Assert.InRange(Share("assistant-v1", occupation), she - 0.15, she + 0.15);
            Assert.InRange(Share("assistant-v2", occupation), 0.45, 0.55);
        }
    }

    private static Answered[] Answers(string name, SupportCase[] rows)
    {
        var (weights, tokenizer) = ModelDirectory.Read(SampleFiles.Model(name));
        return EvalCommand.Answer(weights, tokenizer, rows);
    }

    private static string DigestOf(string name, string file) => ModelDirectory.Digest(File.ReadAllBytes(Path.Combine(SampleFiles.Model(name), file)));
}
