using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using Pilothouse.Protocols.Artifacts;

namespace Pilothouse.Protocols.V1;

/// <summary>Answer to <c>POST /api/v1/blobs/pack</c>.</summary>
/// <param name="Stored">How many blobs were new.</param>
public sealed record PackedBlobs(int Stored);

/// <summary>
/// Many small blobs in one body, either way (<c>POST /api/v1/blobs/pack</c>; <c>POST /api/v1/blobs/unpack</c> with a <see cref="HaveBlobs"/>), one after the other: 32 bytes SHA-256, 4 bytes length (most significant first), the content. 100,000 files are then a few hundred
/// requests, and as many waits for the disk.
/// </summary>
public static class BlobPack
{
    /// <summary>Bytes of one blob.</summary>
    public const int MaxBlob = 1024 * 1024;

    /// <summary>Blobs of one pack.</summary>
    public const int MaxBlobs = 2_000;

    /// <summary>Bytes that a sender should put into one pack; the server takes more (64 MiB).</summary>
    public const int PreferredSize = 8 * 1024 * 1024;

    public const string ContentType = "application/vnd.pilothouse.pack";

    private const int HeadLength = 36;

    public static void Write(Stream target, Digest digest, ReadOnlySpan<byte> content)
    {
        Span<byte> head = stackalloc byte[HeadLength];
        digest.ToBytes().CopyTo(head);
        BinaryPrimitives.WriteInt32BigEndian(head[32..], content.Length);
        target.Write(head);
        target.Write(content);
    }

    /// <summary>Reads the blobs one after the other, each checked against its digest. The content is valid until the next one.</summary>
    /// <exception cref="ProtocolFormatException">Cut, too many, too large, or a content that is not what its digest says.</exception>
    public static async IAsyncEnumerable<(Digest Digest, ReadOnlyMemory<byte> Content)> ReadAsync(Stream pack, [EnumeratorCancellation] CancellationToken ct)
    {
        var head = new byte[HeadLength];
        var buffer = Array.Empty<byte>();
        for (var count = 0; ; count++)
        {
            var read = await pack.ReadAtLeastAsync(head, HeadLength, throwOnEndOfStream: false, ct).ConfigureAwait(false);
            if (read == 0) yield break;
            var length = BinaryPrimitives.ReadInt32BigEndian(head.AsSpan(32));
            if (read < HeadLength) throw new ProtocolFormatException($"The pack ends in the middle of blob {count + 1}: it was cut on the way.");
            if (count == MaxBlobs) throw new ProtocolFormatException($"A pack holds at most {MaxBlobs} blobs.");
            if (length is < 0 or > MaxBlob) throw new ProtocolFormatException($"Blob {count + 1} of the pack claims {(uint)length} bytes; {MaxBlob} is the limit. Upload it by itself.");
            if (buffer.Length < length) buffer = GC.AllocateUninitializedArray<byte>(Math.Max(length, Math.Min(MaxBlob, buffer.Length * 2)));
            if (await pack.ReadAtLeastAsync(buffer.AsMemory(0, length), length, throwOnEndOfStream: false, ct).ConfigureAwait(false) < length)
                throw new ProtocolFormatException($"The pack ends in the middle of blob {count + 1}: it was cut on the way.");
            var digest = Digest.FromHash(head.AsSpan(0, 32));
            if (Digest.Of(buffer.AsSpan(0, length)) is var actual && actual != digest) throw new ProtocolFormatException($"Blob {count + 1} of the pack has the digest {actual}, not {digest}. Nothing was stored; send it again.");
            yield return (digest, buffer.AsMemory(0, length));
        }
    }
}
