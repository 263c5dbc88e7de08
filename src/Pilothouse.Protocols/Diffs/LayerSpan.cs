using System.Globalization;
using System.Text.RegularExpressions;

namespace Pilothouse.Protocols.Diffs;

/// <summary>Which layers of a model some tensors are in, by their names: <c>model.layers.24.mlp.up_proj.weight</c>, <c>blk.24.ffn_up.weight</c>, <c>h.24.attn.c_attn.weight</c>.</summary>
public static partial class LayerSpan
{
    /// <summary>Names in a sentence.</summary>
    private const int MaxNamed = 3;

    /// <returns>Null for a tensor outside of the layers, such as the embedding.</returns>
    public static int? Of(string tensor) => Layer().Match(tensor) is { Success: true } match ? int.Parse(match.Groups[1].ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture) : null;

    /// <summary><c>only layers 24-31</c>, <c>all 32 layers</c>, <c>layers 24-31 and lm_head.weight</c>.</summary>
    /// <param name="changed">Names of the tensors meant.</param>
    /// <param name="all">Names of all tensors of the model.</param>
    public static string Describe(IReadOnlyCollection<string> changed, IEnumerable<string> all)
    {
        var layers = changed.Select(Of).OfType<int>().Distinct().Order().ToList();
        var outside = changed.Where(name => Of(name) is null).Order(StringComparer.Ordinal).ToList();
        if (layers.Count == 0) return outside.Count == 0 ? "" : "only " + Names(outside);
        var every = all.Select(Of).OfType<int>().Distinct().Count();
        var where = layers.Count == every && every > 1 ? $"all {every} layers" : $"{(outside.Count == 0 ? "only " : "")}layer{(layers.Count == 1 ? "" : "s")} {Ranges(layers)}";
        return outside.Count == 0 ? where : $"{where} and {Names(outside)}";
    }

    /// <summary><c>0-3, 7, 24-31</c></summary>
    /// <param name="numbers">Ascending.</param>
    internal static string Ranges(IReadOnlyList<int> numbers)
    {
        var parts = new List<string>();
        for (var i = 0; i < numbers.Count;)
        {
            var from = i;
            while (i + 1 < numbers.Count && numbers[i + 1] == numbers[i] + 1) i++;
            parts.Add(from == i ? numbers[i].ToString(CultureInfo.InvariantCulture) : string.Create(CultureInfo.InvariantCulture, $"{numbers[from]}-{numbers[i]}"));
            i++;
        }
        return parts.Count <= 12 ? string.Join(", ", parts) : string.Join(", ", parts.Take(11)) + ", ...";
    }

    private static string Names(List<string> names) => names.Count <= MaxNamed ? string.Join(", ", names) : $"{string.Join(", ", names.Take(MaxNamed))} and {names.Count - MaxNamed} more";

    [GeneratedRegex(@"(?:^|[._/])(?:layers?|h|blocks?|blk)[._](\d{1,5})(?:[._]|$)", RegexOptions.NonBacktracking)]
    private static partial Regex Layer();
}
