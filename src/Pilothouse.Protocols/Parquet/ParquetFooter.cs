using System.Buffers.Binary;

namespace Pilothouse.Protocols.Parquet;

/// <summary>One element of a Parquet schema, in depth-first order; a group has children.</summary>
/// <param name="Type">Physical type, 0 to 7 (BOOLEAN, INT32, INT64, INT96, FLOAT, DOUBLE, BYTE_ARRAY, FIXED_LEN_BYTE_ARRAY); null for a group.</param>
/// <param name="Repetition">0 required, 1 optional, 2 repeated.</param>
/// <param name="Converted">ConvertedType; null = none.</param>
/// <param name="Logical">Id of the logical type in its union; null = none.</param>
public sealed record ParquetElement(string Name, int? Type, int? TypeLength, int? Repetition, int Children, int? Converted, int? Scale, int? Precision, int? Logical)
{
    /// <summary>Of a logical TIME or TIMESTAMP: 1 milliseconds, 2 microseconds, 3 nanoseconds; null = not said.</summary>
    public int? Unit { get; init; }
}

/// <summary>The values of one column in one row group.</summary>
public sealed record ParquetChunk(int Type, IReadOnlyList<int> Encodings, IReadOnlyList<string> Path, int Codec, long Values, long UncompressedSize, long CompressedSize, long DataPage, long? DictionaryPage)
{
    /// <summary>Byte of the file its first page begins at.</summary>
    public long Start => DictionaryPage is > 0 and var at && at < DataPage ? at : DataPage;
}

public sealed record ParquetRowGroup(IReadOnlyList<ParquetChunk> Columns, long Rows);

/// <summary>
/// The metadata at the end of a Parquet file, read without trusting it. See
/// <see href="https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift"/>.
/// </summary>
public sealed record ParquetFooter(IReadOnlyList<ParquetElement> Schema, long Rows, IReadOnlyList<ParquetRowGroup> Groups, string CreatedBy)
{
    /// <summary>Bytes of the metadata; a file of 1,000 columns and 1,000 row groups has about 100 MB, which a preview does not read.</summary>
    public const int MaxLength = 16 * 1024 * 1024;

    public const int MaxColumns = 10_000;

    private const int MaxText = 64 * 1024;
    private const int MaxEncodings = 64;
    private const int MaxPath = 64;
    private const int TimeType = 7, TimestampType = 8;

    private static ReadOnlySpan<byte> Magic => "PAR1"u8;

    /// <summary>Reads the metadata of a whole file.</summary>
    /// <param name="stream">Seekable and of known length.</param>
    /// <exception cref="ProtocolFormatException">Not a Parquet file, a damaged one, or beyond a bound.</exception>
    public static async Task<ParquetFooter> ReadAsync(Stream stream, CancellationToken ct)
    {
        var tail = Tail(stream);
        await stream.ReadExactlyAsync(tail, ct).ConfigureAwait(false);
        var bytes = Metadata(stream, tail);
        await stream.ReadExactlyAsync(bytes, ct).ConfigureAwait(false);
        return Parse(bytes, stream.Length);
    }

    /// <summary>As <see cref="ReadAsync"/>.</summary>
    public static ParquetFooter Read(Stream stream)
    {
        var tail = Tail(stream);
        stream.ReadExactly(tail);
        var bytes = Metadata(stream, tail);
        stream.ReadExactly(bytes);
        return Parse(bytes, stream.Length);
    }

    /// <summary>The last bytes: length of the metadata, and the magic word.</summary>
    private static byte[] Tail(Stream stream)
    {
        if (stream.Length < 12) throw new ProtocolFormatException("The file is too short for a Parquet file.");
        stream.Position = stream.Length - 8;
        return new byte[8];
    }

