using System.Net;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using Amazon.Runtime;
using Amazon.S3;
using Amazon.S3.Model;
using Microsoft.Extensions.Options;
using Pilothouse.Protocols.Artifacts;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Blobs.Storage;

/// <summary>
/// Objects in a bucket: <c>PREFIX/sha256/ab/cd/DIGEST</c>, recipes as <c>PREFIX/recipes/ab/DIGEST</c>. An object store does not say when something was last used, so
/// that stands in the database, where all replicas see it.
/// </summary>
internal sealed class S3Backend : IBlobBackend, IDisposable
{
    private const int Parallel = 4;
    private const int MaxParts = 10_000;

    private readonly S3Options _options;
    private readonly AmazonS3Client _s3;
    private readonly UseStore _uses;
    private readonly TimeProvider _time;

    /// <summary>Within this process storing or finding an object and deleting it exclude each other; between replicas the time of grace does.</summary>
    private readonly SemaphoreSlim[] _gates = [.. Enumerable.Range(0, 64).Select(_ => new SemaphoreSlim(1, 1))];

    public S3Backend(IOptions<S3Options> options, UseStore uses, TimeProvider time)
    {
        (_options, _uses, _time) = (options.Value, uses, time);
        var config = new AmazonS3Config
        {
            // Only where S3 demands one: the SDK's own checksums are trailers that many compatible services do not know. We send our own.
            RequestChecksumCalculation = RequestChecksumCalculation.WHEN_REQUIRED,
            ResponseChecksumValidation = ResponseChecksumValidation.WHEN_REQUIRED,
            AuthenticationRegion = _options.Region,
            MaxErrorRetry = 4,
        };
        if (_options.Endpoint.Length > 0) (config.ServiceURL, config.ForcePathStyle) = (_options.Endpoint, true);
        else config.RegionEndpoint = Amazon.RegionEndpoint.GetBySystemName(_options.Region);
        _s3 = _options.AccessKey.Length > 0 ? new AmazonS3Client(new BasicAWSCredentials(_options.AccessKey, _options.SecretKey), config) : new AmazonS3Client(config);
    }

    public Task<long?> TouchAsync(Digest digest, BlobForm form, CancellationToken ct) => GatedAsync<long?>(digest, async () =>
    {
        if (await HeadAsync(digest, form, ct) is not { } head) return null;
        if (_time.NowMs() - head.UsedMs > DiskBackend.TouchInterval.TotalMilliseconds) await _uses.NoteAsync(digest, form, _time.NowMs(), ct);
        return head.Size;
    }, ct);

    public Task CommitAsync(string file, Digest digest, BlobForm form, CancellationToken ct) => GatedAsync(digest, async () =>
    {
        var size = new FileInfo(file).Length;
        if (size <= _options.PartBytes) await PutAsync(file, KeyOf(digest, form), ct);
        else await PutInPartsAsync(file, size, KeyOf(digest, form), ct);
        if (await HeadAsync(digest, form, ct) is not { } head || head.Size != size)
            throw new PilothouseException(ErrorCode.Unavailable, $"The object store took {digest}, but does not have its {size} bytes. Try again.");
        // Put over an object that was there: its old time of use must not count.
        await _uses.NoteAsync(digest, form, _time.NowMs(), ct);
        return true;
    }, ct);

    public Task CommitManyAsync(IReadOnlyList<(string File, Digest Digest)> files, CancellationToken ct) =>
        System.Threading.Tasks.Parallel.ForEachAsync(files, new ParallelOptions { MaxDegreeOfParallelism = 16, CancellationToken = ct }, async (f, token) => await CommitAsync(f.File, f.Digest, BlobForm.Whole, token));

    public async Task<Stream?> OpenAsync(Digest digest, BlobForm form, CancellationToken ct) =>
        await HeadAsync(digest, form, ct) is { } head ? new S3Stream((from, token) => ReadAsync(KeyOf(digest, form), from, head.Size, token), head.Size) : null;

    public async Task<byte[]?> ReadAsync(Digest digest, int maxBytes, CancellationToken ct)
    {
        await using var content = await OpenAsync(digest, BlobForm.Whole, ct);
        if (content is null || content.Length > maxBytes) return null;
        var bytes = new byte[content.Length];
        await content.ReadExactlyAsync(bytes, ct);
        return bytes;
    }

    public string? LocalPath(Digest digest) => null;

    public Task<long?> TryDeleteAsync(Digest digest, BlobForm form, long unusedSinceMs, bool dryRun, CancellationToken ct) => GatedAsync<long?>(digest, async () =>
    {
        if (await HeadAsync(digest, form, ct) is not { } head) return 0;
        if (Math.Max(head.UsedMs, await _uses.LastAsync(digest, form, ct)) > unusedSinceMs) return null;
        if (dryRun) return head.Size;
        await CallAsync(() => _s3.DeleteObjectAsync(_options.Bucket, KeyOf(digest, form), ct));
        await _uses.RemoveAsync(digest, form, ct);
        return head.Size;
    }, ct);

    public async IAsyncEnumerable<StoredObject> ListAsync(BlobForm form, [EnumeratorCancellation] CancellationToken ct)
    {
        var request = new ListObjectsV2Request { BucketName = _options.Bucket, Prefix = RootOf(form) };
        while (true)
        {
            var page = await CallAsync(() => _s3.ListObjectsV2Async(request, ct));
            foreach (var item in page.S3Objects ?? [])
                if (Digest.TryParseHex(item.Key[(item.Key.LastIndexOf('/') + 1)..], out var digest)) yield return new StoredObject(digest, form, item.Size ?? 0, Milliseconds(item.LastModified));
            if (page.IsTruncated != true) yield break;
            request.ContinuationToken = page.NextContinuationToken;
        }
    }

