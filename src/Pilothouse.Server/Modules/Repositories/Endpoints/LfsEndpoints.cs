using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;
using Pilothouse.Protocols.Lfs;
using Pilothouse.Server.Modules.Repositories.Lfs;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Repositories.Endpoints;

/// <summary>Git LFS under <c>/git/PROJECT.git/info/lfs</c>, for stock git-lfs (docs/protocols/git-lfs.md).</summary>
internal static class LfsEndpoints
{
    public const string MediaType = "application/vnd.git-lfs+json";

    /// <summary>A batch of 1,000 objects has about 100 KB.</summary>
    private const int MaxBody = 1024 * 1024;

    public static void MapLfs(this IEndpointRouteBuilder endpoints)
    {
        var lfs = endpoints.MapGroup("/git/{project}.git/info/lfs").WithErrors(LfsErrors.Instance).ExcludeFromDescription();
        lfs.MapPost("objects/batch", BatchAsync).RequireRole(Role.Reader); // the operation says whether it writes
        // These carry the token that the batch answered with; it is checked here.
        lfs.MapPut("objects/{oid}", UploadAsync).AllowAnyone();
        lfs.MapGet("objects/{oid}", DownloadAsync).AllowAnyone();
        lfs.MapPost("objects/{oid}/verify", VerifyAsync).AllowAnyone();
        lfs.MapLfsTus();
        lfs.MapGet("locks", async (string project, string? path, string? id, string? cursor, int? limit, LfsLockService locks, CancellationToken ct) =>
            Json(await locks.ListAsync(project, path, id, cursor, limit, ct)));
        lfs.MapPost("locks", LockAsync);
        lfs.MapPost("locks/verify", async (string project, HttpContext http, LfsLockService locks, CancellationToken ct) =>
            Json(await locks.VerifyAsync(project, await ReadAsync<LfsVerifyLocksRequest>(http, ct), http.Caller(), ct))).RequireRole(Role.Reader);
        lfs.MapPost("locks/{id}/unlock", async (string project, string id, HttpContext http, LfsLockService locks, CancellationToken ct) =>
            Json(new LfsLockAnswer(await locks.ReleaseAsync(project, id, (await ReadAsync<LfsUnlockRequest>(http, ct)).Force == true, http.Caller(), ct), null)));
    }

    private static async Task<IResult> BatchAsync(string project, HttpContext http, LfsService lfs, CancellationToken ct)
    {
        var scheme = http.Request.Headers["X-Forwarded-Proto"].ToString() == "https" ? "https" : http.Request.Scheme;
        var root = $"{scheme}://{http.Request.Host}/git/{project}.git/info/lfs";
        return Json(await lfs.BatchAsync(project, await ReadAsync<LfsBatchRequest>(http, ct), root, http.Caller(), ct));
    }

    private static async Task<IResult> UploadAsync(string project, string oid, HttpContext http, LfsTokens tokens, LfsService lfs, CancellationToken ct)
    {
        var grant = tokens.Check(Token(http), project, "upload", oid);
        http.Features.Get<IHttpMaxRequestBodySizeFeature>()?.MaxRequestBodySize = grant.Size; // streamed to disk
        http.Features.Get<IHttpMinRequestBodyDataRateFeature>()?.MinDataRate = null;
        await lfs.StoreAsync(grant, http.Request.Body, http.Request.ContentLength, ct);
        return Results.Ok();
    }

    /// <summary>With ranges: git-lfs goes on where a broken download ended.</summary>
    private static async Task<IResult> DownloadAsync(string project, string oid, HttpContext http, LfsTokens tokens, LfsService lfs, CancellationToken ct)
    {
        tokens.Check(Token(http), project, "download", oid);
        return Results.Stream(await lfs.OpenAsync(project, oid, ct), "application/octet-stream", entityTag: new($"\"{oid}\""), enableRangeProcessing: true);
    }

    private static async Task<IResult> VerifyAsync(string project, string oid, HttpContext http, LfsTokens tokens, LfsService lfs, CancellationToken ct)
    {
        await lfs.VerifyAsync(tokens.Check(Token(http), project, "verify", oid), await ReadAsync<LfsObjectId>(http, ct), ct);
        return Results.Ok();
    }

    private static async Task<IResult> LockAsync(string project, HttpContext http, LfsLockService locks, CancellationToken ct)
    {
        var (taken, refused) = await locks.TakeAsync(project, await ReadAsync<LfsLockRequest>(http, ct), http.Caller(), ct);
        return Json(new LfsLockAnswer(taken, refused), refused is null ? StatusCodes.Status201Created : StatusCodes.Status409Conflict);
    }

    /// <summary>Whatever the content type says (clients add a charset, or nothing), the body is JSON.</summary>
    private static async Task<T> ReadAsync<T>(HttpContext http, CancellationToken ct)
    {
        http.Features.Get<IHttpMaxRequestBodySizeFeature>()?.MaxRequestBodySize = MaxBody;
        return await JsonSerializer.DeserializeAsync<T>(http.Request.Body, WireJson.Options, ct) ?? throw new PilothouseException(ErrorCode.InvalidArgument, "The body is null.");
    }

    private static IResult Json<T>(T value, int status = StatusCodes.Status200OK) => Results.Text(WireJson.Write(value), MediaType, statusCode: status);

    internal static string Token(HttpContext http)
    {
        var header = http.Request.Headers.Authorization.ToString();
        return header.StartsWith("Bearer ", StringComparison.OrdinalIgnoreCase) ? header[7..].Trim()
            : throw new PilothouseException(ErrorCode.Unauthenticated, "A transfer needs the Authorization header that the batch answer names for it.");
    }
}

/// <summary>Errors as git-lfs shows them: <c>{"message": "..."}</c>. A body that makes no sense is 422, after which it does not try again.</summary>
internal sealed class LfsErrors : ErrorShape
{
    public static LfsErrors Instance { get; } = new();

    public override Task WriteAsync(HttpContext context, ErrorCode code, string message)
    {
        context.Response.StatusCode = code is ErrorCode.InvalidArgument or ErrorCode.DigestMismatch ? StatusCodes.Status422UnprocessableEntity : Status(code);
        context.Response.ContentType = LfsEndpoints.MediaType;
        if (code == ErrorCode.Unauthenticated)
        {
            context.Response.Headers["LFS-Authenticate"] = "Basic realm=\"Pilothouse\"";
            context.Response.Headers.WWWAuthenticate = "Basic realm=\"Pilothouse\"";
        }
        if (code is ErrorCode.Unavailable or ErrorCode.RateLimited) context.Response.Headers.RetryAfter = "1";
        return context.Response.WriteAsync(WireJson.Write(new LfsFault(message, null, context.TraceIdentifier)), context.RequestAborted);
    }
}
