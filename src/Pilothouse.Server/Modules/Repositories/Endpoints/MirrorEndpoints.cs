using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Repositories.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Repositories.Endpoints;

internal static class MirrorEndpoints
{
    public static void MapMirrors(this IEndpointRouteBuilder endpoints)
    {
        var group = endpoints.MapGroup("/api/v1/projects/{project}/mirrors").WithErrors(NativeErrors.Instance).WithTags("Projects");
        group.MapGet("", (string project, IMirrors mirrors, CancellationToken ct) => mirrors.ListAsync(project, ct));
        // The server itself connects to the address, with a login: an administrator's decision.
        group.MapPost("", (string project, NewMirror body, IMirrors mirrors, HttpContext http, CancellationToken ct) => mirrors.CreateAsync(project, body, http.Caller().Name, ct)).RequireRole(Role.Admin);
        group.MapPost("{id}/sync", (string project, string id, IMirrors mirrors, CancellationToken ct) => mirrors.SyncAsync(project, id, ct));
        group.MapDelete("{id}", async (string project, string id, IMirrors mirrors, HttpContext http, CancellationToken ct) =>
        {
            await mirrors.DeleteAsync(project, id, http.Caller().Name, ct);
            return Results.NoContent();
        }).RequireRole(Role.Admin);
    }
}
