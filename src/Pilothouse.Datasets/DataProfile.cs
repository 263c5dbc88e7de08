using System.Text.Json;

namespace Pilothouse.Datasets;

/// <summary>What is in a data set, and what to look at before training or testing on it.</summary>
/// <param name="Duplicates">Rows that are equal to an earlier row in every field but <c>id</c>; marked copies (balance, augment) do not count.</param>
/// <param name="Labels">Rows by label, most frequent first; empty when no label field was named.</param>
/// <param name="Groups">Rows by group, most frequent first; empty when no group field was named.</param>
/// <param name="Cells">Rows by group and label.</param>
/// <param name="Warnings">In words, worst first.</param>
public sealed record DataProfile(int Rows, IReadOnlyList<ColumnProfile> Columns, int Duplicates, IReadOnlyList<ValueCount> Labels, IReadOnlyList<ValueCount> Groups,
    IReadOnlyList<CellCount> Cells, IReadOnlyList<string> Warnings);

/// <param name="Types">JSON types that occur: string, number, boolean, object, array.</param>
/// <param name="Missing">Rows without the field, or with null or an empty text in it.</param>
/// <param name="Distinct">Different values, counted up to <see cref="DataProfiler.MaxDistinct"/>.</param>
public sealed record ColumnProfile(string Name, IReadOnlyList<string> Types, int Missing, int Distinct);

public sealed record ValueCount(string Value, int Count);

public sealed record CellCount(string Group, string Label, int Count);

/// <summary>Profiles data sets.</summary>
public static class DataProfiler
{
    /// <summary>Values counted for one column; beyond it the column counts as free text.</summary>
    public const int MaxDistinct = 100_000;

    /// <summary>Rows that a group (or a group within a label) needs before rates within it mean anything; also the guard of the fairness gates.</summary>
    public const int SmallGroup = 30;

    /// <summary>Different labels or groups.</summary>
    private const int MaxCategories = 1_000;

    /// <summary>Rate of a label that differs by more than this between groups is worth a warning.</summary>
    private const double LabelGap = 0.10;

    private static readonly string[] Lineage = [Balancer.ParentField, Balancer.OperatorField, Balancer.SeedField];

    /// <summary>Largest class over smallest class.</summary>
    private const double Imbalance = 3;

    public static DataProfile Profile(IReadOnlyList<DataRow> rows, string? label, string? group)
    {
        var columns = Columns(rows);
        RequireField(columns, label);
        RequireField(columns, group);
        var labels = Count(rows, label);
        var groups = Count(rows, group);
        var cells = label is null || group is null ? [] : Cells(rows, labels, groups, label, group);
        var own = rows.Where(r => r.Text(Balancer.ParentField) is null).ToArray(); // marked copies are meant
        var duplicates = own.Length - own.Select(Key).Distinct(StringComparer.Ordinal).Count();
        return new DataProfile(rows.Count, columns, duplicates, labels, groups, cells, Warnings(rows.Count, columns, duplicates, labels, groups, cells));
    }

    private static List<CellCount> Cells(IReadOnlyList<DataRow> rows, List<ValueCount> labels, List<ValueCount> groups, string label, string group)
    {
        if (labels.Count > MaxCategories || groups.Count > MaxCategories)
            throw new Protocols.ProtocolFormatException($"'{(labels.Count > MaxCategories ? label : group)}' has more than {MaxCategories} different values: it is text, not a label or group.");
        var counts = rows.GroupBy(r => (r.Text(group) ?? "", r.Text(label) ?? "")).ToDictionary(c => c.Key, c => c.Count());
        return [.. groups.SelectMany(g => labels.Select(l => new CellCount(g.Value, l.Value, counts.GetValueOrDefault((g.Value, l.Value)))))];
    }

    private static void RequireField(List<ColumnProfile> columns, string? field)
    {
        if (field is not null && columns.All(c => c.Name != field))
            throw new Protocols.ProtocolFormatException($"No row has the field '{field}'; there are: {string.Join(", ", columns.Select(c => c.Name).Take(20))}.");
    }

