using Pilothouse.Data;

namespace Pilothouse.Server.Modules.Tracking.Api;

/// <summary>MLflow's logged models: what a run made, before anyone registers it.</summary>
public interface ILoggedModels
{
    /// <returns>Null when there is no such model, or it is deleted.</returns>
    Task<LoggedModel?> FindAsync(string modelId, CancellationToken ct);

    /// <summary>
    /// Notes on the model that it was registered, in its tag <c>mlflow.modelVersions</c>: <c>[{"name": "triage", "version": 3}]</c>. Part of the caller's
    /// write; a model that is not there is no fault, since a version may outlive its model.
    /// </summary>
    Task AddVersionAsync(DbSession session, string modelId, string name, long version);
}

/// <param name="ArtifactUri"><c>mlflow-artifacts:/1/models/m-.../artifacts</c>: see <see cref="IArtifacts"/>.</param>
/// <param name="SourceRunId">The run that made it; empty when it was made outside of a run.</param>
/// <param name="Status">LOGGED_MODEL_PENDING, LOGGED_MODEL_READY or LOGGED_MODEL_UPLOAD_FAILED.</param>
/// <param name="ModelType">As the client said, e.g. <c>agent</c>; often empty.</param>
/// <param name="Metrics">The newest points of each metric and data set.</param>
public sealed record LoggedModel(string ModelId, string ExperimentId, string Name, string ArtifactUri, string SourceRunId, string Status, string ModelType, long CreatedMs, long UpdatedMs,
    IReadOnlyDictionary<string, string> Params, IReadOnlyDictionary<string, string> Tags, IReadOnlyList<LoggedModelMetric> Metrics);

/// <summary>One value of a metric of a model. The data set's name and digest are empty when none was named.</summary>
/// <param name="RunId">The run that measured it.</param>
public sealed record LoggedModelMetric(string Key, double Value, long TimestampMs, long Step, string RunId, string DatasetName, string DatasetDigest);
