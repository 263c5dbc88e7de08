using Pilothouse.Protocols.Mlflow;

namespace Pilothouse.Import.Mlflow;

/// <summary>A store of MLflow's, read whole and never written. The records are those of MLflow's protocol, whatever lies below.</summary>
internal interface IMlflowSource : IAsyncDisposable
{
    /// <summary>Where it is, without passwords.</summary>
    string Description { get; }

    /// <summary>All, deleted ones too.</summary>
    IAsyncEnumerable<MlflowExperiment> ExperimentsAsync(CancellationToken ct);

    /// <summary>All of an experiment, deleted ones too, with tags, params, inputs and outputs.</summary>
    IAsyncEnumerable<MlflowRun> RunsAsync(string experimentId, CancellationToken ct);

    /// <summary>The whole history of all metrics of a run.</summary>
    IAsyncEnumerable<MlflowMetric> MetricsAsync(MlflowRun run, CancellationToken ct);

    /// <summary>Logged models of an experiment; their metrics name the run that measured them.</summary>
    IAsyncEnumerable<ForeignModel> ModelsAsync(string experimentId, CancellationToken ct);

    /// <summary>Registered models and prompts, with their versions in order.</summary>
    IAsyncEnumerable<ForeignRegistered> RegisteredAsync(CancellationToken ct);

    /// <summary>Artifacts of a run (or, with <paramref name="modelId"/>, of a logged model).</summary>
    /// <exception cref="UnreachableArtifactsException">They lie where this process cannot read.</exception>
    IAsyncEnumerable<ForeignFile> FilesAsync(string artifactUri, string? runId, string? modelId, CancellationToken ct);

    /// <summary>What the store holds beyond that, and why it is not brought over.</summary>
    Task<IReadOnlyList<LeftBehind>> OthersAsync(CancellationToken ct);
}

/// <param name="Lifecycle"><c>active</c> or <c>deleted</c>.</param>
internal sealed record ForeignModel(MlflowLoggedModel Model, string Lifecycle);

internal sealed record ForeignRegistered(MlflowRegisteredModel Model, IReadOnlyList<MlflowModelVersion> Versions);

/// <param name="Path">Relative, with '/' between its parts.</param>
internal sealed record ForeignFile(string Path, Func<CancellationToken, Task<Stream>> OpenAsync);

internal sealed record LeftBehind(string Kind, long Count, string Reason);

/// <summary>Artifacts at a place that is not here: a bucket, another machine's disk.</summary>
internal sealed class UnreachableArtifactsException(string message) : Exception(message);
