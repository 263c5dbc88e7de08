using System.Buffers.Binary;
using Pilothouse.Protocols;

namespace Pilothouse.Datasets;

/// <summary>
/// Draws rows without replacement: those whose place has the smallest hashes under the seed. Stratified, each stratum gives its share, to a row (largest remainders).
/// </summary>
public static class RowSampler
{
    /// <summary>Rows of one sample.</summary>
    public const int MaxRows = 5_000_000;

    private const int MaxStrata = 10_000;

    /// <returns>Places of the rows, ascending.</returns>
    /// <exception cref="ProtocolFormatException">There are fewer rows, or one lacks the field of the strata.</exception>
    public static long[] Draw(IReadOnlyList<DataFile> files, long rows, string? stratify, ulong seed, CancellationToken ct)
    {
        if (rows is < 1 or > MaxRows) throw new ProtocolFormatException($"A sample has 1 to {MaxRows} rows.");
        var counts = new SortedDictionary<string, long>(StringComparer.Ordinal);
        foreach (var placed in DataFiles.Rows(files, ct))
        {
            var stratum = Stratum(placed, stratify);
            if (!counts.ContainsKey(stratum) && counts.Count == MaxStrata) throw new ProtocolFormatException($"'{stratify}' has more than {MaxStrata} different values: it is text, not a label.");
            counts[stratum] = counts.GetValueOrDefault(stratum) + 1;
        }
        var total = counts.Values.Sum();
        if (total < rows) throw new ProtocolFormatException($"There are {total} rows, fewer than the {rows} that the sample asks for.");
        var heaps = Quotas(counts, rows, total).ToDictionary(q => q.Key, q => (Quota: q.Value, Heap: new PriorityQueue<long, ulong>(Comparer<ulong>.Create((a, b) => b.CompareTo(a)))), StringComparer.Ordinal);
        Span<byte> place = stackalloc byte[8];
        foreach (var placed in DataFiles.Rows(files, ct))
        {
            var (quota, heap) = heaps[Stratum(placed, stratify)];
            if (quota == 0) continue;
            BinaryPrimitives.WriteInt64LittleEndian(place, placed.Ordinal);
            var hash = RowHasher.Uniform(seed, place);
            if (heap.Count < quota) heap.Enqueue(placed.Ordinal, hash);
            else heap.EnqueueDequeue(placed.Ordinal, hash);
        }
        return [.. heaps.Values.SelectMany(h => h.Heap.UnorderedItems.Select(i => i.Element)).Order()];
    }

    private static string Stratum(PlacedRow placed, string? stratify) => stratify is null ? "" : placed.Row.Text(stratify) ?? throw RowReader.Fault(placed.File.Path, placed.Row.Line, $"the row has no '{stratify}', by which the sample is stratified.");

    private static Dictionary<string, int> Quotas(SortedDictionary<string, long> counts, long rows, long total)
    {
        var exact = counts.Select(c => (c.Key, Share: (double)c.Value * rows / total)).ToList();
        var quotas = exact.ToDictionary(e => e.Key, e => (int)Math.Floor(e.Share), StringComparer.Ordinal);
        foreach (var (key, _) in exact.OrderByDescending(e => e.Share - Math.Floor(e.Share)).ThenBy(e => e.Key, StringComparer.Ordinal).Take((int)(rows - quotas.Values.Sum(q => (long)q)))) quotas[key]++;
        return quotas;
    }
}
