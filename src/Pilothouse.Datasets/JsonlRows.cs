namespace Pilothouse.Datasets;

/// <summary>One JSON object a line; empty lines are skipped.</summary>
internal static class JsonlRows
{
    private const int Chunk = 128 * 1024;

    private static ReadOnlySpan<byte> ByteOrderMark => [0xEF, 0xBB, 0xBF];

    public static IEnumerable<DataRow> Read(Stream content, string name, long skip, CancellationToken ct)
    {
        var buffer = new byte[Chunk];
        var (start, end, line, ended) = (0, 0, 0L, false);
        while (true)
        {
            var length = buffer.AsSpan(start, end - start).IndexOf((byte)'\n');
            if (length < 0 && !ended)
            {
                if (end - start > RowReader.MaxRowLength) throw RowReader.Fault(name, line + 1, $"the row has more than {RowReader.MaxRowLength} bytes.");
                ct.ThrowIfCancellationRequested();
                (buffer, start, end, ended) = Fill(content, buffer, start, end);
                continue;
            }
            if (length < 0) length = end - start;
            if (length == 0 && start == end && ended) yield break;
            line++;
            var (at, count) = Trim(buffer, start, length, line == 1);
            start = Math.Min(start + length + 1, end);
            if (count > 0)
            {
                if (count > RowReader.MaxRowLength) throw RowReader.Fault(name, line, $"the row has more than {RowReader.MaxRowLength} bytes.");
                if (skip > 0) skip--;
                else yield return new DataRow((int)Math.Min(line, int.MaxValue), RowReader.Fields(buffer.AsSpan(at, count), name, line));
            }
            if (ended && start == end) yield break;
        }
    }

    private static (int At, int Count) Trim(byte[] buffer, int start, int length, bool first)
    {
        var span = buffer.AsSpan(start, length);
        var mark = first && span.StartsWith(ByteOrderMark) ? ByteOrderMark.Length : 0;
        var from = span[mark..].IndexOfAnyExcept(" \t\r"u8);
        return from < 0 ? (start, 0) : (start + mark + from, span.LastIndexOfAnyExcept(" \t\r"u8) + 1 - mark - from);
    }

    private static (byte[] Buffer, int Start, int End, bool Ended) Fill(Stream content, byte[] buffer, int start, int end)
    {
        var held = end - start;
        var target = held * 2 > buffer.Length ? new byte[Math.Max(held * 2, Chunk)] : buffer;
        buffer.AsSpan(start, held).CopyTo(target);
        var read = content.Read(target, held, target.Length - held);
        return (target, 0, held + read, read == 0);
    }
}
