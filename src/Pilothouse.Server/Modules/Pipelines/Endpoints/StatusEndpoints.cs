using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Pipelines.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Pipelines.Endpoints;

internal static class StatusEndpoints
{
    public static void MapStatuses(this IEndpointRouteBuilder endpoints)
    {
        var statuses = endpoints.MapGroup("/api/v1/projects/{project}/commits/{commit}/statuses").WithErrors(NativeErrors.Instance).WithTags("Pipelines");
        statuses.MapGet("", (string project, string commit, ICommitStatuses service, CancellationToken ct) => service.ListAsync(project, commit, ct));
        statuses.MapPost("", (string project, string commit, NewCommitStatus status, HttpContext http, ICommitStatuses service, CancellationToken ct) => service.SetAsync(project, commit, status, http.Caller().Name, ct));
    }
}
