namespace Pilothouse.Protocols.Parquet;

/// <summary>The header of one page of a Parquet column.</summary>
/// <param name="Type">0 data, 1 index, 2 dictionary, 3 data of version 2.</param>
/// <param name="Values">Values in it, nulls included.</param>
/// <param name="HeaderLength">Bytes of the header itself.</param>
public sealed record ParquetPage(int Type, int UncompressedSize, int CompressedSize, int Values, int HeaderLength)
{
    /// <summary>Bytes that a header may have; statistics of long texts make it grow.</summary>
    public const int MaxHeader = 64 * 1024;

    /// <param name="bytes">Begin at the header; longer than it.</param>
    /// <exception cref="ProtocolFormatException">Not a page, or its sizes cannot be.</exception>
    public static ParquetPage Parse(ReadOnlySpan<byte> bytes)
    {
        var thrift = new CompactThrift(bytes);
        var (kind, raw, packed, values) = (-1, -1, -1, 0);
        for (var id = 0; thrift.Field(ref id, out var type);)
        {
            switch (id)
            {
                case 1: kind = thrift.Int32(type); break;
                case 2: raw = thrift.Int32(type); break;
                case 3: packed = thrift.Int32(type); break;
                case 4: thrift.Int32(type); break; // CRC
                case 5 or 7 or 8 when type == CompactThrift.Struct: values = CountOf(ref thrift, id); break;
                case 5 or 7 or 8: throw new ProtocolFormatException("A Parquet page's header is damaged.");
                default: thrift.Skip(type); break;
            }
        }
        if (kind is < 0 or > 3 || raw < 0 || packed < 0 || values < 0) throw new ProtocolFormatException("A Parquet page claims a size or count that cannot be.");
        return new ParquetPage(kind, raw, packed, values, thrift.Position);
    }

    /// <summary>Fields of a data (5), dictionary (7) or version 2 data header (8): the first is the count, the rest are numbers, flags and statistics.</summary>
    private static int CountOf(ref CompactThrift thrift, int header)
    {
        var values = -1;
        for (var id = 0; thrift.Field(ref id, out var type);)
        {
            if (id == 1) values = thrift.Int32(type);
            else if (type == CompactThrift.Struct) thrift.Skip(type);
            else if (type is CompactThrift.True or CompactThrift.False) thrift.Boolean(type);
            else if (thrift.Int32(type) < 0 && header == 8 && id is 5 or 6) throw new ProtocolFormatException("A Parquet page claims a size that cannot be.");
        }
        return values;
    }
}
