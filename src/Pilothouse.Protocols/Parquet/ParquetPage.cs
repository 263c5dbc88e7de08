namespace Pilothouse.Protocols.Parquet;

/// <summary>The header of one page of a Parquet column.</summary>
/// <param name="Type">0 data, 1 index, 2 dictionary, 3 data of version 2.</param>
/// <param name="Values">Values in it, nulls included.</param>
/// <param name="HeaderLength">Bytes of the header itself.</param>
public sealed record ParquetPage(int Type, int UncompressedSize, int CompressedSize, int Values, int HeaderLength)
{
    /// <summary>Bytes that a header may have; statistics of long texts make it grow.</summary>
    public const int MaxHeader = 64 * 1024;

    /// <summary>Encoding of the values.</summary>
    public int Encoding { get; init; }

    /// <summary>Of version 1: encodings of the levels.</summary>
    public int DefinitionEncoding { get; init; } = RunLength;

    public int RepetitionEncoding { get; init; } = RunLength;

    /// <summary>Of version 2: bytes of the levels, which are never compressed.</summary>
    public int DefinitionLength { get; init; }

    public int RepetitionLength { get; init; }

    /// <summary>Of version 2: whether the values are compressed.</summary>
    public bool IsCompressed { get; init; } = true;

    private const int RunLength = 3;

    /// <param name="bytes">Begin at the header; longer than it.</param>
    /// <exception cref="ProtocolFormatException">Not a page, or its sizes cannot be.</exception>
    public static ParquetPage Parse(ReadOnlySpan<byte> bytes)
    {
        var thrift = new CompactThrift(bytes);
        var page = new ParquetPage(-1, -1, -1, 0, 0);
        for (var id = 0; thrift.Field(ref id, out var type);)
        {
            switch (id)
            {
                case 1: page = page with { Type = thrift.Int32(type) }; break;
                case 2: page = page with { UncompressedSize = thrift.Int32(type) }; break;
                case 3: page = page with { CompressedSize = thrift.Int32(type) }; break;
                case 4: thrift.Int32(type); break; // CRC
                case 5 or 7 or 8 when type == CompactThrift.Struct: page = Header(page, ref thrift, id); break;
                case 5 or 7 or 8: throw new ProtocolFormatException("A Parquet page's header is damaged.");
                default: thrift.Skip(type); break;
            }
        }
        if (page.Type is < 0 or > 3 || page.UncompressedSize < 0 || page.CompressedSize < 0 || page.Values < 0 || page.DefinitionLength < 0 || page.RepetitionLength < 0)
            throw new ProtocolFormatException("A Parquet page claims a size or count that cannot be.");
        return page with { HeaderLength = thrift.Position };
    }

    /// <summary>Fields of a data (5), dictionary (7) or version 2 data header (8).</summary>
    private static ParquetPage Header(ParquetPage page, ref CompactThrift thrift, int header)
    {
        page = page with { Values = -1 };
        for (var id = 0; thrift.Field(ref id, out var type);)
        {
            if (type == CompactThrift.Struct) thrift.Skip(type); // statistics
            else if (type is CompactThrift.True or CompactThrift.False) page = header == 8 && id == 7 ? page with { IsCompressed = thrift.Boolean(type) } : page;
            else if (thrift.Int32(type) is var value) page = (header, id) switch
            {
                (_, 1) => page with { Values = value },
                (5 or 7, 2) or (8, 4) => page with { Encoding = value },
                (5, 3) => page with { DefinitionEncoding = value },
                (5, 4) => page with { RepetitionEncoding = value },
                (8, 5) => page with { DefinitionLength = value },
                (8, 6) => page with { RepetitionLength = value },
                _ => page,
            };
        }
        return page;
    }
}
