using System.Buffers.Binary;

namespace Pilothouse.Protocols.V1;

/// <summary>
/// Several metric series as bytes, which a browser turns into typed arrays without parsing. Little endian: uint32 number of series; then per series uint32 n,
/// uint64 points before the reduction, n float64 steps, n float64 times (epoch ms), n float64 values.
/// </summary>
public static class SeriesFrame
{
    private const int Header = sizeof(uint);
    private const int SeriesHeader = sizeof(uint) + sizeof(ulong);
    private const int Point = 3 * sizeof(double);

    public static byte[] Write(IReadOnlyList<MetricSeries> series)
    {
        var bytes = new byte[Header + series.Sum(s => SeriesHeader + s.Steps.Count * Point)];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, (uint)series.Count);
        var at = Header;
        foreach (var one in series)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(at), (uint)one.Steps.Count);
            BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(at + sizeof(uint)), (ulong)one.TotalPoints);
            at += SeriesHeader;
            foreach (var step in one.Steps) Real(step);
            foreach (var time in one.TimesMs) Real(time);
            foreach (var value in one.Values) Real(value);
        }
        return bytes;

        void Real(double value)
        {
            BinaryPrimitives.WriteDoubleLittleEndian(bytes.AsSpan(at), value);
            at += sizeof(double);
        }
    }

    /// <param name="bytes">What <see cref="Write"/> made.</param>
    /// <param name="runIds">The runs asked for, in order.</param>
    /// <param name="key">The metric asked for.</param>
    /// <exception cref="ProtocolFormatException">The lengths do not fit the bytes, or there is another number of series.</exception>
    public static IReadOnlyList<MetricSeries> Read(ReadOnlySpan<byte> bytes, IReadOnlyList<string> runIds, string key)
    {
        if (bytes.Length < Header || BinaryPrimitives.ReadUInt32LittleEndian(bytes) != runIds.Count)
            throw new ProtocolFormatException($"The answer does not hold the {runIds.Count} series that were asked for.");
        var result = new List<MetricSeries>(runIds.Count);
        var rest = bytes[Header..];
        foreach (var run in runIds)
        {
            if (rest.Length < SeriesHeader) throw new ProtocolFormatException("The series end too early.");
            var count = BinaryPrimitives.ReadUInt32LittleEndian(rest);
            var total = BinaryPrimitives.ReadUInt64LittleEndian(rest[sizeof(uint)..]);
            rest = rest[SeriesHeader..];
            if (count > (uint)(rest.Length / Point)) throw new ProtocolFormatException("The series end too early.");
            var n = (int)count;
            result.Add(new MetricSeries(run, key, (long)total, [.. Reals(rest, n).Select(s => (long)s)], [.. Reals(rest[(n * 8)..], n).Select(t => (long)t)], Reals(rest[(n * 16)..], n)));
            rest = rest[(n * Point)..];
        }
        return result;
    }

    private static double[] Reals(ReadOnlySpan<byte> bytes, int count)
    {
        var values = new double[count];
        for (var i = 0; i < count; i++) values[i] = BinaryPrimitives.ReadDoubleLittleEndian(bytes[(i * sizeof(double))..]);
        return values;
    }
}
