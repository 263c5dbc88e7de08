using System.Net.Http.Json;
using System.Runtime.CompilerServices;
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

    /// <param name="project">Whose quota the content counts for; null = none.</param>
    internal Task PutBlobAsync(Digest digest, ReadOnlyMemory<byte> content, string? project, TimeSpan patience, CancellationToken ct) =>
        PatientlyAsync(() => SendAsync<StoredBlob>(HttpMethod.Put, $"api/v1/blobs/{digest}{For(project)}", new ReadOnlyMemoryContent(content), ct), patience, ct);

    /// <summary>Sends many small blobs, as <see cref="BlobPack"/> writes them, in one request.</summary>
    /// <param name="project">Whose quota they count for; null = none.</param>
    public Task<PackedBlobs> PutPackAsync(ReadOnlyMemory<byte> pack, string? project, TimeSpan patience, CancellationToken ct) =>
        PatientlyAsync(() => SendAsync<PackedBlobs>(HttpMethod.Post, $"api/v1/blobs/pack{For(project)}", new ReadOnlyMemoryContent(pack), ct), patience, ct);

    /// <summary>Many small blobs in one answer, each checked against its digest; valid until the next one. Those that the server lacks, or that are larger than <see cref="BlobPack.MaxBlob"/>, do not come.</summary>
    /// <param name="digests">At most <see cref="BlobPack.MaxBlobs"/>.</param>
    /// <exception cref="Protocols.ProtocolFormatException">What came is cut or damaged.</exception>
    public async IAsyncEnumerable<(Digest Digest, ReadOnlyMemory<byte> Content)> ReadPackAsync(IReadOnlyList<Digest> digests, [EnumeratorCancellation] CancellationToken ct)
    {
        using var response = await SendAsync(HttpMethod.Post, "api/v1/blobs/unpack", JsonContent.Create(new HaveBlobs([.. digests.Select(d => d.ToString())]), options: Json), ct);
        await using var pack = await response.Content.ReadAsStreamAsync(ct);
        await foreach (var blob in BlobPack.ReadAsync(pack, ct)) yield return blob;
    }

    private static string For(string? project) => project is null ? "" : $"?project={Uri.EscapeDataString(project)}";

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
