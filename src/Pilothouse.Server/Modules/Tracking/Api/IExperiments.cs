namespace Pilothouse.Server.Modules.Tracking.Api;

/// <summary>What other modules hang their records on: an experiment and where its artifacts are.</summary>
/// <param name="Id">A decimal integer in a text, as MLflow's clients know it.</param>
/// <param name="ArtifactLocation">For example <c>mlflow-artifacts:/7</c>.</param>
public sealed record ExperimentPlace(string Id, string Name, string ArtifactLocation, bool IsActive);

public interface IExperiments
{
    /// <exception cref="Platform.PilothouseException">NotFound; InvalidArgument when the id is not an integer.</exception>
    Task<ExperimentPlace> GetAsync(string id, CancellationToken ct);

    /// <summary>Those of the ids that exist; at most 1,000 are looked up.</summary>
    Task<IReadOnlyDictionary<string, ExperimentPlace>> FindAsync(IReadOnlyCollection<string> ids, CancellationToken ct);
}
