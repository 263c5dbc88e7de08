using Pilothouse.Protocols.V1;

namespace Pilothouse.Client;

public sealed partial class PilothouseClient
{
    /// <summary>Starts an evaluation; it runs on the server.</summary>
    public Task<EvaluationSummary> StartEvaluationAsync(NewEvaluation evaluation, CancellationToken ct) => PostAsync<EvaluationSummary>("api/v1/evaluations", evaluation, ct);

    /// <summary>What an evaluation would take; nothing is asked.</summary>
    public Task<EvaluationEstimate> EstimateEvaluationAsync(NewEvaluation evaluation, CancellationToken ct) => PostAsync<EvaluationEstimate>("api/v1/evaluations/estimate", evaluation, ct);

    /// <summary>One case over the finished evaluations of a project, newest first.</summary>
    public Task<IReadOnlyList<CaseHistoryEntry>> GetCaseHistoryAsync(string project, string suite, string caseId, int limit, CancellationToken ct) =>
        GetAsync<IReadOnlyList<CaseHistoryEntry>>($"api/v1/evaluations/history?limit={limit}{Query("project", project)}{Query("suite", suite)}{Query("case", caseId)}", ct);

    /// <summary>Cases of a project whose verdict flickers.</summary>
    public Task<IReadOnlyList<FlakySuite>> ListFlakyCasesAsync(string project, string? suite, CancellationToken ct) =>
        GetAsync<IReadOnlyList<FlakySuite>>($"api/v1/evaluations/flakes?project={Uri.EscapeDataString(project)}{Query("suite", suite)}", ct);

    /// <summary>State and, once it is finished, the results.</summary>
    public Task<EvaluationDetail> GetEvaluationAsync(string id, CancellationToken ct) => GetAsync<EvaluationDetail>($"api/v1/evaluations/{Uri.EscapeDataString(id)}", ct);

    public Task<Page<EvaluationSummary>> ListEvaluationsAsync(string? project, string? commit, int limit, string? pageToken, CancellationToken ct) =>
        GetAsync<Page<EvaluationSummary>>($"api/v1/evaluations?limit={limit}{Query("project", project)}{Query("commit", commit)}{Query("page_token", pageToken)}", ct);

    /// <param name="outcome">worsened, improved, same or new; null = all.</param>
    public Task<Page<EvaluationCase>> ListEvaluationCasesAsync(string id, string? suite, string? outcome, int limit, string? pageToken, CancellationToken ct) =>
        GetAsync<Page<EvaluationCase>>($"api/v1/evaluations/{Uri.EscapeDataString(id)}/cases?limit={limit}{Query("suite", suite)}{Query("outcome", outcome)}{Query("page_token", pageToken)}", ct);

    /// <summary>Runs the fairness checks of a commit and waits for the report.</summary>
    public Task<FairnessReport> RunFairnessAsync(NewFairnessReport report, CancellationToken ct) => PostAsync<FairnessReport>("api/v1/fairness", report, ct);

    public Task<FairnessReport> GetFairnessAsync(string id, CancellationToken ct) => GetAsync<FairnessReport>($"api/v1/fairness/{Uri.EscapeDataString(id)}", ct);

    public Task<IReadOnlyList<FairnessReport>> ListFairnessAsync(string? project, string? commit, int limit, CancellationToken ct) =>
        GetAsync<IReadOnlyList<FairnessReport>>($"api/v1/fairness?limit={limit}{Query("project", project)}{Query("commit", commit)}", ct);

    /// <summary>What runs in an environment, and why; null when the project has no environment of that name.</summary>
    public async Task<Custody?> FindCustodyAsync(string project, string environment, CancellationToken ct)
    {
        try
        {
            return await GetAsync<Custody>($"api/v1/environments/{Uri.EscapeDataString(project)}/{Uri.EscapeDataString(environment)}/what", ct);
        }
        catch (PilothouseApiException e) when (e.Status == 404)
        {
            return null;
        }
    }

    private static string Query(string name, string? value) => value is null ? "" : $"&{name}={Uri.EscapeDataString(value)}";
}
