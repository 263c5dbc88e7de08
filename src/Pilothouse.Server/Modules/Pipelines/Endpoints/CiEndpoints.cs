using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Pipelines.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Pipelines.Endpoints;

internal static class CiEndpoints
{
    public static void MapCiBuilds(this IEndpointRouteBuilder endpoints)
    {
        var ci = endpoints.MapGroup("/api/v1/projects/{project}/ci").WithErrors(NativeErrors.Instance).WithTags("Pipelines");
        ci.MapGet("connections", (string project, ICiBuilds service, CancellationToken ct) => service.ConnectionsAsync(project, ct));
        // A connection makes this server call an address with a credential: an administrator's.
        ci.MapPut("connections/{name}", (string project, string name, NewCiConnection connection, HttpContext http, ICiBuilds service, CancellationToken ct) => service.ConnectAsync(project, name, connection, http.Caller().Name, ct)).RequireRole(Role.Admin);
        ci.MapDelete("connections/{name}", async (string project, string name, HttpContext http, ICiBuilds service, CancellationToken ct) =>
        {
            await service.DisconnectAsync(project, name, http.Caller().Name, ct);
            return Results.NoContent();
        }).RequireRole(Role.Admin);
        ci.MapPost("connections/{name}/builds", (string project, string name, NewCiBuild build, HttpContext http, ICiBuilds service, CancellationToken ct) => service.StartAsync(project, name, build.Revision, http.Caller().Name, ct));
        ci.MapGet("statuses", (string project, int? limit, ICommitStatuses service, CancellationToken ct) => service.RecentAsync(project, limit ?? 50, ct));
        ci.MapGet("schedules", (string project, ICiSchedules service, CancellationToken ct) => service.ListAsync(project, ct));
        ci.MapGet("builds", (string project, int? limit, ICiBuilds service, CancellationToken ct) => service.BuildsAsync(project, limit ?? 50, ct));
    }
}
