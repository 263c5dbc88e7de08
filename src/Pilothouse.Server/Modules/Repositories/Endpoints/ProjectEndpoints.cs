using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Repositories.Api;
using Pilothouse.Server.Modules.Repositories.Lfs;
using Pilothouse.Server.Modules.Repositories.Maintenance;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Repositories.Endpoints;

internal static class ProjectEndpoints
{
    private const int MaxFile = 16 * 1024 * 1024;

    public static void MapProjects(this IEndpointRouteBuilder endpoints)
    {
        var group = endpoints.MapGroup("/api/v1/projects").WithErrors(NativeErrors.Instance).WithTags("Projects");
        group.MapGet("", async (IProjects projects, CancellationToken ct) => (await projects.ListAsync(ct)).Select(ToInfo));
        group.MapPost("", async (NewProject body, IProjects projects, HttpContext http, CancellationToken ct) => ToInfo(await projects.CreateAsync(body.Name ?? "", http.Caller().Name, ct)));
        group.MapGet("{project}", async (string project, IProjects projects, CancellationToken ct) => ToInfo(await projects.GetAsync(project, ct)));
        group.MapGet("{project}/commits", async (string project, string? revision, int? limit, IRepositories repositories, CancellationToken ct) =>
            (await repositories.LogAsync(project, revision ?? "HEAD", limit ?? 50, ct)).Select(c => new CommitInfo(c.Id, c.Author, c.TimeMs, c.Subject)));
        group.MapGet("{project}/resolve", async (string project, string revision, IRepositories repositories, CancellationToken ct) =>
            new ResolvedCommit(await repositories.ResolveAsync(project, revision, ct)));
        group.MapGet("{project}/file", GetFileAsync);
        group.MapPost("{project}/maintenance", (string project, RepositoryMaintenance maintenance, CancellationToken ct) => maintenance.RunAsync(project, force: true, ct)).RequireRole(Role.Admin);
        group.MapGet("{project}/lfs/removed", (string project, LfsRemoval removal, CancellationToken ct) => removal.ListAsync(project, ct));
        group.MapDelete("{project}/lfs/{oid}", (string project, string oid, string? reason, bool? force, HttpContext http, LfsRemoval removal, CancellationToken ct) =>
            removal.RemoveAsync(project, oid, reason, force == true, http.Caller().Name, ct)).RequireRole(Role.Admin);
    }

    private static async Task<IResult> GetFileAsync(string project, string path, string? revision, IRepositories repositories, CancellationToken ct) =>
        await repositories.ReadFileAsync(project, revision ?? "HEAD", path, MaxFile, ct) is { } content ? Results.Bytes(content, "application/octet-stream")
            : throw new PilothouseException(ErrorCode.NotFound, $"'{path}' is not in {project} at {revision ?? "HEAD"}.");

    private static ProjectInfo ToInfo(Project p) => new(p.Name, p.CreatedBy, p.CreatedMs, p.DefaultBranch, $"/git/{p.Name}.git");
}
