using Pilothouse.Protocols;
using Pilothouse.Statistics;

namespace Pilothouse.Datasets;

/// <summary>
/// Adds changed copies of rows. Each copy says which row it came from, by which operator and seed; copies belong into the same split as
/// their parent (a swapped sentence in the test set and its original in training is a leak).
/// </summary>
public static class Augmenter
{
    /// <summary>Operators by name: text and random stream in, changed text out, or null when the operator has nothing to change.</summary>
    private static readonly Dictionary<string, Func<string, Xoshiro256, string?>> Operators = new(StringComparer.Ordinal)
    {
        ["swap_pronouns"] = (text, _) => PronounSwap.Apply(text),
        ["typos"] = TextNoise.Typos,
        ["lowercase"] = (text, _) => text.ToLowerInvariant(),
        ["no_punctuation"] = (text, _) => TextNoise.WithoutPunctuation(text),
        ["swap_words"] = TextNoise.SwapWords,
        ["delete_words"] = TextNoise.DeleteWords,
    };

    public static IReadOnlyCollection<string> OperatorNames => Operators.Keys;

    /// <summary>All rows, each followed by its changed copy where the operator changes anything.</summary>
    /// <param name="fields">Text fields the operator is applied to: for counterfactual pairs name both prompt and answer.</param>
    public static IReadOnlyList<DataRow> Augment(IReadOnlyList<DataRow> rows, string operation, IReadOnlyList<string> fields, ulong seed)
    {
        if (!Operators.TryGetValue(operation, out var apply))
            throw new ProtocolFormatException($"There is no operator '{operation}'. Use one of: {string.Join(", ", Operators.Keys)}.");
        if (rows.Count > 0 && fields.FirstOrDefault(f => rows.All(r => !r.Has(f))) is { } unknown)
            throw new ProtocolFormatException($"No row has the field '{unknown}'; there are: {string.Join(", ", rows[0].Fields.Select(f => f.Key).Take(20))}.");
        Balancer.RequireTraining(rows);
        rows = Balancer.WithIds(rows);
        var result = new List<DataRow>(rows.Count * 2);
        for (var k = 0; k < rows.Count; k++)
        {
            result.Add(rows[k]);
            // A stream of its own for each row: adding a row does not change what becomes of the others.
            var random = new Xoshiro256(seed, (ulong)rows[k].Line);
            var copy = rows[k];
            foreach (var field in fields)
                if (rows[k].Text(field) is { } text && apply(text, random) is { } changed && changed != text) copy = copy.With(field, changed);
            if (copy != rows[k]) result.Add(Balancer.Derived(copy, $"{Balancer.IdOf(rows[k])}~{operation}", operation, seed));
        }
        return result;
    }
}
