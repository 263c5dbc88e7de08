using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Pilothouse.Protocols.Reports;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Evaluation.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Evaluation.Endpoints;

internal static class EvaluationEndpoints
{
    /// <summary>Cases read for one HTML report; it says so when there are more.</summary>
    private const int MaxCases = 200_000;

    public static void MapEvaluations(this IEndpointRouteBuilder endpoints)
    {
        var group = endpoints.MapGroup("/api/v1/evaluations").WithErrors(NativeErrors.Instance).WithTags("Evaluations");
        group.MapPost("", async (NewEvaluation request, IEvaluations evaluations, HttpContext http, CancellationToken ct) =>
        {
            var summary = await evaluations.StartAsync(request, http.Caller().Name, ct);
            return Results.Accepted($"/api/v1/evaluations/{summary.Id}", summary);
        }).Produces<EvaluationSummary>(StatusCodes.Status202Accepted);
        endpoints.MapGroup("/api/v1/suites").WithErrors(NativeErrors.Instance).WithTags("Suites").MapPost("", (NewSuites request, HttpContext http, SuiteRegistration suites, CancellationToken ct) =>
            suites.RegisterAsync(request, http.Caller().Name, ct));
        group.MapPost("estimate", (NewEvaluation request, EvaluationService service, CancellationToken ct) => service.EstimateAsync(request, ct));
        group.MapGet("flakes", (string project, string? suite, EvaluationService service, CancellationToken ct) => service.FlakesAsync(project, suite, ct));
        group.MapGet("history", (string project, string suite, string @case, int? limit, EvaluationService service, CancellationToken ct) => service.HistoryAsync(project, suite, @case, limit ?? 50, ct));
        group.MapGet("", (string? project, string? commit, int? limit, string? page_token, IEvaluations evaluations, CancellationToken ct) =>
            evaluations.ListAsync(project, commit, limit ?? 50, page_token, ct));
        group.MapGet("{id}", (string id, IEvaluations evaluations, CancellationToken ct) => evaluations.GetAsync(id, ct));
        group.MapGet("{id}/cases", (string id, string? suite, string? outcome, int? limit, string? page_token, EvaluationService service, CancellationToken ct) =>
            service.CasesAsync(id, suite, outcome, limit ?? 100, page_token, ct));
        group.MapGet("{id}/junit", async (string id, EvaluationService service, CancellationToken ct) =>
            Results.Text(JUnitReport.Write(await FinishedAsync(service, id, ct), await CasesAsync(service, id, JUnitReport.MaxCases, ct), null), "application/xml"));
        group.MapGet("{id}/markdown", async (string id, EvaluationService service, CancellationToken ct) => Results.Text(MarkdownReport.Write(await FinishedAsync(service, id, ct), null), "text/markdown"));
        group.MapGet("{id}/html", async (string id, EvaluationService service, HttpContext http, CancellationToken ct) =>
        {
            http.Response.Headers.ContentSecurityPolicy = HtmlReport.Policy + "; frame-ancestors 'none'; sandbox allow-scripts";
            return Results.Text(HtmlReport.Write(await FinishedAsync(service, id, ct), await CasesAsync(service, id, MaxCases, ct), null), "text/html");
        });
    }

    private static async Task<EvaluationDetail> FinishedAsync(EvaluationService service, string id, CancellationToken ct)
    {
        var detail = await service.GetAsync(id, ct);
        if (detail.Summary.Status == "running")
            throw new PilothouseException(ErrorCode.FailedPrecondition, $"The evaluation still runs ({detail.Summary.Done} of {detail.Summary.Cases} calls done); there is no report yet.");
        return detail;
    }

    private static async Task<IReadOnlyList<EvaluationCase>> CasesAsync(EvaluationService service, string id, int most, CancellationToken ct)
    {
        var cases = new List<EvaluationCase>();
        for (string? token = null; cases.Count < most;)
        {
            var page = await service.CasesAsync(id, null, null, 1_000, token, ct);
            cases.AddRange(page.Items);
            if ((token = page.NextPageToken) is null) break;
        }
        return cases;
    }
}
