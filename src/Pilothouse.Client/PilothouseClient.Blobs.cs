using System.Net;
using System.Security.Cryptography;
using Pilothouse.Protocols.Artifacts;

namespace Pilothouse.Client;

/// <summary>A blob as the server holds it.</summary>
public sealed record StoredBlob(string Digest, long Size);

public sealed partial class PilothouseClient
{
    /// <summary>Uploads a file by its digest; a file that the server holds already is not sent.</summary>
    public async Task<StoredBlob> UploadFileAsync(string path, CancellationToken ct)
    {
        string digest;
        await using (var file = File.OpenRead(path)) digest = (await Digest.OfAsync(file, ct)).ToString();
        return await UploadFileAsync(path, digest, ct);
    }

    /// <summary>Uploads a file whose digest is known; a file that the server holds already is not sent.</summary>
    public async Task<StoredBlob> UploadFileAsync(string path, string digest, CancellationToken ct)
    {
        await using var file = File.OpenRead(path);
        if (await HasBlobAsync(digest, ct)) return new StoredBlob(digest, file.Length);
        return await SendAsync<StoredBlob>(HttpMethod.Put, $"api/v1/blobs/{digest}", new StreamContent(file, 1024 * 1024), ct);
    }

    public async Task<bool> HasBlobAsync(string digest, CancellationToken ct)
    {
        using var request = new HttpRequestMessage(HttpMethod.Head, $"api/v1/blobs/{digest}");
        using var response = await _http.SendAsync(request, ct);
        return response.StatusCode == HttpStatusCode.OK;
    }

    /// <summary>Content of a blob as a stream.</summary>
    public async Task<Stream> DownloadBlobAsync(string digest, CancellationToken ct)
    {
        var response = await SendAsync(HttpMethod.Get, $"api/v1/blobs/{digest}", null, ct);
        return await response.Content.ReadAsStreamAsync(ct);
    }

    /// <summary>Writes a blob to a file, hashing it on the way: the file gets its name only when the digest is right.</summary>
    /// <exception cref="IOException">What arrived has another digest.</exception>
    public async Task DownloadFileAsync(Digest digest, string path, CancellationToken ct)
    {
        await using var source = await DownloadBlobAsync(digest.ToString(), ct);
        await WriteFileAsync(source, path, digest, ct);
    }

    private static async Task WriteFileAsync(Stream source, string path, Digest? expected, CancellationToken ct)
    {
        var part = path + ".part";
        try
        {
            using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            await using (var target = new FileStream(part, FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 0, useAsync: true))
            {
                var buffer = new byte[1024 * 1024];
                for (int read; (read = await source.ReadAtLeastAsync(buffer, buffer.Length, throwOnEndOfStream: false, ct)) > 0;)
                {
                    hash.AppendData(buffer, 0, read);
                    await target.WriteAsync(buffer.AsMemory(0, read), ct);
                }
            }
            var received = Digest.FromHash(hash.GetHashAndReset());
            if (expected is { } digest && received != digest)
                throw new IOException($"What arrived for {Path.GetFileName(path)} has the digest {received}, not {digest}. It was not kept; try again.");
            File.Move(part, path, overwrite: true);
        }
        finally
        {
            File.Delete(part);
        }
    }
}
