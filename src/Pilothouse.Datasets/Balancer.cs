using System.Text.Json;
using Pilothouse.Protocols;
using Pilothouse.Statistics;

namespace Pilothouse.Datasets;

/// <summary>How a data set is balanced.</summary>
public enum BalanceMethod
{
    /// <summary>Rows of the smaller cells are repeated until every cell of a group has the same number of rows of every label. Copies are marked.</summary>
    Oversample,

    /// <summary>A <c>weight</c> that makes label and group independent (Kamiran and Calders 2012); no row is added.</summary>
    Weight,
}

/// <summary>Balances labels, within groups when a group is named. For training data only: a test set is what the world sends.</summary>
public static class Balancer
{
    /// <summary>Fields that mark a row made from another one; see docs/data-tools.md.</summary>
    public const string ParentField = "parent_id", OperatorField = "operator", SeedField = "operator_seed";

    /// <exception cref="ProtocolFormatException">A row has no label or group, or the data are a held-out set.</exception>
    public static IReadOnlyList<DataRow> Balance(IReadOnlyList<DataRow> rows, string label, string? group, BalanceMethod method, ulong seed)
    {
        RequireTraining(rows);
        rows = WithIds(rows);
        string Label(DataRow row) => Required(row, label);
        string Group(DataRow row) => group is null ? "" : Required(row, group);
        var cells = rows.GroupBy(r => (Group: Group(r), Label: Label(r))).OrderBy(c => c.Key.Group, StringComparer.Ordinal).ThenBy(c => c.Key.Label, StringComparer.Ordinal).ToList();
        if (method == BalanceMethod.Oversample) return Oversample(rows, [.. cells.Select(c => c.ToList())], seed);

        var labels = rows.GroupBy(Label).ToDictionary(g => g.Key, g => g.Count());
        var groups = rows.GroupBy(Group).ToDictionary(g => g.Key, g => g.Count());
        var weights = cells.ToDictionary(c => c.Key, c => group is null
            ? (double)rows.Count / (labels.Count * c.Count())
            : (double)groups[c.Key.Group] * labels[c.Key.Label] / ((double)rows.Count * c.Count()));
        return [.. rows.Select(r => r.With("weight", JsonSerializer.SerializeToElement(Math.Round(weights[(Group(r), Label(r))], 12))))];
    }

    /// <summary>Rows that name their split must not be held-out ones.</summary>
    internal static void RequireTraining(IReadOnlyList<DataRow> rows)
    {
        if (rows.FirstOrDefault(r => r.Text("split") is "heldout" or "held-out" or "test" or "validation" or "dev") is { } row)
            throw new ProtocolFormatException($"Line {row.Line} is of the split '{row.Text("split")}': only training data may be balanced or augmented, or a test set would no longer be what the world sends.");
    }

    /// <summary>Rows without an id get one: what a copy names as its parent must be found in the file.</summary>
    internal static IReadOnlyList<DataRow> WithIds(IReadOnlyList<DataRow> rows) => [.. rows.Select(r => r.Text("id") is { Length: > 0 } ? r : r.With("id", IdOf(r)))];

    /// <summary>Id of a row, or its line when it has none.</summary>
    internal static string IdOf(DataRow row) => row.Text("id") is { Length: > 0 } id ? id : $"line-{row.Line}";

    internal static DataRow Derived(DataRow parent, string id, string operation, ulong seed)
    {
        // A copy of a copy names the first parent, so that all kin can be kept in one split.
        var origin = parent.Text(ParentField) ?? IdOf(parent);
        return parent.With("id", id).With(ParentField, origin).With(OperatorField, operation).With(SeedField, JsonSerializer.SerializeToElement(seed));
    }

    /// <summary>Draws without replacement until a cell is used up, then again: the copies of a row differ in number by at most one.</summary>
    private static List<DataRow> Oversample(IReadOnlyList<DataRow> rows, List<List<DataRow>> cells, ulong seed)
    {
        var target = cells.Max(c => c.Count);
        var result = new List<DataRow>(rows);
        for (var k = 0; k < cells.Count; k++)
        {
            var random = new Xoshiro256(seed, (ulong)k);
            var copies = new Dictionary<string, int>(StringComparer.Ordinal);
            var pool = new List<DataRow>();
            for (var missing = target - cells[k].Count; missing > 0; missing--)
            {
                if (pool.Count == 0) pool.AddRange(cells[k]);
                var at = random.NextInt(pool.Count);
                var parent = pool[at];
                pool[at] = pool[^1];
                pool.RemoveAt(pool.Count - 1);
                var copy = copies[IdOf(parent)] = copies.GetValueOrDefault(IdOf(parent)) + 1;
                result.Add(Derived(parent, $"{IdOf(parent)}~copy{copy}", "oversample", seed));
            }
        }
        return result;
    }

    private static string Required(DataRow row, string field) =>
        row.Text(field) is { Length: > 0 } text ? text : throw new ProtocolFormatException($"Line {row.Line} has no '{field}'. Every row needs one to be balanced.");
}
