using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Platform;
using Pilothouse.Web.Text;

namespace Pilothouse.Web.Hosting;

/// <summary>The form that rolls a pointer back; the page showed what changes.</summary>
internal static class PointerForms
{
    public static void MapPointerForms(this IEndpointRouteBuilder endpoints) => endpoints.MapForm("/pointers/rollback", async (HttpContext http, IPointers pointers, CancellationToken ct) =>
    {
        var form = await Forms.ReadAsync(http, ct);
        var move = await pointers.RollbackAsync(new PointerRollback(form["reference"].ToString(), form["reason"].ToString(), form["to"].ToString(), form["expect"].ToString()), http.Caller().Name, ct);
        return Results.LocalRedirect(Links.Pointer(move.Pointer));
    });
}
