using System.Buffers.Binary;
using System.Text.Json;
using Pilothouse.Protocols;
using Pilothouse.Protocols.V1;

namespace Pilothouse.Datasets.Profiles;

/// <summary>Reads a data set once and says what is in it: schema, a profile of each column, exact duplicates and rows that stand in two splits. Memory does not grow with the rows.</summary>
public static class DatasetProfiler
{
    /// <summary>Rows by split, in the order of the files; the key "" stands for files of no split.</summary>
    public sealed record Result(DatasetProfile Profile, IReadOnlyDictionary<string, long> RowsOfFile);

    /// <param name="temporary">Directory for the digests of many rows.</param>
    /// <exception cref="ProtocolFormatException">A row is none; the message has its file and line.</exception>
    public static Result Profile(IReadOnlyList<DataFile> files, string temporary, CancellationToken ct)
    {
        var hasher = new RowHasher();
        var columns = new Dictionary<string, ColumnProfiler>(StringComparer.Ordinal);
        var rowsOfFile = new Dictionary<string, long>(StringComparer.Ordinal);
        var splits = new List<string>();
        using var digests = new Spill(temporary);
        var rows = 0L;
        foreach (var (row, file, _) in DataFiles.Rows(files, ct))
        {
            rows++;
            rowsOfFile[file.Path] = rowsOfFile.GetValueOrDefault(file.Path) + 1;
            var texts = file.Format == RowFormat.Csv;
            var digest = UInt128.Zero;
            foreach (var (name, value) in row.Fields)
            {
                if (!columns.TryGetValue(name, out var column))
                {
                    if (columns.Count == RowReader.MaxFields) throw RowReader.Fault(file.Path, row.Line, $"the number of different fields is above {RowReader.MaxFields}.");
                    columns.Add(name, column = new ColumnProfiler(name, ValuesFor(columns.Count)));
                }
                if (RowHasher.IsNull(value)) continue;
                var cell = hasher.Cell(name, value);
                digest = unchecked(digest + cell);
                if (!texts || value.ValueKind != JsonValueKind.String || value.GetString()!.Length > 0) column.Add(value, cell, texts);
            }
            digests.Add(digest, [DataFiles.Number(splits, file.Split)]);
        }
        var (duplicates, leaks) = Repeats(digests, splits, ct);
        return new Result(new DatasetProfile(rows, [.. columns.Values.Select(c => c.Summary(rows))], duplicates, leaks), rowsOfFile);
    }

    /// <summary>Few columns may count many values each, many columns few: together they stay bounded.</summary>
    private static int ValuesFor(int column) => column < 50 ? 10_000 : column < 500 ? 1_000 : 100;

    private static (long Duplicates, List<SplitLeak> Leaks) Repeats(Spill digests, List<string> splits, CancellationToken ct)
    {
        var duplicates = 0L;
        var shared = new Dictionary<(int, int), long>();
        for (var part = 0; part < Spill.Parts; part++)
        {
            ct.ThrowIfCancellationRequested();
            var bytes = digests.Part(part);
            var records = Spill.Records(bytes).Select(r => (Digest: BinaryPrimitives.ReadUInt128LittleEndian(bytes.AsSpan(r.Start)), Split: bytes[r.Start + 16])).ToArray();
            Array.Sort(records);
            for (var i = 0; i < records.Length;)
            {
                var end = i + 1;
                while (end < records.Length && records[end].Digest == records[i].Digest) end++;
                duplicates += end - i - 1;
                if (end - i > 1) Count(shared, records.AsSpan(i, end - i));
                i = end;
            }
        }
        return (duplicates, [.. shared.OrderByDescending(s => s.Value).Select(s => Leak(splits[s.Key.Item1 - 1], splits[s.Key.Item2 - 1], s.Value))]);
    }

    private static void Count(Dictionary<(int, int), long> shared, ReadOnlySpan<(UInt128, byte Split)> same)
    {
        var present = 0UL;
        foreach (var (_, split) in same)
            if (split > 0) present |= 1UL << (split - 1);
        for (var a = 0; a < 64; a++)
            for (var b = a + 1; b < 64 && present >> a != 1; b++)
                if ((present >> a & present >> b & 1) == 1) shared[(a + 1, b + 1)] = shared.GetValueOrDefault((a + 1, b + 1)) + 1;
    }

    internal static SplitLeak Leak(string a, string b, long rows) => ((string[])[a, b]).InOrder(s => s).ToArray() is [var first, var second] ? new SplitLeak(first, second, rows) : throw new InvalidOperationException();
}
