using System.Globalization;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Tracking.Api;
using Pilothouse.Server.Platform;
using Pilothouse.Web.Text;

namespace Pilothouse.Web.Hosting;

/// <summary>What the pages of an experiment change: many runs at once, and saved views.</summary>
internal static class RunForms
{
    private const int MaxCompared = 100;

    public static void MapRunForms(this IEndpointRouteBuilder endpoints)
    {
        // Readers compare and export, too: what changes runs asks for the writer's role itself.
        endpoints.MapForm("/experiments/{id}/actions", ActAsync).RequireRole(Role.Reader);
        endpoints.MapForm("/experiments/{id}/views", SaveViewAsync);
        endpoints.MapForm("/experiments/{id}/views/delete", DeleteViewAsync);
    }

    private static async Task<IResult> ActAsync(string id, HttpContext http, IRunTable table, CancellationToken ct)
    {
        var form = await Forms.ReadAsync(http, ct);
        string[] runs = [.. form["run"].OfType<string>().Distinct(StringComparer.Ordinal)];
        if (runs.Length == 0) return Back(form, "none", 0);
        var action = form["action"].ToString();
        switch (action)
        {
            case "compare":
                return Results.LocalRedirect(Links.Compare(runs.Take(MaxCompared)));
            case "csv" or "json":
                var query = new RunQuery(id, $"attributes.run_id IN ({string.Join(", ", runs.Select(r => $"'{r.Replace("'", "''", StringComparison.Ordinal)}'"))})", [], RunStage.All, false);
                return Results.Stream(output => table.ExportAsync(query, [], action, output, ct), action == "csv" ? "text/csv; charset=utf-8" : "application/json", $"runs-{id}.{action}");
        }
        var caller = http.Caller();
        if (caller.Role < Role.Writer) throw new PilothouseException(ErrorCode.PermissionDenied, $"'{caller.Name}' may read only; changing runs needs the role writer.");
        switch (action)
        {
            case "delete":
                return Back(form, "deleted", await table.MoveAsync(id, runs, RunStage.Deleted, caller.Name, ct));
            case "restore":
                return Back(form, "restored", await table.MoveAsync(id, runs, RunStage.Active, caller.Name, ct));
            case "tag":
                await table.TagAsync(id, runs, form["tag_key"].ToString().Trim(), form["tag_value"].ToString(), caller.Name, ct);
                return Back(form, "tagged", runs.Length);
            default:
                throw new PilothouseException(ErrorCode.InvalidArgument, $"There is no action '{action}' for runs.");
        }
    }

    private static async Task<IResult> SaveViewAsync(string id, HttpContext http, IRunViews views, CancellationToken ct)
    {
        var form = await Forms.ReadAsync(http, ct);
        var view = await views.SaveAsync(id, new NewSavedView(form["name"].ToString(), form["address"].ToString()), http.Caller().Name, ct);
        return Results.LocalRedirect(Links.Local(view.Address));
    }

    private static async Task<IResult> DeleteViewAsync(string id, HttpContext http, IRunViews views, CancellationToken ct)
    {
        var form = await Forms.ReadAsync(http, ct);
        await views.DeleteAsync(id, form["name"].ToString(), http.Caller().Name, ct);
        return Results.LocalRedirect(Links.Local(form["return"]));
    }

    /// <summary>To the page that the form was on, which then says what was done.</summary>
    private static IResult Back(IFormCollection form, string done, int count)
    {
        var page = Links.Local(form["return"]);
        return Results.LocalRedirect(page + (page.Contains('?', StringComparison.Ordinal) ? "&" : "?") + string.Create(CultureInfo.InvariantCulture, $"done={done}-{count}"));
    }
}
