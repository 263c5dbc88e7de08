using Pilothouse.Protocols.Artifacts;
using Pilothouse.Protocols.V1;

namespace Pilothouse.Client;

/// <summary>Uploads step by step; <see cref="UploadFileAsync(string, CancellationToken)"/> does all of it.</summary>
public sealed partial class PilothouseClient
{
    /// <summary>Begins an upload, or finds the open one of the same digest or key.</summary>
    public Task<UploadState> CreateUploadAsync(NewUpload upload, CancellationToken ct) => PostAsync<UploadState>("api/v1/uploads", upload, ct);

    public Task<UploadState> GetUploadAsync(string id, CancellationToken ct) => GetAsync<UploadState>($"api/v1/uploads/{Uri.EscapeDataString(id)}", ct);

    /// <summary>Sends one part; again when the connection was cut, or the server is away for a while.</summary>
    /// <param name="checksum"><c>crc32c=:BASE64:</c> or <c>sha-256=:BASE64:</c>; null = none.</param>
    public Task<UploadedPart> PutPartAsync(string id, int number, ReadOnlyMemory<byte> part, string? checksum, TimeSpan patience, CancellationToken ct) => PatientlyAsync(async () =>
    {
        var content = new ReadOnlyMemoryContent(part);
        if (checksum is not null) content.Headers.TryAddWithoutValidation("Content-Digest", checksum);
        return await SendAsync<UploadedPart>(HttpMethod.Put, $"api/v1/uploads/{Uri.EscapeDataString(id)}/parts/{number}", content, ct);
    }, patience, ct);

    /// <summary>Appends at the offset of the state.</summary>
    public Task<UploadState> AppendUploadAsync(string id, long offset, Stream content, CancellationToken ct) =>
        SendAsync<UploadState>(HttpMethod.Patch, $"api/v1/uploads/{Uri.EscapeDataString(id)}?offset={offset}", new StreamContent(content, 1024 * 1024), ct);

    /// <summary>Makes the upload a blob. The server hashes what is not hashed yet.</summary>
    public Task<StoredBlob> CompleteUploadAsync(string id, string? digest, TimeSpan patience, CancellationToken ct) =>
        PatientlyAsync(() => PostAsync<StoredBlob>($"api/v1/uploads/{Uri.EscapeDataString(id)}/complete", new CompleteUpload(digest), ct), patience, ct);

    public async Task CancelUploadAsync(string id, CancellationToken ct)
    {
        using var response = await SendAsync(HttpMethod.Delete, $"api/v1/uploads/{Uri.EscapeDataString(id)}", null, ct);
    }

    /// <summary>Which of the blobs the server lacks.</summary>
    public async Task<IReadOnlyCollection<string>> MissingBlobsAsync(IReadOnlyCollection<string> digests, CancellationToken ct)
    {
        const int atOnce = 10_000;
        var missing = new HashSet<string>(StringComparer.Ordinal);
        foreach (var chunk in digests.Chunk(atOnce)) missing.UnionWith((await PostAsync<MissingBlobs>("api/v1/blobs/have", new HaveBlobs(chunk), ct)).Missing);
        return missing;
    }

    /// <summary>Which of the parts are nowhere on the server, neither as blobs nor inside weight files.</summary>
    internal async Task<IReadOnlyCollection<string>> MissingPartsAsync(IReadOnlyList<string> digests, CancellationToken ct) => (await PostAsync<MissingBlobs>("api/v1/recipes/have", new HaveBlobs(digests), ct)).Missing;

    /// <summary>Says of which parts a content is made.</summary>
    public Task<RecipeState> PutRecipeAsync(NewRecipe recipe, CancellationToken ct) => PostAsync<RecipeState>("api/v1/recipes", recipe, ct);

    /// <summary>The tensors of a stored weight file with their digests.</summary>
    public Task<BlobTensors> GetTensorsAsync(string digest, CancellationToken ct) => GetAsync<BlobTensors>($"api/v1/blobs/{digest}/tensors", ct);

    internal Task PutBlobAsync(Digest digest, ReadOnlyMemory<byte> content, TimeSpan patience, CancellationToken ct) =>
        PatientlyAsync(() => SendAsync<StoredBlob>(HttpMethod.Put, $"api/v1/blobs/{digest}", new ReadOnlyMemoryContent(content), ct), patience, ct);

    internal Task PutPackAsync(ReadOnlyMemory<byte> pack, TimeSpan patience, CancellationToken ct) =>
        PatientlyAsync(() => SendAsync<PackedBlobs>(HttpMethod.Post, "api/v1/blobs/pack", new ReadOnlyMemoryContent(pack), ct), patience, ct);

    /// <summary>Repeats a call that is harmless to repeat while the server is away, busy, or the connection breaks; at most for so long without success.</summary>
    private static async Task<T> PatientlyAsync<T>(Func<Task<T>> call, TimeSpan patience, CancellationToken ct)
    {
        var pause = TimeSpan.FromMilliseconds(100);
        var waited = TimeSpan.Zero;
        while (true)
        {
            try
            {
                return await call();
            }
            catch (Exception e) when (waited < patience && (e is PilothouseApiException { Status: 0 or 429 or 502 or 503 or 504 } or HttpRequestException or IOException))
            {
                await Task.Delay(pause, ct);
                waited += pause;
                pause = TimeSpan.FromMilliseconds(Math.Min(pause.TotalMilliseconds * 2, 5000));
            }
        }
    }
}
