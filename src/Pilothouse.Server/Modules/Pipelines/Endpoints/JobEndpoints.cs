using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Pipelines.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Pipelines.Endpoints;

internal static class JobEndpoints
{
    public static void MapJobs(this IEndpointRouteBuilder endpoints)
    {
        var jobs = endpoints.MapGroup("/api/v1/jobs").WithErrors(NativeErrors.Instance).WithTags("Pipelines");
        // A command is whatever the server's user may do: only admins may enqueue one.
        jobs.MapPost("", (NewJob job, HttpContext http, IJobs service, CancellationToken ct) => service.EnqueueAsync(job, http.Caller().Name, ct)).RequireRole(Role.Admin);
        jobs.MapGet("", (string? project, string? status, int? limit, IJobs service, CancellationToken ct) => service.ListAsync(project, status, limit ?? 100, ct));
        jobs.MapGet("{id}", (string id, IJobs service, CancellationToken ct) => service.GetAsync(id, ct));
        jobs.MapGet("{id}/log", async (string id, IJobs service, CancellationToken ct) => Results.Stream(await service.OpenLogAsync(id, ct), "text/plain; charset=utf-8"));
        jobs.MapPost("{id}/cancel", (string id, HttpContext http, IJobs service, CancellationToken ct) => service.CancelAsync(id, http.Caller().Name, ct)).RequireRole(Role.Admin);
    }
}
