using Pilothouse.Protocols.V1;

namespace Pilothouse.Server.Modules.Evaluation.Api;

public interface IEvaluations
{
    /// <summary>Starts the suites of a commit against a base line; the evaluation runs in the background.</summary>
    Task<EvaluationSummary> StartAsync(NewEvaluation request, string actor, CancellationToken ct);

    Task<EvaluationDetail> GetAsync(string id, CancellationToken ct);

    Task<Page<EvaluationSummary>> ListAsync(string? project, string? commit, int limit, string? pageToken, CancellationToken ct);
}

/// <summary>Event: an evaluation ended.</summary>
public sealed record EvaluationFinished(EvaluationSummary Evaluation);
