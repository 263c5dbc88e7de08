using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Blobs.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Blobs.Endpoints;

/// <summary>Which of many blobs are not here, in one call.</summary>
internal static class BlobQueryEndpoints
{
    public static void MapBlobQueries(this IEndpointRouteBuilder endpoints)
    {
        var blobs = endpoints.MapGroup("/api/v1/blobs").WithErrors(NativeErrors.Instance).WithTags("Blobs");
        blobs.MapPost("missing", MissingAsync);
    }

    private static async Task<MissingBlobs> MissingAsync(BlobQuery query, IBlobStore store, CancellationToken ct)
    {
        if (query.Digests is not { Count: <= BlobQuery.MaxDigests } digests) throw new PilothouseException(ErrorCode.InvalidArgument, $"Ask for at most {BlobQuery.MaxDigests} digests at a time.");
        var missing = new List<string>();
        foreach (var digest in digests.Distinct(StringComparer.Ordinal))
            if (await store.FindAsync(digest, ct) is null) missing.Add(digest);
        return new MissingBlobs(missing);
    }
}
