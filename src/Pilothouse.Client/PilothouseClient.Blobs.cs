using System.Net;
using System.Security.Cryptography;

namespace Pilothouse.Client;

/// <summary>A blob as the server holds it.</summary>
public sealed record StoredBlob(string Digest, long Size);

public sealed partial class PilothouseClient
{
    /// <summary>Uploads a file by its digest; a file that the server holds already is not sent.</summary>
    public async Task<StoredBlob> UploadFileAsync(string path, CancellationToken ct)
    {
        await using var file = File.OpenRead(path);
        var digest = "sha256:" + Convert.ToHexStringLower(await SHA256.HashDataAsync(file, ct));
        if (await HasBlobAsync(digest, ct)) return new StoredBlob(digest, file.Length);
        file.Position = 0;
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
}
