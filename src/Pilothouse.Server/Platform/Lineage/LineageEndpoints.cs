using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Pilothouse.Protocols.V1;

namespace Pilothouse.Server.Platform;

internal static class LineageEndpoints
{
    private const int DefaultLimit = 200;

    public static void MapLineage(this IEndpointRouteBuilder endpoints)
    {
        var group = endpoints.MapGroup("/api/v1/lineage").WithErrors(NativeErrors.Instance).WithTags("Lineage");
        group.MapGet("", async (string @ref, string? direction, int? limit, ILineage lineage, CancellationToken ct) =>
            await lineage.WalkAsync(await lineage.ResolveAsync(@ref, ct), Direction(direction), limit ?? DefaultLimit, ct));
        group.MapGet("holders", async (string @ref, ILineage lineage, CancellationToken ct) =>
            (await lineage.HoldersAsync(await lineage.ResolveAsync(@ref, ct), ct)).Select(h => new LineageHolder(h.Kind, h.Id)));
    }

    private static LineageDirection Direction(string? text) => text switch
    {
        null or "" or "both" => LineageDirection.Both,
        "up" => LineageDirection.Up,
        "down" => LineageDirection.Down,
        _ => throw new PilothouseException(ErrorCode.InvalidArgument, "direction is up (what it was made from), down (what came of it) or both."),
    };
}
