using Pilothouse.Protocols.V1;

namespace Pilothouse.Server.Modules.Evaluation.Api;

/// <summary>The single cases of evaluations.</summary>
public interface IEvaluationCases
{
    /// <summary>Cases of one evaluation in order.</summary>
    /// <param name="outcome">worsened, improved, same or new; null = all.</param>
    Task<Page<EvaluationCase>> CasesAsync(string id, string? suite, string? outcome, int limit, string? pageToken, CancellationToken ct);

    /// <summary>One case of a suite over the finished evaluations of a project, newest first.</summary>
    Task<IReadOnlyList<CaseHistoryEntry>> HistoryAsync(string project, string suite, string caseId, int limit, CancellationToken ct);
}
