using System.Numerics.Tensors;

namespace Pilothouse.Server.Modules.Gateway.Engines;

/// <summary>Chooses the next token. Temperature 0 = the most probable one, ties to the lower id; otherwise a draw that a seed makes repeatable.</summary>
/// <param name="vocabulary">Ids that the tokenizer knows; a model may have more logits than that, as padding.</param>
internal sealed class Sampler(double temperature, double topP, long seed, int vocabulary)
{
    private readonly Statistics.Xoshiro256 _random = new(unchecked((ulong)seed));

    /// <returns>The token, and its natural-log probability under the model itself (temperature 1).</returns>
    public (int Token, double LogProbability) Next(ReadOnlySpan<float> logits)
    {
        var known = logits[..Math.Min(vocabulary, logits.Length)];
        var token = temperature <= 0 ? ArgMax(known) : Draw(known);
        return (token, LogProbability(known, token));
    }

    public static double LogProbability(ReadOnlySpan<float> logits, int token)
    {
        var max = TensorPrimitives.Max(logits);
        double sum = 0;
        foreach (var logit in logits) sum += Math.Exp(logit - max);
        return logits[token] - max - Math.Log(sum);
    }

    private static int ArgMax(ReadOnlySpan<float> logits)
    {
        var best = 0;
        for (var i = 1; i < logits.Length; i++)
            if (logits[i] > logits[best]) best = i;
        return best;
    }

    private int Draw(ReadOnlySpan<float> logits)
    {
        var max = TensorPrimitives.Max(logits);
        var weights = new double[logits.Length];
        for (var i = 0; i < weights.Length; i++) weights[i] = Math.Exp((logits[i] - max) / temperature);
        var order = topP < 1 ? Nucleus(weights) : null;
        var count = order?.Length ?? weights.Length;
        double total = 0;
        for (var i = 0; i < count; i++) total += weights[order?[i] ?? i];
        var rest = _random.NextDouble() * total;
        for (var i = 0; i < count - 1; i++)
        {
            rest -= weights[order?[i] ?? i];
            if (rest < 0) return order?[i] ?? i;
        }
        return order?[count - 1] ?? count - 1;
    }

    /// <summary>The fewest most probable tokens whose probabilities reach top_p.</summary>
    private int[] Nucleus(double[] weights)
    {
        var order = Enumerable.Range(0, weights.Length).OrderByDescending(i => weights[i]).ToArray();
        var limit = topP * weights.Sum();
        double sum = 0;
        for (var i = 0; i < order.Length; i++)
            if ((sum += weights[order[i]]) >= limit) return order[..(i + 1)];
        return order;
    }
}
