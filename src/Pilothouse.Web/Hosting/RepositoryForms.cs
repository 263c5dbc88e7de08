using System.Globalization;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Repositories.Api;
using Pilothouse.Server.Platform;
using Pilothouse.Web.Text;

namespace Pilothouse.Web.Hosting;

/// <summary>What the page of branches changes: protection and mirrors. Administrators only, but for running a mirror.</summary>
internal static class RepositoryForms
{
    public static void MapRepositoryForms(this IEndpointRouteBuilder endpoints)
    {
        endpoints.MapForm("/projects/{name}/protection", async (string name, HttpContext http, IBranchRules rules, CancellationToken ct) =>
        {
            var form = await Forms.ReadAsync(http, ct);
            await rules.SetAsync(name, new BranchRule(form["pattern"].ToString().Trim(), form["force"].Count > 0, form["deletion"].Count > 0, Names(form["pushers"].ToString()), "", 0) { RequiredChecks = Names(form["checks"].ToString()) }, http.Caller().Name, ct);
            return Results.LocalRedirect(Links.Branches(name) + "#protection");
        }).RequireRole(Role.Admin);
        endpoints.MapForm("/projects/{name}/protection/remove", async (string name, HttpContext http, IBranchRules rules, CancellationToken ct) =>
        {
            var form = await Forms.ReadAsync(http, ct);
            await rules.RemoveAsync(name, form["pattern"].ToString(), http.Caller().Name, ct);
            return Results.LocalRedirect(Links.Branches(name) + "#protection");
        }).RequireRole(Role.Admin);
        endpoints.MapForm("/projects/{name}/mirrors", async (string name, HttpContext http, IMirrors mirrors, CancellationToken ct) =>
        {
            var form = await Forms.ReadAsync(http, ct);
            await mirrors.CreateAsync(name, new NewMirror(form["direction"].ToString(), form["url"].ToString().Trim(), Sent(form["user"].ToString()), Sent(form["password"].ToString()), Minutes(form["minutes"].ToString())), http.Caller().Name, ct);
            return Results.LocalRedirect(Links.Branches(name) + "#mirrors");
        }).RequireRole(Role.Admin);
        endpoints.MapForm("/projects/{name}/mirrors/{id}/sync", async (string name, string id, HttpContext http, IMirrors mirrors, CancellationToken ct) =>
        {
            await Forms.ReadAsync(http, ct);
            await mirrors.SyncAsync(name, id, ct); // how it went stands in the table
            return Results.LocalRedirect(Links.Branches(name) + "#mirrors");
        });
        endpoints.MapForm("/projects/{name}/mirrors/{id}/remove", async (string name, string id, HttpContext http, IMirrors mirrors, CancellationToken ct) =>
        {
            await Forms.ReadAsync(http, ct);
            await mirrors.DeleteAsync(name, id, http.Caller().Name, ct);
            return Results.LocalRedirect(Links.Branches(name) + "#mirrors");
        }).RequireRole(Role.Admin);
    }

    private static string[] Names(string text) => text.Split([',', ' '], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);

    private static string? Sent(string text) => text.Length == 0 ? null : text;

    /// <returns>Seconds; null = the default of the direction.</returns>
    private static long? Minutes(string text) => text.Trim().Length == 0 ? null
        : long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var minutes) && minutes < 1_000_000 ? minutes * 60
        : throw new PilothouseException(ErrorCode.InvalidArgument, "An interval is a number of minutes; 0 = only by command. Nothing was changed.");
}
