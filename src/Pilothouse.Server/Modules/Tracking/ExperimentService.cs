using System.Globalization;
using Pilothouse.Protocols.Mlflow;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Tracking;

/// <summary>Rules of experiments.</summary>
internal sealed class ExperimentService(ExperimentStore store, TrackingHolders holders, TimeProvider time)
{
    public Task<long> CreateAsync(string name, string artifactLocation, List<MlflowPair> tags, CancellationToken ct)
    {
        if (name.Length > Names.MaxExperimentName) throw Names.TooLong("name", Names.MaxExperimentName);
        if (artifactLocation.StartsWith("runs:", StringComparison.Ordinal)) throw Invalid($"Artifact location cannot be a runs:/ URI. Given: '{artifactLocation}'");
        if (artifactLocation.AsSpan().ContainsAny('#', ';')) throw Invalid("'artifact_location' URL can't include fragments or params.");
        if (artifactLocation.Contains("..", StringComparison.Ordinal)) throw Invalid("Invalid query string");
        return store.CreateAsync(name, artifactLocation, [.. tags.DistinctBy(t => t.Key)], time.NowMs(), ct);
    }

    public async Task<ExperimentStore.ExperimentRow> GetAsync(string id, CancellationToken ct) => await store.FindAsync(ParseId(id), ct) ?? throw Missing(id);

    public async Task<ExperimentStore.ExperimentRow> GetByNameAsync(string name, CancellationToken ct) =>
        await store.FindAsync(name, ct) ?? throw new PilothouseException(ErrorCode.NotFound, $"Could not find experiment with name '{name}'");

    public async Task RenameAsync(string id, string name, CancellationToken ct)
    {
        var experiment = await GetAsync(id, ct);
        if (name.Length > Names.MaxExperimentName) throw Names.TooLong("new_name", Names.MaxExperimentName);
        if (experiment.Lifecycle != Lifecycle.Active) throw new PilothouseException(ErrorCode.FailedPrecondition, "Cannot rename a non-active experiment.");
        await store.RenameAsync(experiment.Id, name, time.NowMs(), ct);
    }

    /// <exception cref="PilothouseException">FailedPrecondition: a release or deployment stands on one of its runs or models.</exception>
    public async Task DeleteAsync(string id, CancellationToken ct)
    {
        await holders.RequireFreeAsync(ParseId(id), ct);
        if (!await store.MoveAsync(ParseId(id), Lifecycle.Active, Lifecycle.Deleted, time.NowMs(), ct)) throw Missing(id);
    }

    public async Task RestoreAsync(string id, CancellationToken ct)
    {
        if (!await store.MoveAsync(ParseId(id), Lifecycle.Deleted, Lifecycle.Active, time.NowMs(), ct)) throw Missing(id);
    }

    public async Task SetTagAsync(string id, MlflowPair tag, CancellationToken ct)
    {
        Names.CheckKey(tag.Key, "key", "key");
        if (tag.Value.Length > Names.MaxExperimentTagValue) throw Names.TooLong("value", Names.MaxExperimentTagValue);
        var experiment = await GetAsync(id, ct);
        RequireActive(experiment);
        await store.SetTagAsync(experiment.Id, tag, time.NowMs(), ct);
    }

    public async Task DeleteTagAsync(string id, string key, CancellationToken ct)
    {
        var experiment = await GetAsync(id, ct);
        RequireActive(experiment);
        if (!await store.DeleteTagAsync(experiment.Id, key, time.NowMs(), ct))
            throw new PilothouseException(ErrorCode.NotFound, $"No tag with name: {key} in experiment with id {id}");
    }

    public static void RequireActive(ExperimentStore.ExperimentRow experiment)
    {
        if (experiment.Lifecycle != Lifecycle.Active)
            throw Invalid($"The experiment {experiment.Id} must be in the 'active' state. Current state is {experiment.Lifecycle}.");
    }

    public static PilothouseException Missing(string id) => new(ErrorCode.NotFound, $"No Experiment with id={id} exists");

    /// <summary>Experiment ids are decimal integers in strings.</summary>
    public static long ParseId(string id) => long.TryParse(id, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) ? number
        : throw Invalid($"Invalid experiment ID '{id}'. Experiment ID must be a valid integer.");

    private static PilothouseException Invalid(string message) => new(ErrorCode.InvalidArgument, message);
}
