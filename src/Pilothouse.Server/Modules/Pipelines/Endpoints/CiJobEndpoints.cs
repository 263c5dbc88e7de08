using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Pipelines.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Pipelines.Endpoints;

internal static class CiJobEndpoints
{
    public static void MapCiJobs(this IEndpointRouteBuilder endpoints)
    {
        var jobs = endpoints.MapGroup("/api/v1/projects/{project}/ci/jobs").WithErrors(NativeErrors.Instance).WithTags("Pipelines");
        jobs.MapGet("", (string project, string? commit, int? limit, ICiJobs service, CancellationToken ct) => service.ListAsync(project, commit, limit ?? 50, ct));
        jobs.MapPost("", (string project, NewCiJobs request, HttpContext http, ICiJobs service, CancellationToken ct) => service.StartAsync(project, request.Revision, request.Names, http.Caller().Name, ct));
        jobs.MapGet("{id}", (string project, string id, ICiJobs service, CancellationToken ct) => service.GetAsync(project, id, ct));
        jobs.MapPost("{id}/cancel", (string project, string id, HttpContext http, ICiJobs service, CancellationToken ct) => service.CancelAsync(project, id, http.Caller().Name, ct));
        jobs.MapGet("{id}/log", async (string project, string id, ICiJobs service, CancellationToken ct) => Results.Stream(await service.OpenLogAsync(project, id, ct), "text/plain; charset=utf-8"));
        // A file that a job wrote: never shown by a browser as a page of this server.
        jobs.MapGet("{id}/artifacts/{**path}", async (string project, string id, string path, ICiJobs service, CancellationToken ct) =>
            Results.Stream(await service.OpenArtifactAsync(project, id, path, ct), "application/octet-stream", Path.GetFileName(path)));
    }
}
