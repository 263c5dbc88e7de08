using System.Numerics;
using Pilothouse.Protocols;
using Pilothouse.Protocols.Parquet;

namespace Pilothouse.Datasets.Parquet;

/// <summary>Goes over the entries of one column of one row group, page by page; only one page is held.</summary>
internal sealed class ParquetColumn(Stream content, ParquetNode leaf, ParquetChunk chunk, ParquetBudget budget)
{
    /// <summary>Bytes of a page, packed or unpacked.</summary>
    public const int MaxPage = 256 * 1024 * 1024;

    /// <summary>Entries of one page.</summary>
    public const int MaxValues = 1 << 26;

    private const int DataPage = 0, IndexPage = 1, DictionaryPage = 2, DataPageV2 = 3;
    private const int PlainDictionary = 2, BitPackedLevels = 4, RleDictionary = 8;

    private readonly byte[] _head = new byte[4096];
    private readonly long _end = chunk.Start + Math.Min(chunk.CompressedSize, content.Length - chunk.Start);
    private long _next = chunk.Start;
    private long _left = chunk.Values;
    private long _held;
    private ParquetValues? _dictionary;
    private ParquetValues _values = null!;
    private int[]? _indices, _definitions, _repetitions;
    private int _count, _at, _value;

    /// <summary>Definition level of the current entry.</summary>
    public int Definition => _definitions?[_at] ?? leaf.Definition;

    public int Repetition => _repetitions?[_at] ?? 0;

    /// <summary>The current entry has a value, and this is its place in <see cref="Values"/>.</summary>
    public int Value => _indices is { } indices ? Checked(indices[_value]) : _value;

    public ParquetValues Values => _indices is null ? _values : _dictionary!;

    /// <summary>Makes sure that there is a current entry.</summary>
    /// <returns>False at the end of the column.</returns>
    public bool Ready()
    {
        while (_at >= _count)
        {
            if (_left <= 0) return false;
            NextPage();
        }
        return true;
    }

    /// <exception cref="ProtocolFormatException">The column ends before its row group.</exception>
    public void Require()
    {
        if (!Ready()) throw new ProtocolFormatException($"The Parquet column '{leaf.Path}' has fewer values than its row group has rows.");
    }

    public void Advance()
    {
        if (Definition == leaf.Definition) _value++;
        _at++;
    }

    private int Checked(int index) => index >= 0 && index < Math.Max(_dictionary!.Numbers.Length, _dictionary.Slices.Length) ? index : throw ByteCursor.Fault();

    private void NextPage()
    {
        var page = Header();
        var packed = new byte[page.CompressedSize];
        content.Position = _next + page.HeaderLength;
        content.ReadExactly(packed);
        _next += page.HeaderLength + packed.Length;
        if (page.Type == IndexPage) return;
        if (page.Values > MaxValues || page.Type != DictionaryPage && page.Values > _left) throw new ProtocolFormatException($"A page of the Parquet column '{leaf.Path}' claims {page.Values} values.");
        if (page.Type == DictionaryPage)
        {
            var bytes = ParquetCodec.Unpack(chunk.Codec, packed, page.UncompressedSize);
            budget.Take(bytes.Length + page.Values * 8L);
            var cursor = new ByteCursor(bytes, 0, bytes.Length);
            _dictionary = ParquetValues.Read(ref cursor, chunk.Type, leaf.Element.TypeLength, page.Encoding is PlainDictionary ? 0 : page.Encoding, page.Values);
            return;
        }
        budget.Take(page.UncompressedSize + page.Values * 16L - _held);
        _held = page.UncompressedSize + page.Values * 16L;
        (_count, _at, _value) = (page.Values, 0, 0);
        _left -= page.Values;
        var at = page.Type == DataPageV2 ? LevelsV2(page, packed) : Levels(page, ParquetCodec.Unpack(chunk.Codec, packed, page.UncompressedSize));
        var present = _definitions is null ? _count : _definitions.Count(d => d == leaf.Definition);
        if (page.Encoding is PlainDictionary or RleDictionary)
        {
            if (_dictionary is null) throw new ProtocolFormatException($"The Parquet column '{leaf.Path}' has no dictionary for its values.");
            _indices = present == 0 ? [] : ParquetRuns.Hybrid(ref at, at.Byte(), present);
            return;
        }
        _indices = null;
        _values = ParquetValues.Read(ref at, chunk.Type, leaf.Element.TypeLength, page.Encoding, present);
    }

