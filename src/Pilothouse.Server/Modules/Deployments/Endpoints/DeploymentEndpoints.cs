using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Deployments.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Deployments.Endpoints;

internal static class DeploymentEndpoints
{
    public static void MapDeployments(this IEndpointRouteBuilder endpoints)
    {
        var group = endpoints.MapGroup("/api/v1").WithErrors(NativeErrors.Instance).WithTags("Deployments");
        group.MapGet("environments", (string? project, IDeployments deployments, CancellationToken ct) => deployments.EnvironmentsAsync(project, ct));
        group.MapGet("environments/{project}/{environment}", async (string project, string environment, IDeployments deployments, CancellationToken ct) =>
            (await deployments.WhatAsync(project, environment, null, ct)).Environment);
        group.MapPost("environments/{project}/{environment}/deploy", (string project, string environment, NewDeployment body, HttpContext http, IDeployments deployments, CancellationToken ct) =>
            deployments.DeployAsync(project, environment, body.Release, http.Caller().Name, body.Reason, ct));
        group.MapPost("environments/{project}/{environment}/rollback", (string project, string environment, NewRollback body, HttpContext http, IDeployments deployments, CancellationToken ct) =>
            deployments.RollbackAsync(project, environment, body.ToRelease, http.Caller().Name, body.Reason, ct));
        group.MapGet("environments/{project}/{environment}/what", (string project, string environment, long? at, IDeployments deployments, CancellationToken ct) =>
            deployments.WhatAsync(project, environment, at, ct));
        group.MapGet("rollouts", (string? project, string? environment, int? limit, IDeployments deployments, CancellationToken ct) =>
            deployments.RolloutsAsync(project, environment, limit ?? 50, ct));
        group.MapGet("rollouts/{id}", (string id, IDeployments deployments, CancellationToken ct) => deployments.GetRolloutAsync(id, ct));
    }
}
