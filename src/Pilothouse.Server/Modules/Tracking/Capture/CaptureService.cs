using Pilothouse.Data;
using Pilothouse.Protocols.Mlflow;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Tracking.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Tracking.Capture;

/// <summary>Runs captured by <c>pilothouse run</c> and the .NET client: every call may come twice, and late.</summary>
internal sealed class CaptureService(Db db, CaptureStore store, ExperimentStore experiments, ExperimentService experimentService, RunLogService logs, IEventBus events, TimeProvider time)
{
    public const int MinIntervalMs = 500;
    public const int MaxIntervalMs = 600_000;
    public const int MaxTags = 1000;
    private const int MaxId = 64;

    /// <summary>Creates the run, or gives the one that has the id already.</summary>
    public async Task<StartedRun> CreateAsync(string id, NewRun run, CancellationToken ct)
    {
        if (id.Length is 0 or > MaxId || !id.All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '-')) throw Invalid($"'{id}' is not a run id: 1 to {MaxId} letters, digits, '-' or '_'.");
        if (string.IsNullOrWhiteSpace(run.Experiment)) throw Invalid("A run needs the name of its experiment.");
        var tags = (run.Tags ?? new Dictionary<string, string>()).Select(t => new MlflowPair(t.Key, Names.Cut(t.Value, Names.MaxTagValue))).Where(t => t.Key != MlflowNames.RunNameTag).ToList();
        if (tags.Count > MaxTags) throw Invalid($"A run is created with {MaxTags} tags at most.");
        foreach (var tag in tags) Names.CheckKey(tag.Key, "tags", "tags");
        var name = run.Name is { Length: > 0 } given ? given : RunNames.For(id);
        var experiment = await EnsureExperimentAsync(run.Experiment, ct);
        var (row, made) = await db.WriteAsync(async session =>
        {
            if (await RunStore.FindAsync(session, id) is { } held) return (held, false);
            var owner = await ExperimentStore.FindAsync(session, experiment) ?? throw ExperimentService.Missing(run.Experiment);
            ExperimentService.RequireActive(owner);
            var fresh = new RunStore.RunRow { Id = id, Experiment = experiment, Name = name, UserId = run.User ?? "", StartMs = run.StartMs, ArtifactUri = $"{owner.ArtifactLocation}/{id}/artifacts" };
            return (await RunStore.CreateAsync(session, fresh, [.. tags, new MlflowPair(MlflowNames.RunNameTag, name)]), true);
        }, ct);
        if (made) await events.PublishAsync(new RunChanged(id, row.Status), ct);
        return new StartedRun(row.Id, row.Name, row.Experiment.ToString(System.Globalization.CultureInfo.InvariantCulture), row.ArtifactUri, row.Status);
    }

    public async Task<RunStatus> BeatAsync(string id, Heartbeat beat, CancellationToken ct)
    {
        if (beat.IntervalMs is < MinIntervalMs or > MaxIntervalMs) throw Invalid($"interval_ms is {beat.IntervalMs}; it must be between {MinIntervalMs} and {MaxIntervalMs}.");
        var (status, revived) = await store.BeatAsync(id, beat.IntervalMs, time.NowMs(), ct);
        if (revived) await events.PublishAsync(new RunChanged(id, status), ct);
        return new RunStatus(status);
    }

    public async Task<RunStatus> EndAsync(string id, RunEnd end, CancellationToken ct)
    {
        if (end.Status is not ("FINISHED" or "FAILED" or "KILLED")) throw Invalid($"'{end.Status}' is not how a run ends: FINISHED, FAILED or KILLED.");
        await logs.KeepAsync(id, ended: true, ct);
        await store.EndAsync(id, end, ct);
        await events.PublishAsync(new RunChanged(id, end.Status), ct);
        return new RunStatus(end.Status);
    }

    private async Task<long> EnsureExperimentAsync(string name, CancellationToken ct)
    {
        if (await experiments.FindAsync(name, ct) is { } held) return held.Id;
        try
        {
            return await experimentService.CreateAsync(name, "", [], ct);
        }
        catch (PilothouseException e) when (e.Code == ErrorCode.AlreadyExists)
        {
            return (await experimentService.GetByNameAsync(name, ct)).Id; // another run was faster
        }
    }

    private static PilothouseException Invalid(string message) => new(ErrorCode.InvalidArgument, message);
}
