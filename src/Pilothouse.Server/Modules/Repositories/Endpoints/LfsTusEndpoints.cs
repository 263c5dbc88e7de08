using System.Globalization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;
using Pilothouse.Server.Modules.Repositories.Lfs;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Repositories.Endpoints;

/// <summary>HEAD says where an upload stands, PATCH goes on with it.</summary>
internal static class LfsTusEndpoints
{
    private const string Version = "1.0.0";

    public static void MapLfsTus(this IEndpointRouteBuilder lfs)
    {
        lfs.MapMethods("objects/{oid}/tus", ["HEAD"], StateAsync).AllowAnyone();
        lfs.MapPatch("objects/{oid}/tus", AppendAsync).AllowAnyone();
    }

    private static async Task<IResult> StateAsync(string project, string oid, HttpContext http, LfsTokens tokens, LfsTusService tus, CancellationToken ct)
    {
        var grant = tokens.Check(LfsEndpoints.Token(http), project, "upload", oid);
        Tell(http, await tus.OffsetAsync(grant, ct));
        http.Response.Headers["Upload-Length"] = grant.Size.ToString(CultureInfo.InvariantCulture);
        return Results.Ok();
    }

    private static async Task<IResult> AppendAsync(string project, string oid, HttpContext http, LfsTokens tokens, LfsTusService tus, CancellationToken ct)
    {
        var grant = tokens.Check(LfsEndpoints.Token(http), project, "upload", oid);
        if (!long.TryParse(http.Request.Headers["Upload-Offset"].ToString(), NumberStyles.None, CultureInfo.InvariantCulture, out var offset) || offset > grant.Size)
            throw new PilothouseException(ErrorCode.InvalidArgument, "Upload-Offset must be a number of bytes within the object.");
        http.Features.Get<IHttpMaxRequestBodySizeFeature>()?.MaxRequestBodySize = grant.Size - offset;
        http.Features.Get<IHttpMinRequestBodyDataRateFeature>()?.MinDataRate = null;
        Tell(http, await tus.AppendAsync(grant, offset, http.Request.Body, ct));
        return Results.NoContent();
    }

    private static void Tell(HttpContext http, long offset)
    {
        http.Response.Headers["Tus-Resumable"] = Version;
        http.Response.Headers["Upload-Offset"] = offset.ToString(CultureInfo.InvariantCulture);
        http.Response.Headers.CacheControl = "no-store";
    }
}
