using System.Buffers.Binary;
using Pilothouse.Protocols;
using Pilothouse.Protocols.V1;

namespace Pilothouse.Datasets.Compare;

/// <summary>One difference: the places of its rows, -1 where there is none.</summary>
/// <param name="Fields">Fields that differ, of a changed row.</param>
public sealed record RowChange(long From, long To, IReadOnlyList<string> Fields);

/// <summary>What differs, and the first differences of each kind.</summary>
public sealed record RowDifferences(long Added, long Removed, long Changed, long Unchanged, long Moved, long DuplicateKeys, long WithoutKey, IReadOnlyList<TopValue> ChangedFields,
    IReadOnlyList<RowChange> AddedRows, IReadOnlyList<RowChange> RemovedRows, IReadOnlyList<RowChange> ChangedRows);

/// <summary>
/// Compares data sets row by row. With a key, rows that share it are held against each other; without, a data set is a multiset of rows. Both sides are read once and brought
/// together by digest part by part, so that memory does not grow with the rows.
/// </summary>
public static class RowDiffer
{
    private const int RowAt = 16, OrdinalAt = 32, SplitAt = 40, CellsAt = 41, CellLength = 10;

    private sealed record Side(byte[] Bytes, (UInt128 Key, UInt128 Row, int Start, int Length)[] Records);

    private sealed class Tally(int kept)
    {
        public long Added, Removed, Changed, Unchanged, Moved, DuplicateKeys, WithoutKey;
        public readonly Dictionary<int, long> Fields = [];
        public readonly Earliest AddedRows = new(kept), RemovedRows = new(kept), ChangedRows = new(kept);
    }

    /// <param name="key">Field that names a row; null = the whole row.</param>
    /// <param name="kept">Differences of each kind that are kept, those that stand first in their data set.</param>
    /// <exception cref="ProtocolFormatException">A row cannot be read, or no row has the key.</exception>
    public static RowDifferences Compare(IReadOnlyList<DataFile> from, IReadOnlyList<DataFile> to, string? key, int kept, string temporary, CancellationToken ct)
    {
        var tally = new Tally(kept);
        var columns = new List<string>();
        var splits = new List<string>();
        using var first = Read(from, key, columns, splits, temporary, tally, ct);
        using var second = Read(to, key, columns, splits, temporary, tally, ct);
        Spill.Align(first, second);
        for (var part = 0; part < Spill.Parts; part++)
        {
            ct.ThrowIfCancellationRequested();
            Merge(Sorted(first.Part(part)), Sorted(second.Part(part)), tally);
        }
        IReadOnlyList<RowChange> Named(Earliest rows) => [.. rows.InOrder().Select(r => new RowChange(r.From, r.To, [.. r.Fields.Select(f => columns[f])]))];
        return new RowDifferences(tally.Added, tally.Removed, tally.Changed, tally.Unchanged, tally.Moved, tally.DuplicateKeys, tally.WithoutKey,
            [.. tally.Fields.OrderByDescending(f => f.Value).ThenBy(f => columns[f.Key], StringComparer.Ordinal).Select(f => new TopValue(columns[f.Key], f.Value))],
            Named(tally.AddedRows), Named(tally.RemovedRows), Named(tally.ChangedRows));
    }

    private static Spill Read(IReadOnlyList<DataFile> files, string? key, List<string> columns, List<string> splits, string temporary, Tally tally, CancellationToken ct)
    {
        var hasher = new RowHasher();
        var places = new Dictionary<string, ushort>(StringComparer.Ordinal);
        for (var i = 0; i < columns.Count; i++) places.Add(columns[i], (ushort)i);
        var spill = new Spill(temporary);
        var rest = new byte[CellsAt - RowAt + CellLength * RowReader.MaxFields];
        var (any, keyed) = (false, false);
        try
        {
            foreach (var (row, file, ordinal) in DataFiles.Rows(files, ct))
            {
                any = true;
                var (sum, name, length) = (UInt128.Zero, (UInt128?)null, CellsAt - RowAt);
                foreach (var (field, value) in row.Fields)
                {
                    if (RowHasher.IsNull(value)) continue;
                    var cell = hasher.Cell(field, value);
                    sum = unchecked(sum + cell);
                    if (key is null) continue;
                    if (field == key) name = cell;
                    if (!places.TryGetValue(field, out var place))
                    {
                        if (columns.Count == ushort.MaxValue) throw RowReader.Fault(file.Path, row.Line, "there are too many different fields.");
                        places.Add(field, place = (ushort)columns.Count);
                        columns.Add(field);
                    }
                    BinaryPrimitives.WriteUInt16LittleEndian(rest.AsSpan(length), place);
                    BinaryPrimitives.WriteUInt64LittleEndian(rest.AsSpan(length + 2), (ulong)cell);
                    length += CellLength;
                }
                keyed |= name is not null;
                if (key is not null && name is null) tally.WithoutKey++;
                BinaryPrimitives.WriteUInt128LittleEndian(rest, sum);
                BinaryPrimitives.WriteInt64LittleEndian(rest.AsSpan(OrdinalAt - RowAt), ordinal);
                rest[SplitAt - RowAt] = DataFiles.Number(splits, file.Split);
                spill.Add(name ?? sum, rest.AsSpan(0, length));
            }
            if (any && key is not null && !keyed) throw new ProtocolFormatException($"No row has the key '{key}'. Name a field that every row has, or leave the key out to compare whole rows.");
            return spill;
        }
        catch
        {
            spill.Dispose();
            throw;
        }
    }