    private ParquetPage Header()
    {
        if (_next >= _end) throw new ProtocolFormatException($"The Parquet column '{leaf.Path}' ends before its values do.");
        for (var length = _head.Length; ; length = ParquetPage.MaxHeader)
        {
            var head = length == _head.Length ? _head : new byte[length];
            content.Position = _next;
            var read = content.ReadAtLeast(head, (int)Math.Min(head.Length, _end - _next), throwOnEndOfStream: false);
            ParquetPage page;
            try
            {
                page = ParquetPage.Parse(head.AsSpan(0, read));
            }
            catch (ProtocolFormatException) when (length < ParquetPage.MaxHeader && read == head.Length)
            {
                continue; // long statistics
            }
            if (_next + page.HeaderLength + page.CompressedSize > _end) throw new ProtocolFormatException($"A page of the Parquet column '{leaf.Path}' ends beyond its column.");
            if (page.UncompressedSize > MaxPage || page.CompressedSize > MaxPage) throw new ProtocolFormatException($"A page of the Parquet column '{leaf.Path}' has more than {MaxPage} bytes.");
            return page;
        }
    }

    private ByteCursor Levels(ParquetPage page, byte[] bytes)
    {
        var at = new ByteCursor(bytes, 0, bytes.Length);
        _repetitions = Levels(ref at, leaf.Repetition, page.RepetitionEncoding);
        _definitions = Levels(ref at, leaf.Definition, page.DefinitionEncoding);
        return at;
    }

    private int[]? Levels(ref ByteCursor at, int max, int encoding)
    {
        if (max == 0) return null;
        var width = BitOperations.Log2((uint)max) + 1;
        if (encoding == BitPackedLevels) return Bounded(ParquetRuns.BitPacked(ref at, width, _count), max);
        var length = at.Int32();
        var start = at.Take(length);
        var inner = new ByteCursor(at.Bytes, start, start + length);
        return Bounded(ParquetRuns.Hybrid(ref inner, width, _count), max);
    }

    /// <summary>Version 2 keeps the levels outside of the compression, and without their length before them.</summary>
    private ByteCursor LevelsV2(ParquetPage page, byte[] packed)
    {
        var levels = (long)page.RepetitionLength + page.DefinitionLength;
        if (levels > packed.Length || levels > page.UncompressedSize) throw ByteCursor.Fault();
        var at = new ByteCursor(packed, 0, page.RepetitionLength);
        _repetitions = leaf.Repetition == 0 ? null : Bounded(ParquetRuns.Hybrid(ref at, BitOperations.Log2((uint)leaf.Repetition) + 1, _count), leaf.Repetition);
        at = new ByteCursor(packed, page.RepetitionLength, (int)levels);
        _definitions = leaf.Definition == 0 ? null : Bounded(ParquetRuns.Hybrid(ref at, BitOperations.Log2((uint)leaf.Definition) + 1, _count), leaf.Definition);
        var values = packed.AsSpan((int)levels);
        // A page of nulls alone has nothing to unpack, not even an empty frame.
        var bytes = values.Length == 0 ? [] : ParquetCodec.Unpack(page.IsCompressed ? chunk.Codec : 0, values, page.UncompressedSize - (int)levels);
        return new ByteCursor(bytes, 0, bytes.Length);
    }

    private static int[] Bounded(int[] levels, int max) => levels.AsSpan().ContainsAnyExceptInRange(0, max) ? throw ByteCursor.Fault() : levels;
}

/// <summary>Bytes that the pages of all columns may hold at once: a file of a thousand columns must not claim a thousand large pages.</summary>
internal sealed class ParquetBudget(long bytes)
{
    public void Take(long count)
    {
        bytes -= count;
        if (bytes < 0) throw new ProtocolFormatException("The pages of the Parquet file are too large to be held together. Write it with smaller pages or row groups.");
    }
}
