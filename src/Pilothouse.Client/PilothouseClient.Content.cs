using System.Net;
using System.Net.Http.Headers;

namespace Pilothouse.Client;

public sealed partial class PilothouseClient
{
    /// <summary>Content of a blob from a byte on; empty when it ends there.</summary>
    public async Task<Stream> DownloadBlobAsync(string digest, long from, CancellationToken ct)
    {
        if (from == 0) return await DownloadBlobAsync(digest, ct);
        using var request = new HttpRequestMessage(HttpMethod.Get, $"api/v1/blobs/{digest}");
        request.Headers.Range = new RangeHeaderValue(from, null);
        HttpResponseMessage response;
        try
        {
            response = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, ct);
        }
        catch (HttpRequestException e)
        {
            throw new PilothouseApiException("UNAVAILABLE", $"The server {Server} cannot be reached ({e.Message}).", 0);
        }
        if (response.StatusCode == HttpStatusCode.PartialContent) return await response.Content.ReadAsStreamAsync(ct);
        if (response.StatusCode == HttpStatusCode.RequestedRangeNotSatisfiable)
        {
            response.Dispose();
            return Stream.Null;
        }
        if (!response.IsSuccessStatusCode)
        {
            using (response) throw await ErrorAsync(response, ct);
        }
        // A proxy between took the range away: what we have is skipped.
        var whole = await response.Content.ReadAsStreamAsync(ct);
        var buffer = new byte[64 * 1024];
        for (long left = from; left > 0;)
        {
            var read = await whole.ReadAsync(buffer.AsMemory(0, (int)Math.Min(buffer.Length, left)), ct);
            if (read == 0) break;
            left -= read;
        }
        return whole;
    }
}
