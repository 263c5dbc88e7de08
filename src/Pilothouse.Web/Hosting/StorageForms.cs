using System.Globalization;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Pilothouse.Server.Modules.Blobs.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Web.Hosting;

/// <summary>What the storage page does: a scrub, a look at what could go, a quota. Administrators only.</summary>
internal static class StorageForms
{
    private const string Page = "/storage";

    public static void MapStorageForms(this IEndpointRouteBuilder endpoints)
    {
        endpoints.MapForm(Page + "/scrub", async (HttpContext http, IStorageCare care, CancellationToken ct) =>
        {
            await Forms.ReadAsync(http, ct);
            await care.StartScrubAsync(ct);
            return Results.LocalRedirect(Page + "#scrub");
        }).RequireRole(Role.Admin);
        endpoints.MapForm(Page + "/gc", async (HttpContext http, IStorageCare care, CancellationToken ct) =>
        {
            await Forms.ReadAsync(http, ct);
            await care.DryRunAsync(http.Caller().Name, ct);
            return Results.LocalRedirect(Page + "#gc");
        }).RequireRole(Role.Admin);
        endpoints.MapForm(Page + "/quota", async (HttpContext http, IStorageCare care, CancellationToken ct) =>
        {
            var form = await Forms.ReadAsync(http, ct);
            await care.SetQuotaAsync(form["project"].ToString(), Gigabytes(form["gigabytes"].ToString()), http.Caller().Name, ct);
            return Results.LocalRedirect(Page);
        }).RequireRole(Role.Admin);
    }

    /// <returns>Bytes; null = no quota.</returns>
    private static long? Gigabytes(string text) => text.Trim().Length == 0 ? null
        : double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var gigabytes) && gigabytes is >= 0 and < 1e9 ? (long)(gigabytes * 1e9)
        : throw new PilothouseException(ErrorCode.InvalidArgument, "A quota is a number of gigabytes, such as 50 or 0.5; leave it empty for none. Nothing was changed.");
}
