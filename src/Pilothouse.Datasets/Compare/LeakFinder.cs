using System.Buffers.Binary;
using Pilothouse.Datasets.Profiles;
using Pilothouse.Protocols;
using Pilothouse.Protocols.V1;

namespace Pilothouse.Datasets.Compare;

/// <summary>Rows that stand in more than one split: what a model has trained on says nothing in its test.</summary>
public static class LeakFinder
{
    /// <param name="fields">Fields that make rows the same, such as the prompt alone; empty = all fields.</param>
    /// <param name="kept">Pairs that are kept.</param>
    /// <returns>How many, by pairs of splits; and the places of the first.</returns>
    public static (IReadOnlyList<SplitLeak> Leaks, IReadOnlyList<(long First, long Second)> Pairs) Find(IReadOnlyList<DataFile> files, IReadOnlyList<string> fields, int kept, string temporary, CancellationToken ct)
    {
        var hasher = new RowHasher();
        var splits = new List<string>();
        using var spill = new Spill(temporary);
        var rest = new byte[9];
        var any = fields.Count == 0;
        foreach (var (row, file, ordinal) in DataFiles.Rows(files, ct))
        {
            if (file.Split is null) continue;
            var digest = fields.Count == 0 ? hasher.Row(row) : hasher.Row(row, fields);
            if (digest == UInt128.Zero) continue; // it has none of the fields
            any = true;
            rest[0] = DataFiles.Number(splits, file.Split);
            BinaryPrimitives.WriteInt64LittleEndian(rest.AsSpan(1), ordinal);
            spill.Add(digest, rest);
        }
        if (!any) throw new ProtocolFormatException($"No row has {string.Join(" or ", fields.Select(f => $"'{f}'"))}.");
        var counts = new Dictionary<(int, int), long>();
        var pairs = new Earliest(kept);
        for (var part = 0; part < Spill.Parts; part++)
        {
            ct.ThrowIfCancellationRequested();
            var bytes = spill.Part(part);
            foreach (var same in Spill.Records(bytes).GroupBy(r => BinaryPrimitives.ReadUInt128LittleEndian(bytes.AsSpan(r.Start))).Where(g => g.Count() > 1))
            {
                var first = same.Select(r => (Split: (int)bytes[r.Start + 16], Ordinal: BinaryPrimitives.ReadInt64LittleEndian(bytes.AsSpan(r.Start + 17))))
                    .GroupBy(r => r.Split).Select(g => (g.Key, Ordinal: g.Min(r => r.Ordinal))).OrderBy(g => g.Key).ToList();
                for (var a = 0; a < first.Count; a++)
                    for (var b = a + 1; b < first.Count; b++)
                    {
                        counts[(first[a].Key, first[b].Key)] = counts.GetValueOrDefault((first[a].Key, first[b].Key)) + 1;
                        pairs.Add(first[a].Ordinal, first[b].Ordinal, []);
                    }
            }
        }
        return ([.. counts.OrderByDescending(c => c.Value).Select(c => DatasetProfiler.Leak(splits[c.Key.Item1 - 1], splits[c.Key.Item2 - 1], c.Value))], [.. pairs.InOrder().Select(p => (p.From, p.To))]);
    }
}
