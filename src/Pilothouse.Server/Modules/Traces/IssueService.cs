using System.Text.Json;
using Pilothouse.Protocols.Mlflow;
using Pilothouse.Server.Modules.Tracking.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Traces;

/// <summary>Rules of issues: what goes wrong in an experiment's traces, linked to them by assessments.</summary>
internal sealed class IssueService(IssueStore store, IExperiments experiments, Ids ids, TimeProvider time)
{
    public const int MaxLimit = 1000;
    private const int MaxName = 500;
    private const int MaxText = 65_536;
    private const int MaxItems = 100;
    private static readonly string[] Statuses = ["pending", "accepted", "rejected", "resolved"];
    private static readonly string[] Severities = ["not_an_issue", "low", "medium", "high", "critical"];

    public async Task<MlflowIssue> CreateAsync(string experimentId, IssueRow issue, IReadOnlyList<string> rootCauses, IReadOnlyList<string> categories, CancellationToken ct)
    {
        Check(issue.Name, issue.Description, issue.Status, issue.Severity);
        if (rootCauses.Count > MaxItems || categories.Count > MaxItems || rootCauses.Concat(categories).Any(t => t.Length > MaxText)) throw Invalid($"An issue has at most {MaxItems} root causes and categories.");
        var experiment = await experiments.GetAsync(experimentId, ct);
        var now = time.NowMs();
        var row = issue with { IssueId = "iss-" + ids.New(), ExperimentId = experiment.Id, RootCauses = JsonSerializer.Serialize(rootCauses), Categories = JsonSerializer.Serialize(categories), CreatedMs = now, UpdatedMs = now };
        await store.InsertAsync(row, ct);
        return row.ToMlflow();
    }

    public async Task<MlflowIssue> GetAsync(string issueId, CancellationToken ct) => (await store.FindAsync(issueId, ct) ?? throw Missing(issueId)).ToMlflow();

    public async Task<MlflowIssue> UpdateAsync(string issueId, string? name, string? description, string? status, string? severity, CancellationToken ct)
    {
        Check(name, description, status, severity);
        return (await store.UpdateAsync(issueId, name, description, status, severity, time.NowMs(), ct) ?? throw Missing(issueId)).ToMlflow();
    }

    public async Task<MlflowIssues> SearchAsync(string? experimentId, string? filter, long limit, string? token, bool withTraces, CancellationToken ct)
    {
        if (limit is < 1 or > MaxLimit) throw Invalid($"Invalid value {limit} for parameter 'max_results' supplied. It must be a positive integer, at most {MaxLimit}");
        var (rows, next) = await store.SearchAsync(experimentId, MlflowFilter.Parse(filter, MlflowGrammar.Issues), (int)limit, token, withTraces, ct);
        return new MlflowIssues(rows.ConvertAll(r => r.ToMlflow()), next);
    }

    private static void Check(string? name, string? description, string? status, string? severity)
    {
        if (name?.Length > MaxName) throw Invalid($"'name' exceeds the maximum length of {MaxName} characters");
        if (description?.Length > MaxText) throw Invalid($"'description' exceeds the maximum length of {MaxText} characters");
        if (status is not null && !Statuses.Contains(status)) throw Invalid($"The status is one of {string.Join(", ", Statuses)}.");
        if (severity is not null && !Severities.Contains(severity)) throw Invalid($"The severity is one of {string.Join(", ", Severities)}.");
    }

    private static PilothouseException Missing(string id) => new(ErrorCode.NotFound, $"Issue with ID '{(id.Length <= 100 ? id : id[..100])}' not found");

    private static PilothouseException Invalid(string message) => new(ErrorCode.InvalidArgument, message);
}
