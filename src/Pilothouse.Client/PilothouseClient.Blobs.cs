using System.Net;
using System.Security.Cryptography;
using Pilothouse.Client.Uploads;
using Pilothouse.Protocols.Artifacts;

namespace Pilothouse.Client;

/// <summary>A blob as the server holds it.</summary>
public sealed record StoredBlob(string Digest, long Size);

public sealed partial class PilothouseClient
{
    /// <summary>Files up to here go in one request.</summary>
    private const long OneRequest = 16 * 1024 * 1024;

    private readonly DigestIndex _digests = new();

    /// <summary>Uploads a file: in parts, in parallel, resumable; nothing of it when the server holds it already.</summary>
    public async Task<StoredBlob> UploadFileAsync(string path, CancellationToken ct)
    {
        var uploaded = await UploadFileAsync(path, null, new UploadOptions(), ct);
        return new StoredBlob(uploaded.Digest, uploaded.Size);
    }

    /// <summary>Uploads a file whose digest is known; a file that the server holds already is not sent.</summary>
    public async Task<StoredBlob> UploadFileAsync(string path, string digest, CancellationToken ct)
    {
        var uploaded = await UploadFileAsync(path, Digest.Parse(digest), new UploadOptions(), ct);
        return new StoredBlob(uploaded.Digest, uploaded.Size);
    }

    /// <summary>Uploads a file and says what was sent. Its digest is remembered by size, times and inode: an unchanged file is not read again.</summary>
    /// <exception cref="IOException">The file cannot be read, or was changed meanwhile.</exception>
    public async Task<UploadedFile> UploadFileAsync(string path, Digest? known, UploadOptions options, CancellationToken ct)
    {
        var began = NowNs();
        var stat = FileStat.Of(path);
        known ??= _digests.Find(path, stat);
        if (known is { } digest && await HasBlobAsync(digest.ToString(), ct))
        {
            options.Progress?.Report(new UploadProgress(path, stat.Size, stat.Size, 0));
            return new UploadedFile(path, digest.ToString(), stat.Size, 0);
        }
        var uploaded = await SendFileAsync(path, stat, known, options, ct);
        _digests.Put(path, stat, Digest.Parse(uploaded.Digest), began);
        _digests.Save();
        return uploaded;
    }

    /// <summary>Sends a file that the server lacks, as far as is known.</summary>
    private async Task<UploadedFile> SendFileAsync(string path, FileStat stat, Digest? known, UploadOptions options, CancellationToken ct)
    {
        if (options.ByTensor && stat.Size >= WeightLayout.MinFile)
        {
            var (done, digest) = await new WeightUploader(this, options, path).TryRunAsync(stat, known, ct);
            if (done is not null) return done;
            known = digest;
        }
        return stat.Size <= OneRequest ? await UploadSmallAsync(path, stat, known, options, ct) : await new FileUploader(this, options, path).RunAsync(stat, known, ct);
    }

    private async Task<UploadedFile> UploadSmallAsync(string path, FileStat stat, Digest? known, UploadOptions options, CancellationToken ct)
    {
        var content = await File.ReadAllBytesAsync(path, ct);
        if (content.LongLength != stat.Size) throw new IOException($"{path} was changed while it was being read. Send it again when it is finished.");
        var digest = known ?? Digest.Of(content);
        var sent = 0L;
        if (known is not null || !await HasBlobAsync(digest.ToString(), ct))
        {
            await PutBlobAsync(digest, content, options.Project, options.Patience, ct);
            sent = content.LongLength;
        }
        options.Progress?.Report(new UploadProgress(path, stat.Size, stat.Size, sent));
        return new UploadedFile(path, digest.ToString(), stat.Size, sent);
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
