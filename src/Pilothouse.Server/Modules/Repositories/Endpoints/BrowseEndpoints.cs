using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Pilothouse.Server.Modules.Repositories.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Repositories.Endpoints;

/// <summary>A repository as people read it. Revisions and paths are in the query string: both may hold slashes.</summary>
internal static class BrowseEndpoints
{
    private const int DefaultPage = 50;

    /// <summary>What stands in a repository is anyone's: a page of it gets no rights of this server's.</summary>
    private const string Sandbox = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'; sandbox";

    public static void MapBrowse(this IEndpointRouteBuilder endpoints)
    {
        var group = endpoints.MapGroup("/api/v1/projects/{project}").WithErrors(NativeErrors.Instance).WithTags("Repositories");
        group.MapGet("refs", (string project, IRepositoryBrowser browser, CancellationToken ct) => browser.RefsAsync(project, ct));
        group.MapGet("tree", (string project, string? revision, string? path, IRepositoryBrowser browser, CancellationToken ct) => browser.TreeAsync(project, revision ?? "HEAD", path ?? "", ct));
        group.MapGet("view", (string project, string? revision, string path, IRepositoryBrowser browser, CancellationToken ct) => browser.FileAsync(project, revision ?? "HEAD", path, ct));
        group.MapMethods("raw", ["GET", "HEAD"], RawAsync);
        group.MapGet("history", (string project, string? revision, string? path, int? limit, string? page_token, IRepositoryBrowser browser, CancellationToken ct) =>
            browser.HistoryAsync(project, revision ?? "HEAD", path ?? "", limit ?? DefaultPage, page_token, ct));
        group.MapGet("commits/{commit}", (string project, string commit, IRepositoryBrowser browser, CancellationToken ct) => browser.CommitAsync(project, commit, ct));
        group.MapGet("compare", (string project, string from, string? to, IRepositoryBrowser browser, CancellationToken ct) => browser.CompareAsync(project, from, to ?? "HEAD", ct));
        group.MapGet("blame", (string project, string? revision, string path, IRepositoryBrowser browser, CancellationToken ct) => browser.BlameAsync(project, revision ?? "HEAD", path, ct));
    }

    private static async Task<IResult> RawAsync(string project, string? revision, string path, bool? download, HttpContext http, IRepositoryBrowser browser, CancellationToken ct)
    {
        var raw = await browser.RawAsync(project, revision ?? "HEAD", path, ct);
        http.Response.Headers.ContentSecurityPolicy = Sandbox;
        http.Response.Headers.XContentTypeOptions = "nosniff";
        return Results.Stream(raw.Content, raw.MediaType, download == true ? path[(path.LastIndexOf('/') + 1)..] : null, entityTag: new($"\"{raw.Tag}\""), enableRangeProcessing: true);
    }
}
