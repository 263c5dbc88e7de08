using System.IO.Compression;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;
using Pilothouse.Server.Modules.Repositories.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Repositories.Endpoints;

/// <summary>Git smart HTTP under <c>/git/PROJECT.git</c>, for stock git.</summary>
internal static class GitEndpoints
{
    public static void MapGit(this IEndpointRouteBuilder endpoints)
    {
        var git = endpoints.MapGroup("/git/{project}.git").WithErrors(GitErrors.Instance).ExcludeFromDescription();
        git.MapGet("info/refs", AdvertiseAsync);
        git.MapPost("git-upload-pack", UploadPackAsync).RequireRole(Role.Reader);
        git.MapPost("git-receive-pack", ReceivePackAsync);
    }

    private static async Task AdvertiseAsync(string project, string? service, HttpContext http, GitTransport transport, IProjects projects, CancellationToken ct)
    {
        await projects.GetAsync(project, ct);
        if (!GitTransport.IsService(service))
            throw new PilothouseException(ErrorCode.PermissionDenied, "Only Git's smart protocol is served: use git 1.6.6 or newer.");
        // The client asks this first; answering 401 here makes it send credentials for the push that follows.
        if (service == "git-receive-pack" && http.Caller().Role < Role.Writer)
            throw new PilothouseException(ErrorCode.PermissionDenied, $"'{http.Caller().Name}' may read '{project}', not push to it.");
        Prepare(http, $"application/x-{service}-advertisement");
        var protocol = Protocol(http);
        // 001e# service=git-upload-pack\n0000 — left out where git itself leaves it out (version 2).
        if (protocol is null || !protocol.Contains("version=2", StringComparison.Ordinal) || service == "git-receive-pack")
            await http.Response.Body.WriteAsync(Encoding.ASCII.GetBytes($"{service!.Length + 15:x4}# service={service}\n0000"), ct);
        await transport.AdvertiseAsync(project, service!, protocol, http.Response.Body, ct);
    }

    private static async Task UploadPackAsync(string project, HttpContext http, GitTransport transport, IProjects projects, CancellationToken ct)
    {
        await projects.GetAsync(project, ct);
        await using var body = Body(http);
        Prepare(http, "application/x-git-upload-pack-result");
        await transport.UploadPackAsync(project, Protocol(http), body, http.Response.Body, ct);
    }

    private static async Task ReceivePackAsync(string project, HttpContext http, GitTransport transport, IProjects projects, CancellationToken ct)
    {
        await projects.GetAsync(project, ct);
        await using var body = Body(http);
        Prepare(http, "application/x-git-receive-pack-result");
        await transport.ReceivePackAsync(project, http.Caller(), body, http.Response.Body, ct);
    }

    /// <summary>Packs are streamed, and a slow line is not an error; git's own receive.maxInputSize is the bound.</summary>
    private static Stream Body(HttpContext http)
    {
        http.Features.Get<IHttpMaxRequestBodySizeFeature>()?.MaxRequestBodySize = null;
        http.Features.Get<IHttpMinRequestBodyDataRateFeature>()?.MinDataRate = null;
        return http.Request.Headers.ContentEncoding == "gzip" ? new GZipStream(http.Request.Body, CompressionMode.Decompress) : http.Request.Body;
    }

    private static void Prepare(HttpContext http, string contentType)
    {
        http.Response.ContentType = contentType;
        http.Response.Headers.CacheControl = "no-cache, max-age=0, must-revalidate";
    }

    private static string? Protocol(HttpContext http) => http.Request.Headers["Git-Protocol"].FirstOrDefault();
}

/// <summary>git prints a text/plain body of an error to its user.</summary>
internal sealed class GitErrors : ErrorShape
{
    public static GitErrors Instance { get; } = new();

    public override Task WriteAsync(HttpContext context, ErrorCode code, string message)
    {
        context.Response.StatusCode = Status(code);
        context.Response.ContentType = "text/plain; charset=utf-8";
        if (code == ErrorCode.Unauthenticated) context.Response.Headers.WWWAuthenticate = "Basic realm=\"Pilothouse\"";
        return context.Response.WriteAsync(message + "\n", context.RequestAborted);
    }
}