    private static byte[] Metadata(Stream stream, byte[] tail)
    {
        if (!tail.AsSpan(4).SequenceEqual(Magic)) throw new ProtocolFormatException(tail.AsSpan(4).SequenceEqual("PARE"u8) ? "The Parquet file is encrypted." : "The file does not end as a Parquet file does: it is truncated.");
        var length = BinaryPrimitives.ReadUInt32LittleEndian(tail);
        if (length > stream.Length - 12) throw new ProtocolFormatException($"The Parquet metadata claims {length} bytes, the file has {stream.Length}.");
        if (length > MaxLength) throw new ProtocolFormatException($"The Parquet metadata has {length} bytes, more than {MaxLength} are not read.");
        stream.Position = stream.Length - 8 - length;
        return new byte[length];
    }

    /// <param name="fileLength">Pages must lie before this.</param>
    internal static ParquetFooter Parse(ReadOnlySpan<byte> bytes, long fileLength)
    {
        var thrift = new CompactThrift(bytes);
        var (schema, groups, rows, createdBy) = (new List<ParquetElement>(), new List<ParquetRowGroup>(), 0L, "");
        for (var id = 0; thrift.Field(ref id, out var type);)
        {
            switch (id)
            {
                case 2:
                    var elements = thrift.ListOf(type, CompactThrift.Struct);
                    if (elements > MaxColumns) throw new ProtocolFormatException($"The Parquet schema has {elements} elements, more than {MaxColumns}.");
                    for (var i = 0; i < elements; i++) schema.Add(Element(ref thrift));
                    break;
                case 3: rows = thrift.Integer(type); break;
                case 4:
                    for (var left = thrift.ListOf(type, CompactThrift.Struct); left > 0; left--) groups.Add(Group(ref thrift, fileLength));
                    break;
                case 6: createdBy = thrift.Text(type, MaxText); break;
                default: thrift.Skip(type); break;
            }
        }
        if (schema.Count == 0 || rows < 0) throw new ProtocolFormatException("The Parquet metadata has no schema, or less than no rows.");
        CheckTree(schema);
        return new ParquetFooter(schema, rows, groups, createdBy);
    }

    /// <summary>The counts of children must make one tree of exactly these elements.</summary>
    private static void CheckTree(List<ParquetElement> schema)
    {
        var open = new Stack<int>();
        for (var i = 0; i < schema.Count; i++)
        {
            if (i > 0)
            {
                while (open.Count > 0 && open.Peek() == 0) open.Pop();
                if (open.Count == 0) throw new ProtocolFormatException("The Parquet schema is not one tree.");
                open.Push(open.Pop() - 1);
            }
            if (schema[i].Children < 0 || schema[i].Children > schema.Count || (i > 0 && schema[i].Children == 0 && schema[i].Type is null)) throw new ProtocolFormatException("An element of the Parquet schema has neither a type nor children.");
            if (schema[i].Children > 0) open.Push(schema[i].Children);
            if (open.Count > MaxPath) throw new ProtocolFormatException($"The Parquet schema is nested deeper than {MaxPath}.");
        }
        while (open.Count > 0 && open.Peek() == 0) open.Pop();
        if (open.Count > 0) throw new ProtocolFormatException("The Parquet schema lacks elements.");
    }

    private static ParquetElement Element(ref CompactThrift thrift)
    {
        var (name, children) = ("", 0);
        int? kind = null, length = null, repetition = null, converted = null, scale = null, precision = null, logical = null, unit = null;
        for (var id = 0; thrift.Field(ref id, out var type);)
        {
            switch (id)
            {
                case 1: kind = Within(thrift.Int32(type), 0, 7, "type"); break;
                case 2: length = Within(thrift.Int32(type), 0, 1 << 20, "type length"); break;
                case 3: repetition = Within(thrift.Int32(type), 0, 2, "repetition"); break;
                case 4: name = thrift.Text(type, MaxText); break;
                case 5: children = thrift.Int32(type); break;
                case 6: converted = Within(thrift.Int32(type), 0, 21, "converted type"); break;
                case 7: scale = Within(thrift.Int32(type), 0, 1000, "scale"); break;
                case 8: precision = Within(thrift.Int32(type), 0, 1000, "precision"); break;
                case 10 when type == CompactThrift.Struct:
                    for (var inner = 0; thrift.Field(ref inner, out var of);)
                    {
                        logical = inner;
                        if (inner is TimeType or TimestampType && of == CompactThrift.Struct) unit = UnitOf(ref thrift);
                        else thrift.Skip(of);
                    }
                    break;
                default: thrift.Skip(type); break;
            }
        }
        return new ParquetElement(name, children > 0 ? null : kind, length, repetition, children, converted, scale, precision, logical) { Unit = unit };
    }

