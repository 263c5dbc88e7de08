using Pilothouse.Samples.TinyModels.Numerics;

namespace Pilothouse.Samples.TinyModels.Triage;

/// <summary>Logistic regression on hashed features: p(urgent) = sigmoid(bias + sum of the ids' weights / sqrt(max(1, number of ids))).</summary>
internal sealed class TriageModel
{
    public const double Threshold = 0.5;

    private const int Epochs = 6;
    private const float Rate = 0.3f;
    private const float Decay = 1e-6f;
    private const float Stabilizer = 1e-3f;

    public TriageModel(float[] weights, float bias) => (Weights, Bias) = (weights, bias);

    public float[] Weights { get; }
    public float Bias { get; private set; }

    public float Probability(string text) => Probability(HashedFeatures.Of(text));

    public float Probability(ReadOnlySpan<int> ids)
    {
        var sum = 0f;
        foreach (var id in ids) sum += Weights[id];
        return Simd.Sigmoid(Bias + sum * Scale(ids.Length));
    }

    /// <summary>AdaGrad, one ticket at a time in a fixed order: the same tickets and seed give the same bits. Calls <paramref name="epochDone"/> with the epoch (from 1) and its mean loss.</summary>
    public static TriageModel Train(IReadOnlyList<TriageCase> tickets, ulong seed, Action<int, double> epochDone)
    {
        var rng = new Rng(seed);
        var features = tickets.Select(ticket => HashedFeatures.Of(ticket.Text)).ToArray();
        var model = new TriageModel(new float[1 << HashedFeatures.Bits], 0);
        var squares = new float[model.Weights.Length];
        var biasSquares = 0f;
        var order = Enumerable.Range(0, features.Length).ToArray();
        for (var epoch = 1; epoch <= Epochs; epoch++)
        {
            rng.Shuffle<int>(order);
            var loss = 0.0;
            foreach (var row in order)
            {
                var p = model.Probability(features[row]);
                var isUrgent = tickets[row].Label == TriageCorpus.Urgent;
                loss -= Math.Log(Math.Max(1e-12, isUrgent ? p : 1 - p));
                var gradient = isUrgent ? p - 1 : p;
                var scale = gradient * Scale(features[row].Length);
                foreach (var id in features[row])
                {
                    var g = scale + Decay * model.Weights[id];
                    squares[id] += g * g;
                    model.Weights[id] -= Rate * g / (MathF.Sqrt(squares[id]) + Stabilizer);
                }
                biasSquares += gradient * gradient;
                model.Bias -= Rate * gradient / (MathF.Sqrt(biasSquares) + Stabilizer);
            }
            epochDone(epoch, loss / order.Length);
        }
        return model;
    }

    private static float Scale(int count) => 1f / MathF.Sqrt(Math.Max(1, count));
}

/// <summary>Everything that decides a triage version's weights.</summary>
internal sealed record TriageRecipe(string Name, string Description, TriageOptions Corpus, ulong Seed)
{
    public static readonly TriageRecipe[] All =
    [
        new("triage-v1", "The tickets as they came in: few from second-language writers, and of those hardly an urgent one.", new(2000, 2000, 25, 600, Copies: 0), 11),
        new("triage-v2", "Balanced by group and label, each ticket with one altered copy.", new(2000, 2000, 2000, 2000, Copies: 1), 12),
    ];

    public static TriageRecipe? Find(string name) => Array.Find(All, recipe => recipe.Name == name);
}