    public void Dispose() => _s3.Dispose();

    private async Task PutAsync(string file, string key, CancellationToken ct)
    {
        var request = new PutObjectRequest { BucketName = _options.Bucket, Key = key, FilePath = file, ContentType = "application/octet-stream" };
        // Of a recipe the checksum is not that of its name, so it is computed in any case.
        if (_options.Checksums) request.ChecksumSHA256 = Convert.ToBase64String(await HashAsync(file, 0, long.MaxValue, ct));
        await CallAsync(() => _s3.PutObjectAsync(request, ct));
    }

    private async Task PutInPartsAsync(string file, long size, string key, CancellationToken ct)
    {
        var partBytes = Math.Max(_options.PartBytes, (size + MaxParts - 1) / MaxParts);
        var begin = new InitiateMultipartUploadRequest { BucketName = _options.Bucket, Key = key, ContentType = "application/octet-stream" };
        if (_options.Checksums) begin.ChecksumAlgorithm = ChecksumAlgorithm.SHA256;
        var upload = (await CallAsync(() => _s3.InitiateMultipartUploadAsync(begin, ct))).UploadId;
        try
        {
            var parts = new PartETag[(size + partBytes - 1) / partBytes];
            await System.Threading.Tasks.Parallel.ForAsync(0, parts.Length, new ParallelOptions { MaxDegreeOfParallelism = Parallel, CancellationToken = ct }, async (i, token) =>
            {
                var request = new UploadPartRequest { BucketName = _options.Bucket, Key = key, UploadId = upload, PartNumber = i + 1, FilePath = file, FilePosition = i * partBytes, PartSize = Math.Min(partBytes, size - i * partBytes) };
                if (_options.Checksums) request.ChecksumSHA256 = Convert.ToBase64String(await HashAsync(file, i * partBytes, partBytes, token));
                var part = await CallAsync(() => _s3.UploadPartAsync(request, token));
                parts[i] = new PartETag(i + 1, part.ETag) { ChecksumSHA256 = request.ChecksumSHA256 };
            });
            await CallAsync(() => _s3.CompleteMultipartUploadAsync(new CompleteMultipartUploadRequest { BucketName = _options.Bucket, Key = key, UploadId = upload, PartETags = [.. parts] }, ct));
        }
        catch
        {
            // What was sent of it would be paid for for ever.
            await CallAsync(() => _s3.AbortMultipartUploadAsync(_options.Bucket, key, upload, CancellationToken.None));
            throw;
        }
    }

    private static async Task<byte[]> HashAsync(string file, long from, long length, CancellationToken ct)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        await using var stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0, FileOptions.Asynchronous) { Position = from };
        var buffer = new byte[1024 * 1024];
        for (int read; length > 0 && (read = await stream.ReadAsync(buffer.AsMemory(0, (int)Math.Min(buffer.Length, length)), ct)) > 0; length -= read) hash.AppendData(buffer, 0, read);
        return hash.GetHashAndReset();
    }

    private async Task<Stream> ReadAsync(string key, long from, long size, CancellationToken ct) =>
        (await CallAsync(() => _s3.GetObjectAsync(new GetObjectRequest { BucketName = _options.Bucket, Key = key, ByteRange = from == 0 ? null : new ByteRange(from, size - 1) }, ct))).ResponseStream;

    private async Task<(long Size, long UsedMs)?> HeadAsync(Digest digest, BlobForm form, CancellationToken ct)
    {
        try
        {
            var head = await CallAsync(() => _s3.GetObjectMetadataAsync(_options.Bucket, KeyOf(digest, form), ct));
            return (head.ContentLength, Milliseconds(head.LastModified));
        }
        catch (AmazonS3Exception e) when (e.StatusCode == HttpStatusCode.NotFound)
        {
            return null;
        }
    }

    /// <summary>Faults of the service get a name; what it does not have stays an exception of its own.</summary>
    private async Task<T> CallAsync<T>(Func<Task<T>> call)
    {
        try
        {
            return await call();
        }
        catch (AmazonS3Exception e) when (e.StatusCode != HttpStatusCode.NotFound || e.ErrorCode == "NoSuchBucket")
        {
            var code = e.StatusCode == HttpStatusCode.InsufficientStorage ? ErrorCode.StorageFull : ErrorCode.Unavailable;
            throw new PilothouseException(code, $"The object store refused a call ({e.ErrorCode}: {e.Message}). Check Blobs:S3 (bucket '{_options.Bucket}', endpoint, keys).", e);
        }
        catch (Exception e) when (e is AmazonClientException or HttpRequestException or AmazonServiceException and not AmazonS3Exception)
        {
            throw new PilothouseException(ErrorCode.Unavailable, $"The object store cannot be reached ({e.Message}). Try again, or check Blobs:S3:Endpoint.", e);
        }
    }

    private async Task<T> GatedAsync<T>(Digest digest, Func<Task<T>> call, CancellationToken ct)
    {
        var gate = _gates[(uint)digest.GetHashCode() % (uint)_gates.Length];
        await gate.WaitAsync(ct);
        try
        {
            return await call();
        }
        finally
        {
            gate.Release();
        }
    }

    private string RootOf(BlobForm form) => _options.Prefix + (form == BlobForm.Whole ? "sha256/" : "recipes/");

    private string KeyOf(Digest digest, BlobForm form) => RootOf(form) + (form == BlobForm.Whole ? $"{digest.Hex[..2]}/{digest.Hex[2..4]}/{digest.Hex}" : $"{digest.Hex[..2]}/{digest.Hex}");

    private static long Milliseconds(DateTime? time) => time is { } t ? new DateTimeOffset(t.ToUniversalTime()).ToUnixTimeMilliseconds() : 0;
}
