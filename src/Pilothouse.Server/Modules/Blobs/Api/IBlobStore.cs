namespace Pilothouse.Server.Modules.Blobs.Api;

/// <summary>Content named by its SHA-256. Digests are written <c>sha256:</c> + 64 lower-case hex digits.</summary>
public interface IBlobStore
{
    /// <summary>Streams content in. The blob appears whole or not at all, is fsynced, and putting it twice is harmless.</summary>
    /// <param name="expected">Refused with DigestMismatch when the content has another digest; null when the caller does not know it.</param>
    Task<BlobInfo> PutAsync(Stream content, string? expected, CancellationToken ct);

    Task<BlobInfo?> FindAsync(string digest, CancellationToken ct);

    /// <summary>Opens for reading, seekable.</summary>
    /// <exception cref="Platform.PilothouseException">NotFound.</exception>
    Task<Stream> OpenReadAsync(string digest, CancellationToken ct);

    /// <summary>Path of a local read-only file with the content, for engines that map files into memory.</summary>
    Task<string> LocalPathAsync(string digest, CancellationToken ct);
}

/// <summary>A stored blob. Size in bytes.</summary>
public sealed record BlobInfo(string Digest, long Size);

public static class BlobStoreExtensions
{
    public static Task<BlobInfo> PutAsync(this IBlobStore blobs, byte[] content, CancellationToken ct) => blobs.PutAsync(new MemoryStream(content, writable: false), null, ct);

    /// <summary>Reads a small blob whole.</summary>
    /// <exception cref="Platform.PilothouseException">TooLarge when it is larger than <paramref name="maxBytes"/>.</exception>
    public static async Task<byte[]> ReadAsync(this IBlobStore blobs, string digest, int maxBytes, CancellationToken ct)
    {
        await using var stream = await blobs.OpenReadAsync(digest, ct);
        if (stream.Length > maxBytes)
            throw new Platform.PilothouseException(Platform.ErrorCode.TooLarge, $"Blob {digest} has {stream.Length} bytes; {maxBytes} is the limit here.");
        var content = new byte[stream.Length];
        await stream.ReadExactlyAsync(content, ct);
        return content;
    }
}
