using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;
using Pilothouse.Protocols.Hub;
using Pilothouse.Protocols.Lfs;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Hub.Endpoints;

/// <summary>Pushing a folder, as <c>hf upload</c> does: create, preupload, LFS batch, commit.</summary>
internal static class HubPushEndpoints
{
    private const string LfsType = "application/vnd.git-lfs+json";

    /// <summary>Bytes of a JSON body: 256 files with 512 bytes of each.</summary>
    private const int MaxJson = 8 * 1024 * 1024;

    /// <summary>Bytes of a commit: its small files in Base64.</summary>
    private const long MaxCommit = 1024L * 1024 * 1024;

    private const int MaxPreupload = 1_000;

    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web) { MaxDepth = 32 };

    public static void MapHubUploads(this RouteGroupBuilder hub)
    {
        // These addresses carry their own permission.
        hub.MapPut("lfs/{token}", (string token, HttpContext http) => HubEndpoints.Guard(http, () => StoreAsync(http, token))).AllowAnyone();
        hub.MapPut("lfs/{token}/parts/{number:int}", (string token, int number, HttpContext http) => HubEndpoints.Guard(http, () => PartAsync(http, token, number))).AllowAnyone();
        hub.MapPost("lfs/{token}/complete", (string token, HttpContext http) => HubEndpoints.Guard(http, () => CompleteAsync(http, token))).AllowAnyone();
        hub.MapPost("lfs/{token}/verify", (string token, HttpContext http) => HubEndpoints.Guard(http, () => VerifyAsync(http, token))).AllowAnyone();
    }

    public static async Task WriteAsync(HttpContext http)
    {
        switch (http.Request.Path.Value![(HubEndpoints.Root.Length + 1)..])
        {
            case "api/repos/create": await CreateAsync(http); return;
            case "api/validate-yaml": await ValidateAsync(http); return;
        }
        var address = HubEndpoints.Address(http);
        switch (address.Action)
        {
            case "preupload": await PreuploadAsync(http, address); break;
            case "commit": await CommitAsync(http, address); break;
            case "lfs-batch": await BatchAsync(http, address); break;
            default: throw new PilothouseException(ErrorCode.Unsupported, $"'{address.Action}' of the Hub is not served here; docs/protocols/huggingface.md lists what is.");
        }
    }

    /// <summary>As clients reach this server.</summary>
    public static string Origin(HttpContext http) => $"{(http.Request.Headers["X-Forwarded-Proto"].ToString() == "https" ? "https" : http.Request.Scheme)}://{http.Request.Host}";

    /// <summary>Whatever the content type says, the body is JSON.</summary>
    public static async Task<T> ReadAsync<T>(HttpContext http)
    {
        http.Features.Get<IHttpMaxRequestBodySizeFeature>()?.MaxRequestBodySize = MaxJson;
        return await JsonSerializer.DeserializeAsync<T>(http.Request.Body, Json, http.RequestAborted) ?? throw new PilothouseException(ErrorCode.InvalidArgument, "The body is null.");
    }

    private static async Task CreateAsync(HttpContext http)
    {
        var body = await ReadAsync<CreateRepo>(http);
        var type = body.Type switch
        {
            null or HubAddress.Model => HubAddress.Model,
            HubAddress.Dataset => HubAddress.Dataset,
            _ => throw new PilothouseException(ErrorCode.Unsupported, "Repositories are of the type model or dataset; spaces and buckets are not kept here."),
        };
        var id = body.Organization is { Length: > 0 } organization ? $"{organization}/{body.Name}" : body.Name ?? "";
        var commits = HubEndpoints.Service<HubCommits>(http);
        var made = await commits.CreateAsync(type, id, http.Caller().Name, http.RequestAborted);
        if (made && body.Files is { Count: > 0 } files)
        {
            var lines = files.Select(f => JsonSerializer.Serialize(new { key = "file", value = new { f?.Path, f?.Encoding, f?.Content } }, Json)).Prepend("{\"key\":\"header\",\"value\":{\"summary\":\"initial commit\"}}");
            await commits.CommitAsync(type, id, HubRepos.Main, new MemoryStream(System.Text.Encoding.UTF8.GetBytes(string.Join('\n', lines))), http.Caller().Name, http.RequestAborted);
        }
        var url = $"{Origin(http)}{HubEndpoints.Root}/{(type == HubAddress.Dataset ? "datasets/" : "")}{id}";
        if (made) await HubEndpoints.AnswerAsync(http, new { url, name = id, id });
        else
        {
            http.Response.StatusCode = StatusCodes.Status409Conflict;
            http.Response.Headers["X-Error-Message"] = "You already created this repo";
            await HubEndpoints.AnswerAsync(http, new { error = $"There is a {type} '{id}' already.", url });
        }
    }

    /// <summary>Asked by clients before they commit a README.</summary>
    private static async Task ValidateAsync(HttpContext http)
    {
        var fault = ModelCard.Parse((await ReadAsync<ValidateYaml>(http)).Content ?? "").Fault;
        if (fault is not null) http.Response.StatusCode = StatusCodes.Status400BadRequest;
        await HubEndpoints.AnswerAsync(http, new { errors = fault is null ? [] : new[] { new { message = fault } }, warnings = Array.Empty<object>() });
    }

    private static async Task PreuploadAsync(HttpContext http, HubAddress address)
    {
        var body = await ReadAsync<Preupload>(http);
        if (body.Files is not { Count: <= MaxPreupload } files) throw new PilothouseException(ErrorCode.TooLarge, $"Up to {MaxPreupload} files are asked about at once.");
        var head = await HubEndpoints.Service<HubRepos>(http).FindAsync(address.Type, address.Id, address.Revision, http.RequestAborted);
        var names = files.Select(f => f?.Path ?? "").ToHashSet(StringComparer.Ordinal);
        var held = (await HubEndpoints.Service<HubFiles>(http).EntriesAsync([.. head.Files.Where(f => names.Contains(f.Path))], http.RequestAborted)).ToDictionary(e => e.Path, StringComparer.Ordinal);
        await HubEndpoints.AnswerAsync(http, new
        {
            files = files.Select(f =>
            {
                if (f?.Path is not { } path || !Protocols.Artifacts.ContentManifest.IsValidPath(path)) throw new PilothouseException(ErrorCode.InvalidArgument, "A file has no path inside the repository.");
                return new { path, uploadMode = HubFiles.IsLarge(path, f.Size) ? "lfs" : "regular", shouldIgnore = false, oid = held.TryGetValue(path, out var entry) ? entry.ETag : null };
            }).ToList(),
            commitOid = head.Sha,
        });
    }

    private static async Task CommitAsync(HttpContext http, HubAddress address)
    {
        if (http.Request.Query["create_pr"].FirstOrDefault() is "1" or "true") throw new PilothouseException(ErrorCode.Unsupported, "Pull requests are not kept here. Commit to main, or to another repository.");
        http.Features.Get<IHttpMaxRequestBodySizeFeature>()?.MaxRequestBodySize = MaxCommit; // read line by line
        var made = await HubEndpoints.Service<HubCommits>(http).CommitAsync(address.Type, address.Id, address.Revision, http.Request.Body, http.Caller().Name, http.RequestAborted);
        var url = $"{Origin(http)}{HubEndpoints.Root}/{(address.Type == HubAddress.Dataset ? "datasets/" : "")}{address.Id}/commit/{made.Sha}";
        await HubEndpoints.AnswerAsync(http, new { success = true, commitOid = made.Sha, commitUrl = url, hookOutput = $"version {made.Version}" });
    }

    private static async Task BatchAsync(HttpContext http, HubAddress address)
    {
        http.Features.Get<IHttpMaxRequestBodySizeFeature>()?.MaxRequestBodySize = MaxJson;
        var request = await JsonSerializer.DeserializeAsync<LfsBatchRequest>(http.Request.Body, WireJson.Options, http.RequestAborted) ?? throw new PilothouseException(ErrorCode.InvalidArgument, "The body is null.");
        var answer = await HubEndpoints.Service<HubUploads>(http).BatchAsync(address.Type, address.Id, request, Origin(http) + HubEndpoints.Root, http.Caller(), http.RequestAborted);
        await http.Response.WriteAsJsonAsync(answer, WireJson.Options, LfsType, http.RequestAborted);
    }

    private static async Task StoreAsync(HttpContext http, string token)
    {
        var grant = HubEndpoints.Service<HubTokens>(http).Check(token);
        Open(http, grant.Size);
        await HubEndpoints.Service<HubUploads>(http).StoreAsync(grant, http.Request.Body, http.Request.ContentLength, http.RequestAborted);
        http.Response.Headers.ETag = $"\"{grant.Oid}\"";
    }

    private static async Task PartAsync(HttpContext http, string token, int number)
    {
        var grant = HubEndpoints.Service<HubTokens>(http).Check(token);
        Open(http, grant.Size);
        http.Response.Headers.ETag = $"\"{await HubEndpoints.Service<HubUploads>(http).PutPartAsync(grant, number, http.Request.Body, http.RequestAborted)}\"";
    }

    private static async Task CompleteAsync(HttpContext http, string token)
    {
        await HubEndpoints.Service<HubUploads>(http).CompleteAsync(HubEndpoints.Service<HubTokens>(http).Check(token), http.RequestAborted);
        await HubEndpoints.AnswerAsync(http, new { success = true });
    }

    private static async Task VerifyAsync(HttpContext http, string token)
    {
        var grant = HubEndpoints.Service<HubTokens>(http).Check(token);
        await HubEndpoints.Service<HubUploads>(http).VerifyAsync(grant, await ReadAsync<LfsObjectId>(http), http.RequestAborted);
        await HubEndpoints.AnswerAsync(http, new { success = true });
    }

    /// <summary>Streamed to disk, however large and slow.</summary>
    private static void Open(HttpContext http, long size)
    {
        http.Features.Get<IHttpMaxRequestBodySizeFeature>()?.MaxRequestBodySize = size;
        http.Features.Get<IHttpMinRequestBodyDataRateFeature>()?.MinDataRate = null;
    }

    private sealed record CreateRepo(string? Name, string? Organization, string? Type, IReadOnlyList<CreateFile?>? Files);

    private sealed record CreateFile(string? Path, string? Encoding, string? Content);

    private sealed record ValidateYaml(string? Content);

    private sealed record Preupload(IReadOnlyList<PreuploadFile?>? Files);

    private sealed record PreuploadFile(string? Path, long Size);
}
