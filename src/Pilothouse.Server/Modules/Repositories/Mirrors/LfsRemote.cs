using System.Net.Http.Headers;
using System.Text;
using Pilothouse.Protocols.Lfs;
using Pilothouse.Server.Modules.Blobs.Api;
using Pilothouse.Server.Modules.Repositories.Lfs;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Repositories.Mirrors;

/// <summary>LFS objects of a mirror's other side: the client's half of batch and basic transfer.</summary>
internal sealed class LfsRemote(IHttpClientFactory http, IBlobStore blobs, IBlobQuota quota, LfsStore store)
{
    public const string HttpClientName = "mirrors";
    private const int Batch = 100;
    private const int MaxAnswer = 4 * 1024 * 1024;
    private const string MediaType = "application/vnd.git-lfs+json";

    /// <exception cref="PilothouseException">UpstreamFailed: the other side does not have them all. StorageFull: over the project's quota.</exception>
    public async Task DownloadAsync(MirrorRemote remote, IReadOnlyList<LfsPointer> wanted, CancellationToken ct)
    {
        using var client = http.CreateClient(HttpClientName);
        foreach (var chunk in wanted.Chunk(Batch))
        {
            await quota.RequireRoomAsync(remote.Project, [.. chunk.Select(p => ("sha256:" + p.Oid, p.Size))], ct);
            foreach (var answer in (await AskAsync(client, remote, "download", chunk, ct)).Objects)
            {
                if (answer.Error is { } error) throw new PilothouseException(ErrorCode.UpstreamFailed, $"The other side does not give object {answer.Oid}: {error.Code} {error.Message}");
                if (answer.Actions?.GetValueOrDefault("download") is not { } action || !LfsPointer.IsOid(answer.Oid) || chunk.FirstOrDefault(p => p.Oid == answer.Oid) is not { } pointer) continue;
                using var response = await SendAsync(client, remote, HttpMethod.Get, action, null, ct);
                await using var body = await response.Content.ReadAsStreamAsync(ct);
                var blob = await blobs.PutAsync(body, "sha256:" + pointer.Oid, ct);
                await store.AddAsync(remote.Project, [(pointer.Oid, blob.Size)], MirrorRunner.Actor, ct);
            }
        }
    }

    /// <summary>Sends those that the other side asks for.</summary>
    public async Task UploadAsync(MirrorRemote remote, IReadOnlyList<LfsPointer> held, CancellationToken ct)
    {
        using var client = http.CreateClient(HttpClientName);
        foreach (var answer in (await AskAsync(client, remote, "upload", held, ct)).Objects)
        {
            if (answer.Error is { } error) throw new PilothouseException(ErrorCode.UpstreamFailed, $"The other side does not take object {answer.Oid}: {error.Code} {error.Message}");
            if (answer.Actions?.GetValueOrDefault("upload") is not { } upload || held.FirstOrDefault(p => p.Oid == answer.Oid) is not { } pointer) continue;
            await using var content = await blobs.OpenReadAsync("sha256:" + pointer.Oid, ct);
            using var body = new StreamContent(content, 1024 * 1024) { Headers = { ContentType = new MediaTypeHeaderValue("application/octet-stream"), ContentLength = pointer.Size } };
            using (await SendAsync(client, remote, HttpMethod.Put, upload, body, ct)) { }
            if (answer.Actions.GetValueOrDefault("verify") is not { } verify) continue;
            using (await SendAsync(client, remote, HttpMethod.Post, verify, Json(WireJson.Write(new LfsObjectId(pointer.Oid, pointer.Size))), ct)) { }
        }
    }

    private static async Task<LfsBatchAnswer> AskAsync(HttpClient client, MirrorRemote remote, string operation, IReadOnlyList<LfsPointer> objects, CancellationToken ct)
    {
        var root = remote.Url.TrimEnd('/');
        var url = (root.EndsWith(".git", StringComparison.Ordinal) ? root : root + ".git") + "/info/lfs/objects/batch";
        using var request = new HttpRequestMessage(HttpMethod.Post, url) { Content = Json(WireJson.Write(new LfsBatchRequest(operation, ["basic"], null, [.. objects.Select(o => new LfsObjectId(o.Oid, o.Size))], "sha256"))) };
        request.Headers.Accept.ParseAdd(MediaType);
        if (remote.Authorization is { } login) request.Headers.TryAddWithoutValidation("Authorization", login);
        using var response = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, ct);
        if (!response.IsSuccessStatusCode) throw new PilothouseException(ErrorCode.UpstreamFailed, $"The other side answers its LFS API with {(int)response.StatusCode} {response.ReasonPhrase}.");
        await response.Content.LoadIntoBufferAsync(MaxAnswer, ct);
        return WireJson.Read<LfsBatchAnswer>(await response.Content.ReadAsStringAsync(ct));
    }

    private static async Task<HttpResponseMessage> SendAsync(HttpClient client, MirrorRemote remote, HttpMethod method, LfsAction action, HttpContent? content, CancellationToken ct)
    {
        using var request = new HttpRequestMessage(method, action.Href) { Content = content };
        foreach (var (name, value) in action.Header ?? new Dictionary<string, string>())
            if (!request.Headers.TryAddWithoutValidation(name, value)) content?.Headers.TryAddWithoutValidation(name, value);
        // An action without a header of its own is for the same login, but only at the same server.
        if (request.Headers.Authorization is null && remote.Authorization is { } login && new Uri(action.Href).Authority == new Uri(remote.Url).Authority) request.Headers.TryAddWithoutValidation("Authorization", login);
        var response = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, ct);
        if (response.IsSuccessStatusCode) return response;
        using (response) throw new PilothouseException(ErrorCode.UpstreamFailed, $"The other side answered {(int)response.StatusCode} {response.ReasonPhrase} to the transfer of an LFS object.");
    }

    private static StringContent Json(string text) => new(text, Encoding.UTF8, MediaType);
}
