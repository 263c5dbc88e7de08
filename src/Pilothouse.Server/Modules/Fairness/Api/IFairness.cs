using Pilothouse.Protocols.V1;

namespace Pilothouse.Server.Modules.Fairness.Api;

public interface IFairnessReports
{
    /// <summary>Runs the fairness checks of a commit and stores the report.</summary>
    Task<FairnessReport> RunAsync(NewFairnessReport request, string actor, CancellationToken ct);

    Task<FairnessReport> GetAsync(string id, CancellationToken ct);

    Task<IReadOnlyList<FairnessReport>> ListAsync(string? project, string? commit, int limit, CancellationToken ct);
}