    private static List<ColumnProfile> Columns(IReadOnlyList<DataRow> rows) =>
        [.. rows.SelectMany(r => r.Fields.Select(f => f.Key)).Distinct(StringComparer.Ordinal).Select(name =>
        {
            var distinct = new HashSet<string>(StringComparer.Ordinal);
            var types = new SortedSet<string>(StringComparer.Ordinal);
            var missing = 0;
            foreach (var row in rows)
            {
                var value = row.Fields.FirstOrDefault(f => f.Key == name).Value;
                if (DataRow.Text(value) is not { Length: > 0 } text)
                {
                    missing++;
                    continue;
                }
                types.Add(TypeOf(value));
                if (distinct.Count < MaxDistinct) distinct.Add(text);
            }
            return new ColumnProfile(name, [.. types], missing, distinct.Count);
        })];

    private static string TypeOf(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.True or JsonValueKind.False => "boolean",
        var kind => kind.ToString().ToLowerInvariant(),
    };

    private static List<ValueCount> Count(IReadOnlyList<DataRow> rows, string? field) => field is null ? [] :
        [.. rows.GroupBy(r => r.Text(field) ?? "", StringComparer.Ordinal).Select(g => new ValueCount(g.Key, g.Count())).OrderByDescending(v => v.Count).ThenBy(v => v.Value, StringComparer.Ordinal)];

    private static string Key(DataRow row) => string.Join('\u001f', row.Fields.Where(f => f.Key != "id").OrderBy(f => f.Key, StringComparer.Ordinal).Select(f => f.Key + '\u001e' + f.Value.GetRawText()));

    private static List<string> Warnings(int rows, List<ColumnProfile> columns, int duplicates, List<ValueCount> labels, List<ValueCount> groups, List<CellCount> cells)
    {
        var warnings = new List<string>();
        if (rows == 0) return ["The file has no rows."];
        foreach (var column in columns.Where(c => c.Missing > 0 && c.Missing < rows && !Lineage.Contains(c.Name))) warnings.Add($"'{column.Name}' is missing in {column.Missing} of {rows} rows.");
        foreach (var column in columns.Where(c => c.Types.Count > 1)) warnings.Add($"'{column.Name}' holds {string.Join(" and ", column.Types)}: one type a field is safer.");
        if (duplicates > 0) warnings.Add($"{duplicates} rows repeat an earlier row: they count twice in every average, and may stand in both training and test data.");
        if (labels.Count > 1 && labels[0].Count >= Imbalance * labels[^1].Count)
            warnings.Add($"Label '{labels[0].Value}' has {labels[0].Count} rows, '{labels[^1].Value}' only {labels[^1].Count}: see 'pilothouse data balance'.");
        foreach (var g in groups.Where(g => g.Count < SmallGroup)) warnings.Add($"Group '{g.Value}' has {g.Count} rows; rates within fewer than {SmallGroup} mean little.");
        foreach (var cell in cells.Where(c => c.Count < SmallGroup && groups.First(g => g.Value == c.Group).Count >= SmallGroup))
            warnings.Add($"Group '{cell.Group}' has {cell.Count} rows labelled '{cell.Label}'; fewer than {SmallGroup} say little about its error rates.");
        foreach (var label in labels) LabelGapWarning(label.Value, groups, cells, warnings);
        return warnings;
    }

    /// <summary>A model learns such a gap: the label must not depend on the group unless the world does.</summary>
    private static void LabelGapWarning(string label, List<ValueCount> groups, List<CellCount> cells, List<string> warnings)
    {
        var rates = groups.Where(g => g.Count >= SmallGroup)
            .Select(g => (g.Value, Rate: (double)(cells.FirstOrDefault(c => c.Group == g.Value && c.Label == label)?.Count ?? 0) / g.Count)).OrderBy(r => r.Rate).ToArray();
        if (rates.Length > 1 && rates[^1].Rate - rates[0].Rate > LabelGap)
            warnings.Add(FormattableString.Invariant(
                $"'{label}' is {rates[^1].Rate:P0} of group '{rates[^1].Value}' but {rates[0].Rate:P0} of group '{rates[0].Value}': a model trained on this learns the group."));
    }
}
