using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Pilothouse.Server.Modules.Tracking.Api;
using Pilothouse.Web.Text;

namespace Pilothouse.Web.Hosting;

/// <summary>What the forms of a run's page change: name, description, tags, deletion.</summary>
internal static class RunPageForms
{
    public static void MapRunPageForms(this IEndpointRouteBuilder endpoints)
    {
        Map(endpoints, "rename", (edits, run, form, ct) => edits.RenameAsync(run, form["name"].ToString(), ct));
        Map(endpoints, "description", (edits, run, form, ct) => edits.SetTagAsync(run, IRunEdits.NoteTag, form["value"].ToString().ReplaceLineEndings("\n"), ct));
        Map(endpoints, "tag", (edits, run, form, ct) => edits.SetTagAsync(run, form["key"].ToString(), form["value"].ToString(), ct));
        Map(endpoints, "delete", (edits, run, _, ct) => edits.DeleteAsync(run, ct));
        Map(endpoints, "restore", (edits, run, _, ct) => edits.RestoreAsync(run, ct));
    }

    private static void Map(IEndpointRouteBuilder endpoints, string command, Func<IRunEdits, string, IFormCollection, CancellationToken, Task> act) =>
        endpoints.MapForm("/runs/{id}/" + command, async (string id, HttpContext http, IRunEdits edits, CancellationToken ct) =>
        {
            var form = await Forms.ReadAsync(http, ct);
            await act(edits, id, form, ct);
            return Results.LocalRedirect(form["return"].Count == 0 ? Links.Run(id) : Links.Local(form["return"]));
        });
}
