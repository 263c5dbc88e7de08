using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Pilothouse.Protocols.Reports;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Fairness.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Fairness.Endpoints;

internal static class FairnessEndpoints
{
    public static void MapFairness(this IEndpointRouteBuilder endpoints)
    {
        var group = endpoints.MapGroup("/api/v1/fairness").WithErrors(NativeErrors.Instance).WithTags("Fairness");
        group.MapPost("", (NewFairnessReport request, IFairnessReports reports, HttpContext http, CancellationToken ct) => reports.RunAsync(request, http.Caller().Name, ct));
        group.MapGet("", (string? project, string? commit, int? limit, IFairnessReports reports, CancellationToken ct) => reports.ListAsync(project, commit, limit ?? 50, ct));
        group.MapGet("{id}", (string id, IFairnessReports reports, CancellationToken ct) => reports.GetAsync(id, ct));
        group.MapGet("{id}/junit", async (string id, IFairnessReports reports, CancellationToken ct) => Results.Text(JUnitReport.Write(null, [], await reports.GetAsync(id, ct)), "application/xml"));
        group.MapGet("{id}/markdown", async (string id, IFairnessReports reports, CancellationToken ct) => Results.Text(MarkdownReport.Write(null, await reports.GetAsync(id, ct)), "text/markdown"));
        group.MapGet("{id}/html", async (string id, IFairnessReports reports, CancellationToken ct) => Results.Text(HtmlReport.Write(null, [], await reports.GetAsync(id, ct)), "text/html"));
    }
}
