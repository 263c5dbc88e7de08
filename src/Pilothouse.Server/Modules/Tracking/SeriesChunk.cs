using System.Buffers.Binary;

namespace Pilothouse.Server.Modules.Tracking;

/// <summary>A point of a series; the value may be NaN.</summary>
internal readonly record struct SeriesPoint(long Step, long TimeMs, double Value);

/// <summary>What a chart needs of some neighbouring points: their first, lowest and highest, and the ranges they span.</summary>
/// <param name="LastMs">Time of the last point; the first one's is <c>First.TimeMs</c>.</param>
internal readonly record struct SeriesChunk(int Count, long MinStep, long MaxStep, long LastMs, SeriesPoint First, SeriesPoint Low, SeriesPoint High)
{
    /// <summary>Points of a whole chunk.</summary>
    public const int Size = 1024;

    /// <summary>Bytes of one chunk: thirteen 64-bit numbers, little endian.</summary>
    public const int Bytes = 13 * sizeof(long);

    /// <summary>The points a chart draws for it, without repeats.</summary>
    public IEnumerable<SeriesPoint> Points
    {
        get
        {
            yield return First;
            if (Low != First) yield return Low;
            if (High != First && High != Low) yield return High;
        }
    }

    public static byte[] Encode(IReadOnlyList<SeriesChunk> chunks)
    {
        var bytes = new byte[chunks.Count * Bytes];
        for (var i = 0; i < chunks.Count; i++) chunks[i].Write(bytes.AsSpan(i * Bytes, Bytes));
        return bytes;
    }

    public static IEnumerable<SeriesChunk> Decode(byte[] bytes)
    {
        for (var at = 0; at + Bytes <= bytes.Length; at += Bytes) yield return Read(bytes.AsSpan(at, Bytes));
    }

    private void Write(Span<byte> bytes)
    {
        ReadOnlySpan<long> numbers =
        [
            Count, MinStep, MaxStep, LastMs, First.Step, First.TimeMs, BitConverter.DoubleToInt64Bits(First.Value),
            Low.Step, Low.TimeMs, BitConverter.DoubleToInt64Bits(Low.Value), High.Step, High.TimeMs, BitConverter.DoubleToInt64Bits(High.Value),
        ];
        for (var i = 0; i < numbers.Length; i++) BinaryPrimitives.WriteInt64LittleEndian(bytes[(i * sizeof(long))..], numbers[i]);
    }

    private static SeriesChunk Read(ReadOnlySpan<byte> bytes)
    {
        Span<long> n = stackalloc long[Bytes / sizeof(long)];
        for (var i = 0; i < n.Length; i++) n[i] = BinaryPrimitives.ReadInt64LittleEndian(bytes[(i * sizeof(long))..]);
        return new SeriesChunk((int)n[0], n[1], n[2], n[3], Point(n[4..7]), Point(n[7..10]), Point(n[10..13]));
    }

    private static SeriesPoint Point(ReadOnlySpan<long> n) => new(n[0], n[1], BitConverter.Int64BitsToDouble(n[2]));
}

/// <summary>Makes chunks of points that come in the order of the history.</summary>
internal sealed class SeriesChunker
{
    private readonly List<SeriesChunk> _done = [];
    private SeriesChunk _open;

    /// <summary>The whole chunks so far.</summary>
    public IReadOnlyList<SeriesChunk> Whole => _done;

    /// <summary>The whole chunks and the begun one.</summary>
    public IEnumerable<SeriesChunk> All => _open.Count == 0 ? _done : _done.Append(_open);

    /// <returns>True when this point completed a chunk.</returns>
    public bool Add(SeriesPoint point)
    {
        _open = _open.Count == 0 ? new SeriesChunk(1, point.Step, point.Step, point.TimeMs, point, point, point) : new SeriesChunk(_open.Count + 1,
            Math.Min(_open.MinStep, point.Step), Math.Max(_open.MaxStep, point.Step), point.TimeMs, _open.First,
            Outdoes(_open.Low.Value <= point.Value, point) ? point : _open.Low, Outdoes(_open.High.Value >= point.Value, point) ? point : _open.High);
        if (_open.Count < SeriesChunk.Size) return false;
        _done.Add(_open);
        _open = default;
        return true;
    }

    /// <summary>NaN counts only where there is nothing else: it holds against no number, and takes no number's place.</summary>
    private static bool Outdoes(bool holds, SeriesPoint point) => !holds && !double.IsNaN(point.Value);
}
