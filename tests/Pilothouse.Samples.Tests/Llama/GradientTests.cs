using Pilothouse.Samples.TinyModels.Llama;
using Pilothouse.Samples.TinyModels.Numerics;

namespace Pilothouse.Samples.Tests.Llama;

/// <summary>The hand-written backward pass against central differences of the double-precision reference.</summary>
public sealed class GradientTests
{
    private static readonly LlamaConfig Small = new(Vocabulary: 64, Width: 32, Layers: 2, Heads: 2, Hidden: 64, Context: 16);

    [Fact]
    public void Loss_agrees_with_the_reference()
    {
        var (weights, batch) = Setup();
        Assert.Equal(new ReferenceForward(weights).Loss(batch), new LlamaNetwork(weights).Loss(batch), 1e-5);
    }

    [Fact]
    public void Gradient_of_every_tensor_agrees_with_central_differences()
    {
        var (weights, batch) = Setup();
        new LlamaNetwork(weights).LossAndGradient(batch);
        var reference = new ReferenceForward(weights);
        const double Epsilon = 1e-5;
        foreach (var tensor in weights.All)
        {
            // The largest and eight spread entries: an error of any one formula shows in some of them.
            var scale = tensor.Gradient.Max(MathF.Abs);
            var largest = Array.FindIndex(tensor.Gradient, g => MathF.Abs(g) == scale);
            foreach (var i in Enumerable.Range(0, 8).Select(s => (s * tensor.Values.Length / 8 + s) % tensor.Values.Length).Prepend(largest))
            {
                var original = reference[tensor][i];
                reference[tensor][i] = original + Epsilon;
                var above = reference.Loss(batch);
                reference[tensor][i] = original - Epsilon;
                var below = reference.Loss(batch);
                reference[tensor][i] = original;
                var numeric = (above - below) / (2 * Epsilon);
                Assert.True(Math.Abs(numeric - tensor.Gradient[i]) <= 2e-4 * scale + 1e-8, $"{tensor.Name}[{i}]: {tensor.Gradient[i]} but the difference quotient is {numeric}");
            }
        }
    }

    [Fact]
    public void Decoder_agrees_with_the_reference()
    {
        var (weights, _) = Setup();
        int[] tokens = [5, 9, 33, 2, 60];
        var expected = new ReferenceForward(weights).Logits(tokens)[^1];
        var actual = new LlamaDecoder(weights).Prompt(tokens);
        for (var i = 0; i < expected.Length; i++) Assert.Equal(expected[i], actual[i], 1e-4);
    }

    /// <summary>Weights ten times the usual size, so that no gradient drowns in rounding; rows of unequal length, one of them partly unscored.</summary>
    private static (LlamaWeights, TokenBatch) Setup()
    {
        var rng = new Rng(3);
        var weights = LlamaWeights.Initialize(Small, rng);
        foreach (var tensor in weights.All)
            for (var i = 0; i < tensor.Values.Length; i++) tensor.Values[i] = tensor.IsMatrix ? tensor.Values[i] * 10 : 1 + 0.2f * rng.NextGaussian();
        EncodedRow Row(int length, int prompt) => new([.. Enumerable.Range(0, length).Select(_ => rng.Next(Small.Vocabulary))], prompt);
        return (weights, TokenBatch.Of([Row(9, 4), Row(5, 0), Row(12, 7)]));
    }
}
