namespace Pilothouse.Datasets.Parquet;

/// <summary>The run-length and bit-packing hybrid, and delta encoding. See <see href="https://github.com/apache/parquet-format/blob/master/Encodings.md"/>.</summary>
internal static class ParquetRuns
{
    private const int MaxBlock = 1 << 20;

    /// <summary>Levels, indices into a dictionary, booleans.</summary>
    public static int[] Hybrid(ref ByteCursor at, int width, int count)
    {
        if (width is < 0 or > 32) throw ByteCursor.Fault();
        var values = new int[count];
        if (width == 0) return values;
        for (var i = 0; i < count;)
        {
            var head = at.Varint();
            if ((head & 1) == 0)
            {
                var run = head >> 1;
                var value = 0;
                for (var shift = 0; shift < width; shift += 8) value |= at.Byte() << shift;
                if (run == 0) throw ByteCursor.Fault(); // would go round for ever
                var length = (int)Math.Min(run, (ulong)(count - i));
                values.AsSpan(i, length).Fill(value);
                i += length;
                continue;
            }
            var groups = head >> 1;
            if (groups == 0 || groups > (ulong)int.MaxValue / 32) throw ByteCursor.Fault();
            // The last group may be cut short by a writer that saves its padding.
            var bytes = (int)Math.Min(groups * (ulong)width, (ulong)at.Left);
            var take = Math.Min((int)Math.Min(groups * 8, int.MaxValue), count - i);
            if ((long)take * width > bytes * 8L) throw ByteCursor.Fault();
            var start = at.Take(bytes);
            for (var k = 0; k < take; k++) values[i + k] = (int)Bits(at.Bytes, start, (long)k * width, width);
            i += take;
        }
        return values;
    }

    /// <summary>Deprecated levels: most significant bit first.</summary>
    public static int[] BitPacked(ref ByteCursor at, int width, int count)
    {
        var start = at.Take((int)(((long)width * count + 7) / 8));
        var values = new int[count];
        for (var i = 0; i < count; i++)
            for (var b = 0; b < width; b++)
            {
                var bit = (long)i * width + b;
                values[i] = values[i] << 1 | at.Bytes[start + (int)(bit >> 3)] >> (7 - (int)(bit & 7)) & 1;
            }
        return values;
    }

    /// <summary>DELTA_BINARY_PACKED.</summary>
    /// <param name="expected">Values that there may be at most.</param>
    public static long[] Delta(ref ByteCursor at, int expected)
    {
        var block = at.Count(MaxBlock);
        var miniblocks = at.Count(MaxBlock);
        var total = at.Count(expected);
        var value = at.ZigZag();
        if (block == 0 || miniblocks == 0 || block % miniblocks != 0) throw ByteCursor.Fault();
        var size = block / miniblocks;
        if (size % 8 != 0) throw ByteCursor.Fault();
        var values = new long[total];
        if (total > 0) values[0] = value;
        var widths = new int[miniblocks];
        for (var i = 1; i < total;)
        {
            var least = at.ZigZag();
            for (var m = 0; m < miniblocks; m++) widths[m] = at.Byte();
            for (var m = 0; m < miniblocks && i < total; m++)
            {
                if (widths[m] > 64) throw ByteCursor.Fault();
                var start = at.Take(size / 8 * widths[m]);
                for (var k = 0; k < size && i < total; k++)
                {
                    value = unchecked(value + least + (long)Bits(at.Bytes, start, (long)k * widths[m], widths[m]));
                    values[i++] = value;
                }
            }
        }
        return values;
    }

    private static ulong Bits(byte[] bytes, int start, long bit, int width)
    {
        var (at, shift, value) = (start + (int)(bit >> 3), (int)(bit & 7), 0UL);
        for (var have = -shift; have < width; have += 8, at++)
            value |= have < 0 ? (ulong)bytes[at] >> -have : (ulong)bytes[at] << have;
        return width == 64 ? value : value & ((1UL << width) - 1);
    }
}
