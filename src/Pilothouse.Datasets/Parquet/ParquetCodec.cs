using System.IO.Compression;
using K4os.Compression.LZ4;
using Pilothouse.Protocols;
using Snappier;

namespace Pilothouse.Datasets.Parquet;

/// <summary>Unpacks pages. What comes out must have exactly the length that the page's header says; that length was held against a bound before.</summary>
internal static class ParquetCodec
{
    public static byte[] Unpack(int codec, ReadOnlySpan<byte> packed, int length)
    {
        if (codec == 0) return packed.Length == length ? packed.ToArray() : throw Fault();
        var unpacked = new byte[length];
        try
        {
            var written = codec switch
            {
                1 => Snappy.Decompress(packed, unpacked),
                2 => Inflate(new GZipStream(new MemoryStream(packed.ToArray(), writable: false), CompressionMode.Decompress), unpacked),
                4 => Inflate(new BrotliStream(new MemoryStream(packed.ToArray(), writable: false), CompressionMode.Decompress), unpacked),
                6 => Zstd(packed, unpacked),
                7 => LZ4Codec.Decode(packed, unpacked),
                _ => throw new ProtocolFormatException($"The Parquet file is compressed with {(codec == 3 ? "LZO" : codec == 5 ? "the old LZ4" : $"codec {codec}")}, which is not read here. Write it with zstd, snappy or gzip."),
            };
            return written == length ? unpacked : throw Fault();
        }
        catch (Exception e) when (e is InvalidDataException or ArgumentException or ZstdSharp.ZstdException or InvalidOperationException or IOException or IndexOutOfRangeException)
        {
            throw Fault(e);
        }
    }

    private static int Zstd(ReadOnlySpan<byte> packed, byte[] unpacked)
    {
        using var zstd = new ZstdSharp.Decompressor();
        return zstd.Unwrap(packed, unpacked);
    }

    private static int Inflate(Stream stream, byte[] unpacked)
    {
        using (stream)
        {
            var read = stream.ReadAtLeast(unpacked, unpacked.Length, throwOnEndOfStream: false);
            return stream.ReadByte() < 0 ? read : -1; // more than it says
        }
    }

    private const string Damaged = "A page of the Parquet file is damaged: it does not unpack to the length it claims.";

    private static ProtocolFormatException Fault(Exception? inner = null) => inner is null ? new(Damaged) : new(Damaged, inner);
}
