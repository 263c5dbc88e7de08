using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Packaging.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Packaging.Endpoints;

internal static class ReleaseEndpoints
{
    public static void MapReleases(this IEndpointRouteBuilder endpoints)
    {
        var releases = endpoints.MapGroup("/api/v1/releases").WithErrors(NativeErrors.Instance).WithTags("Releases");
        releases.MapGet("", (string? project, int? limit, ReleaseService service, CancellationToken ct) => service.ListAsync(project, limit ?? 100, ct));
        releases.MapPost("", (NewRelease request, HttpContext http, ReleaseService service, CancellationToken ct) =>
            service.CreateAsync(Required(request.Project, "project"), Required(request.Commit, "commit"), http.Caller().Name, ct));
        releases.MapGet("{reference}", (string reference, ReleaseService service, CancellationToken ct) => service.GetAsync(reference, ct));
        releases.MapPost("{reference}/approvals", (string reference, NewApproval request, HttpContext http, ReleaseService service, CancellationToken ct) =>
            service.ApproveAsync(reference, http.Caller().Name, request.Comment, ct));
        endpoints.MapGroup("/api/v1/diff").WithErrors(NativeErrors.Instance).WithTags("Differences")
            .MapGet("releases", (string from, string to, IReleaseDiff diffs, CancellationToken ct) => diffs.CompareAsync(from, to, ct));
        releases.MapGet("{reference}/oci-layout", LayoutAsync);
    }

    private static async Task LayoutAsync(string reference, HttpContext http, ReleaseService service, OciContents contents, CancellationToken ct)
    {
        var release = await service.FindAsync((await service.GetAsync(reference, ct)).Digest, ct);
        http.Response.ContentType = "application/x-tar";
        http.Response.Headers.ContentDisposition = $"attachment; filename=\"{release.Project}-{OciContents.Tag(release)}.oci.tar\"";
        await contents.WriteLayoutAsync(release, http.Response.Body, ct);
    }

    private static string Required(string? value, string name) =>
        string.IsNullOrEmpty(value) ? throw new PilothouseException(ErrorCode.InvalidArgument, $"'{name}' is missing.") : value;
}
