using System.Globalization;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Pilothouse.Server.Modules.Registry.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Web.Hosting;

/// <summary>The form that deletes a version of a model, prompt, data set or suite.</summary>
internal static class VersionForms
{
    public static void MapVersionForms(this IEndpointRouteBuilder endpoints) => endpoints.MapForm("/versions/delete", async (HttpContext http, IVersionDeletion deletion, CancellationToken ct) =>
    {
        var form = await Forms.ReadAsync(http, ct);
        var type = form["type"].ToString();
        var list = type switch
        {
            LineageKind.Model => "/models",
            LineageKind.Prompt => "/prompts",
            LineageKind.Dataset => "/datasets",
            LineageKind.Suite => "/suites",
            _ => throw new PilothouseException(ErrorCode.InvalidArgument, "A version is one of a model, prompt, dataset or suite. Nothing was changed."),
        };
        if (!int.TryParse(form["version"], NumberStyles.None, CultureInfo.InvariantCulture, out var version)) throw new PilothouseException(ErrorCode.InvalidArgument, "A version is a number. Nothing was changed.");
        await deletion.DeleteAsync(type, form["name"].ToString(), version, form["reason"].ToString(), http.Caller().Name, ct);
        return Results.LocalRedirect(list);
    });
}