    private static Side Sorted(byte[] bytes)
    {
        var records = Spill.Records(bytes).Select(r => (BinaryPrimitives.ReadUInt128LittleEndian(bytes.AsSpan(r.Start)), BinaryPrimitives.ReadUInt128LittleEndian(bytes.AsSpan(r.Start + RowAt)), r.Start, r.Length)).ToArray();
        Array.Sort(records);
        return new Side(bytes, records);
    }

    private static void Merge(Side from, Side to, Tally tally)
    {
        var (a, b) = (0, 0);
        while (a < from.Records.Length || b < to.Records.Length)
        {
            var key = b == to.Records.Length || a < from.Records.Length && from.Records[a].Key <= to.Records[b].Key ? from.Records[a].Key : to.Records[b].Key;
            var (endA, endB) = (End(from, a, key), End(to, b, key));
            Group(from, a, endA, to, b, endB, tally);
            (a, b) = (endA, endB);
        }
    }

    private static int End(Side side, int at, UInt128 key)
    {
        while (at < side.Records.Length && side.Records[at].Key == key) at++;
        return at;
    }

    /// <summary>Rows of one key: equal ones are paired first, what is left changed in the order of the files, the rest came or went.</summary>
    private static void Group(Side from, int a, int endA, Side to, int b, int endB, Tally tally)
    {
        if (endA - a > 1 && from.Records[a].Row != from.Records[endA - 1].Row || endB - b > 1 && to.Records[b].Row != to.Records[endB - 1].Row) tally.DuplicateKeys++;
        var (left, right) = (new List<int>(), new List<int>());
        while (a < endA && b < endB)
        {
            var order = from.Records[a].Row.CompareTo(to.Records[b].Row);
            if (order == 0)
            {
                tally.Unchanged++;
                if (from.Bytes[from.Records[a].Start + SplitAt] != to.Bytes[to.Records[b].Start + SplitAt]) tally.Moved++;
                (a, b) = (a + 1, b + 1);
            }
            else if (order < 0) left.Add(a++);
            else right.Add(b++);
        }
        for (; a < endA; a++) left.Add(a);
        for (; b < endB; b++) right.Add(b);
        left.Sort((x, y) => Ordinal(from, x).CompareTo(Ordinal(from, y)));
        right.Sort((x, y) => Ordinal(to, x).CompareTo(Ordinal(to, y)));
        var pairs = Math.Min(left.Count, right.Count);
        for (var i = 0; i < pairs; i++) Change(from, left[i], to, right[i], tally);
        foreach (var i in left.Skip(pairs)) Once(ref tally.Removed, tally.RemovedRows, Ordinal(from, i), -1);
        foreach (var i in right.Skip(pairs)) Once(ref tally.Added, tally.AddedRows, -1, Ordinal(to, i));
    }

    private static void Once(ref long count, Earliest rows, long from, long to)
    {
        count++;
        rows.Add(from, to, []);
    }

    private static long Ordinal(Side side, int record) => BinaryPrimitives.ReadInt64LittleEndian(side.Bytes.AsSpan(side.Records[record].Start + OrdinalAt));

    private static void Change(Side from, int a, Side to, int b, Tally tally)
    {
        var (cellsA, cellsB) = (Cells(from, a), Cells(to, b));
        var fields = cellsA.Where(c => !cellsB.TryGetValue(c.Key, out var other) || other != c.Value).Select(c => (int)c.Key).Concat(cellsB.Keys.Where(k => !cellsA.ContainsKey(k)).Select(k => (int)k)).Order().ToArray();
        tally.Changed++;
        foreach (var field in fields) tally.Fields[field] = tally.Fields.GetValueOrDefault(field) + 1;
        tally.ChangedRows.Add(Ordinal(from, a), Ordinal(to, b), fields);
    }

    private static Dictionary<ushort, ulong> Cells(Side side, int record)
    {
        var (_, _, start, length) = side.Records[record];
        var cells = new Dictionary<ushort, ulong>((length - CellsAt) / CellLength);
        for (var at = start + CellsAt; at < start + length; at += CellLength)
            cells[BinaryPrimitives.ReadUInt16LittleEndian(side.Bytes.AsSpan(at))] = BinaryPrimitives.ReadUInt64LittleEndian(side.Bytes.AsSpan(at + 2));
        return cells;
    }
}

/// <summary>The differences that stand first, a bounded number of them.</summary>
internal sealed class Earliest(int kept)
{
    private readonly PriorityQueue<(long From, long To, int[] Fields), long> _rows = new();

    public void Add(long from, long to, int[] fields)
    {
        var place = to >= 0 ? to : from;
        if (_rows.Count < kept) _rows.Enqueue((from, to, fields), -place);
        else if (kept > 0) _rows.EnqueueDequeue((from, to, fields), -place);
    }

    public IEnumerable<(long From, long To, int[] Fields)> InOrder() => _rows.UnorderedItems.OrderByDescending(r => r.Priority).Select(r => r.Element);
}
