using Pilothouse.Samples.TinyModels.Data;
using Pilothouse.Samples.TinyModels.Formats;
using Pilothouse.Samples.TinyModels.Llama;

namespace Pilothouse.Samples.Tests.Llama;

public sealed class ReproducibilityTests
{
    private static readonly AssistantRecipe Short = AssistantRecipe.Find("assistant-v2")! with { Steps = 6, Corpus = new CorpusOptions(600, SkewedPronouns: false, TypoShare: 0.6, ExtendedPhrasing: true) };

    [Fact]
    public void Same_recipe_gives_the_same_bytes() => Assert.Equal(Train(Short), Train(Short));

    [Fact]
    public void Another_seed_gives_other_bytes() => Assert.NotEqual(Train(Short with { Steps = 1 }), Train(Short with { Steps = 1, Seed = 99 }));

    private static byte[] Train(AssistantRecipe recipe)
    {
        var trainer = new AssistantTrainer(recipe);
        while (!trainer.Finished) trainer.Step();
        return Safetensors.Write(trainer.Weights);
    }
}