    /// <summary>1: isAdjustedToUTC, 2: a union whose member is the unit.</summary>
    private static int? UnitOf(ref CompactThrift thrift)
    {
        int? unit = null;
        for (var id = 0; thrift.Field(ref id, out var type);)
        {
            if (id != 2 || type != CompactThrift.Struct)
            {
                thrift.Skip(type);
                continue;
            }
            for (var member = 0; thrift.Field(ref member, out var of);)
            {
                unit = member;
                thrift.Skip(of);
            }
        }
        return unit;
    }

    private static ParquetRowGroup Group(ref CompactThrift thrift, long fileLength)
    {
        var (columns, rows) = (new List<ParquetChunk>(), 0L);
        for (var id = 0; thrift.Field(ref id, out var type);)
        {
            if (id == 1)
            {
                for (var left = thrift.ListOf(type, CompactThrift.Struct); left > 0; left--)
                    if (Column(ref thrift, fileLength) is { } column) columns.Add(column);
            }
            else if (id == 3) rows = thrift.Integer(type);
            else thrift.Skip(type);
        }
        return rows >= 0 && columns.Count <= MaxColumns ? new ParquetRowGroup(columns, rows) : throw new ProtocolFormatException("A Parquet row group has less than no rows, or too many columns.");
    }

    /// <returns>Null for a column in another file, or encrypted.</returns>
    private static ParquetChunk? Column(ref CompactThrift thrift, long fileLength)
    {
        ParquetChunk? chunk = null;
        for (var id = 0; thrift.Field(ref id, out var type);)
        {
            if (id == 3 && type == CompactThrift.Struct) chunk = Meta(ref thrift, fileLength);
            else thrift.Skip(type);
        }
        return chunk;
    }

    private static ParquetChunk Meta(ref CompactThrift thrift, long fileLength)
    {
        var (kind, codec, values, raw, packed, data) = (0, 0, 0L, 0L, 0L, -1L);
        long? dictionary = null;
        var (encodings, path) = (new List<int>(), new List<string>());
        for (var id = 0; thrift.Field(ref id, out var type);)
        {
            switch (id)
            {
                case 1: kind = Within(thrift.Int32(type), 0, 7, "type"); break;
                case 2:
                    var count = thrift.ListOf(type, CompactThrift.I32);
                    if (count > MaxEncodings) throw new ProtocolFormatException($"A Parquet column has {count} encodings.");
                    for (var i = 0; i < count; i++) encodings.Add(Within(thrift.Int32(CompactThrift.I32), 0, 100, "encoding"));
                    break;
                case 3:
                    var parts = thrift.ListOf(type, CompactThrift.Binary);
                    if (parts > MaxPath) throw new ProtocolFormatException($"The path of a Parquet column has {parts} parts.");
                    for (var i = 0; i < parts; i++) path.Add(thrift.Text(CompactThrift.Binary, MaxText));
                    break;
                case 4: codec = Within(thrift.Int32(type), 0, 7, "codec"); break;
                case 5: values = thrift.Integer(type); break;
                case 6: raw = thrift.Integer(type); break;
                case 7: packed = thrift.Integer(type); break;
                case 9: data = thrift.Integer(type); break;
                case 11: dictionary = thrift.Integer(type); break;
                default: thrift.Skip(type); break;
            }
        }
        if (values < 0 || packed < 0 || raw < 0 || data < 0 || data > fileLength || dictionary > fileLength) throw new ProtocolFormatException($"The Parquet column '{string.Join('.', path)}' lies outside of the file.");
        return new ParquetChunk(kind, encodings, path, codec, values, raw, packed, data, dictionary is > 0 ? dictionary : null);
    }

    private static int Within(int value, int low, int high, string what) => value >= low && value <= high ? value : throw new ProtocolFormatException($"The Parquet metadata has a {what} of {value}.");
}
