using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Repositories.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Repositories.Endpoints;

internal static class BranchRuleEndpoints
{
    public static void MapBranchRules(this IEndpointRouteBuilder endpoints)
    {
        var group = endpoints.MapGroup("/api/v1/projects/{project}/protection").WithErrors(NativeErrors.Instance).WithTags("Projects");
        group.MapGet("", async (string project, IBranchRules rules, CancellationToken ct) => (await rules.ListAsync(project, ct)).Select(ToInfo));
        group.MapPut("", async (string project, BranchRuleInfo body, IBranchRules rules, HttpContext http, CancellationToken ct) =>
        {
            await rules.SetAsync(project, new BranchRule(body.Pattern ?? "", body.AllowForce, body.AllowDeletion, body.Pushers ?? [], "", 0) { RequiredChecks = body.RequiredChecks ?? [] }, http.Caller().Name, ct);
            return Results.NoContent();
        }).RequireRole(Role.Admin);
        group.MapDelete("", async (string project, string pattern, IBranchRules rules, HttpContext http, CancellationToken ct) =>
        {
            await rules.RemoveAsync(project, pattern, http.Caller().Name, ct);
            return Results.NoContent();
        }).RequireRole(Role.Admin);
    }

    private static BranchRuleInfo ToInfo(BranchRule r) => new(r.Pattern, r.AllowForce, r.AllowDeletion, r.Pushers, r.UpdatedBy, r.UpdatedMs, r.RequiredChecks);
}
