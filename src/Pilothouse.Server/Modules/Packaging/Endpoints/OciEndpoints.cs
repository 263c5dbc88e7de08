using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Pilothouse.Protocols.Artifacts;
using Pilothouse.Protocols.Oci;
using Pilothouse.Server.Modules.Blobs.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Packaging.Endpoints;

/// <summary>
/// The pull side of an OCI registry (<see href="https://github.com/opencontainers/distribution-spec/blob/main/spec.md"/>): a project is a repository,
/// a release a manifest, the evidence about it its referrers. Releases are made by <c>POST /api/v1/releases</c>, not pushed.
/// </summary>
internal static class OciEndpoints
{
    public static void MapOci(this IEndpointRouteBuilder endpoints)
    {
        string[] read = ["GET", "HEAD"];
        var v2 = endpoints.MapGroup("/v2").WithErrors(OciErrors.Instance).WithTags("OCI registry");
        v2.MapMethods("/", read, (HttpContext http) =>
        {
            http.Response.Headers["Docker-Distribution-API-Version"] = "registry/2.0";
            return Results.Json(new { });
        });
        v2.MapMethods("{name}/manifests/{reference}", read, ManifestAsync);
        v2.MapMethods("{name}/blobs/{digest}", read, BlobAsync);
        v2.MapGet("{name}/tags/list", TagsAsync);
        v2.MapGet("{name}/referrers/{digest}", ReferrersAsync);
        v2.MapMethods("{**rest}", ["POST", "PUT", "PATCH", "DELETE"], IResult () =>
            throw new PilothouseException(ErrorCode.Unsupported, "This registry is read-only. Make a release with: pilothouse release create --project P --commit C."));
    }

    private static async Task<IResult> ManifestAsync(string name, string reference, HttpContext http, OciContents contents, CancellationToken ct)
    {
        var manifest = await contents.FindManifestAsync(name, reference, ct) ?? throw new PilothouseException(ErrorCode.NotFound, $"The project '{name}' has no release {reference}.");
        http.Response.Headers["Docker-Content-Digest"] = Digest.Of(manifest).ToString();
        return Results.Bytes(manifest, OciMediaTypes.Manifest);
    }

    private static async Task<IResult> BlobAsync(string name, string digest, HttpContext http, IBlobStore blobs, CancellationToken ct)
    {
        var content = await blobs.OpenReadAsync(digest, ct);
        http.Response.Headers["Docker-Content-Digest"] = digest;
        return Results.Stream(content, "application/octet-stream", entityTag: new($"\"{digest}\""), enableRangeProcessing: true);
    }

    private static async Task<IResult> TagsAsync(string name, int? n, string? last, OciContents contents, HttpContext http, CancellationToken ct)
    {
        var tags = (await contents.TagsAsync(name, ct)).Where(t => last is null || string.CompareOrdinal(t, last) > 0).ToList();
        if (n is >= 0 && n < tags.Count)
        {
            tags = tags[..n.Value];
            if (n > 0) http.Response.Headers.Link = $"</v2/{name}/tags/list?n={n}&last={tags[^1]}>; rel=\"next\"";
        }
        return Results.Json(new { name, tags });
    }

    private static async Task<IResult> ReferrersAsync(string name, string digest, string? artifactType, OciContents contents, HttpContext http, CancellationToken ct)
    {
        if (!Digest.TryParse(digest, out var subject)) throw new PilothouseException(ErrorCode.InvalidArgument, $"'{digest}' is not a digest.");
        if (artifactType is not null) http.Response.Headers["OCI-Filters-Applied"] = "artifactType";
        // ?artifactType=application/vnd.x+json unescaped arrives with a space; media types have none.
        return Results.Bytes(OciJson.ToBytes(await contents.ReferrersAsync(subject, artifactType?.Replace(' ', '+'), ct)), OciMediaTypes.Index);
    }
}
