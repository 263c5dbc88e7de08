using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using Pilothouse.Server.Modules.Audit.Api;
using Pilothouse.Server.Modules.Gateway.Api;
using Pilothouse.Server.Modules.Monitoring.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Deployments;

/// <summary>
/// Moves rollouts step by step and takes them back on an alarm. Its state is in the tables; what is here are counters and the gate that makes one move at
/// a time.
/// </summary>
internal sealed partial class RolloutController(DeploymentStore store, Reconciler reconciler, IMonitors monitors, IEventBus events, TimeProvider time, ILogger<RolloutController> logger) : IDisposable
{
    private readonly SemaphoreSlim _gate = new(1, 1);
    /// <summary>Responses of the canary by environment, of the step under way. One entry a rollout under way.</summary>
    private readonly ConcurrentDictionary<string, StepCount> _counts = new();
    /// <summary>Environments (project, name) whose gateway or monitors could not be brought to what the tables say; each tick tries again.</summary>
    private readonly ConcurrentDictionary<(string Project, string Name), bool> _behind = new();

    /// <summary>Runs one move of an environment while no other move runs.</summary>
    public async Task<T> MoveAsync<T>(Func<Task<T>> move, CancellationToken ct)
    {
        await _gate.WaitAsync(ct);
        try
        {
            return await move();
        }
        finally
        {
            _gate.Release();
        }
    }

    /// <summary>At start: gateway and monitors become what the tables say, and rollouts go on where they were.</summary>
    public Task ResumeAsync(CancellationToken ct) => MoveAsync(async () =>
    {
        foreach (var environment in await store.EnvironmentsAsync(null, ct))
        {
            try
            {
                await reconciler.RunAsync(environment, ct);
            }
            catch (PilothouseException e)
            {
                _behind[(environment.Project, environment.Name)] = true; // one environment that cannot be served must not keep the others down
                NotRestored(e, environment.FullName);
            }
        }
        foreach (var rollout in await store.ProgressingAsync(ct)) Track(rollout);
        return true;
    }, ct);

    /// <summary>Counts from now on what the new release answers.</summary>
    public void Track(RolloutRow rollout) => _counts[rollout.FullEnvironment] = new StepCount(rollout.Id, rollout.Release, rollout.StepRequests);

    /// <summary>Responses seen in the step under way; what the table says lags behind by a tick.</summary>
    public long Requests(RolloutRow rollout) => _counts.TryGetValue(rollout.FullEnvironment, out var count) && count.RolloutId == rollout.Id ? count.Read() : rollout.StepRequests;

    /// <summary>A response was served: counted for its rollout, judged by the monitors of its arm.</summary>
    public async Task OnServedAsync(ResponseServed served, CancellationToken ct)
    {
        if (served.Arm == "canary" && _counts.TryGetValue(served.Environment, out var count) && count.Release == served.Release) count.Add();
        // support-assistant/production/assistant
        var model = served.Route[(served.Route.LastIndexOf('/') + 1)..];
        await monitors.ObserveAsync(new Observation(served.Environment, served.Arm, served.Release, served.TraceId, served.TimeMs, served.Input, served.Output, served.Failed, served.LatencyMs,
            served.MeanLogProbability, served.Metadata, model), ct);
    }

    public Task OnAlertAsync(AlertFired fired, CancellationToken ct) => MoveAsync(async () =>
    {
        var rollout = (await store.ProgressingAsync(ct)).Find(r => r.FullEnvironment == fired.Alert.Environment);
        if (rollout is not null && Condemns(rollout, fired.Alert.Monitor, fired.Alert.Arm, fired.Alert.Release))
            await TakeBackAsync(rollout, Because(fired.Alert.Monitor, fired.Alert.Summary), Caller.System.Name, ct);
        return true;
    }, ct);

    /// <summary>One look at every rollout under way.</summary>
    public Task TickAsync(CancellationToken ct) => _counts.IsEmpty && _behind.IsEmpty ? Task.CompletedTask : MoveAsync(async () =>
    {
        foreach (var (project, name) in _behind.Keys) await ReconcileAsync(project, name, ct);
        foreach (var rollout in await store.ProgressingAsync(ct)) await TickAsync(rollout, ct);
        return true;
    }, ct);

    /// <summary>Ends a rollout: all traffic to the previous release first, then the record. The caller is in <see cref="MoveAsync"/>.</summary>
    public async Task TakeBackAsync(RolloutRow rollout, string reason, string actor, CancellationToken ct)
    {
        var environment = (await store.EnvironmentAsync(rollout.Project, rollout.Environment, ct))!;
        var stable = environment.StableRolloutId is { } id ? await store.RolloutAsync(id, ct) : null;
        // If the record fails (full disk), users are safe already; the alarm is stored, so the next tick or the next start tries again.
        await reconciler.SetRoutesAsync(environment, stable, null, ct);
        await store.TakeBackAsync(rollout, Requests(rollout), reason, new AuditEvent(actor, "environment.rollback", rollout.Subject,
            new { rollout = rollout.Id, from = rollout.Release, to = rollout.PreviousRelease, weight = rollout.Weight, reason }), ct);
        TakenBack(rollout.Environment, rollout.Release, reason);
        await FinishAsync(rollout, ct);
    }

    /// <summary>Brings gateway and monitors to what the tables say; a failure is tried again at each tick.</summary>
    public async Task ReconcileAsync(string project, string name, CancellationToken ct)
    {
        _behind[(project, name)] = true;
        await reconciler.RunAsync((await store.EnvironmentAsync(project, name, ct))!, ct);
        _behind.TryRemove((project, name), out _);
    }

    public void Dispose() => _gate.Dispose();

    private static bool Condemns(RolloutRow rollout, string monitor, string arm, string release) =>
        arm == "canary" && release == rollout.Release && rollout.Plan.RollbackMonitors.Contains(monitor);

    private static string Because(string monitor, string summary) => $"Monitor '{monitor}' raised an alarm. {summary}";

    private async Task TickAsync(RolloutRow rollout, CancellationToken ct)
    {
        // Asked for here as well as told by the event: an event is delivered at most once, an alarm must never be missed.
        var alarm = (await monitors.ActiveAsync(rollout.FullEnvironment, ct)).FirstOrDefault(m => m.Status == "firing" && Condemns(rollout, m.Name, m.Arm, m.Release));
        if (alarm is not null)
        {
            await TakeBackAsync(rollout, Because(alarm.Name, alarm.Statement), Caller.System.Name, ct);
            return;
        }

        var requests = Requests(rollout);
        var plan = rollout.Plan;
        var move = RolloutRules.Next(new RolloutPosition(rollout.Steps, (int)rollout.CurrentStep, rollout.StepStartedMs, requests, plan.IntervalMs, plan.MinRequests), time.NowMs());
        if (move == RolloutMove.Advance) await AdvanceAsync(rollout, requests, ct);
        else if (move == RolloutMove.Succeed) await SucceedAsync(rollout, requests, ct);
        else if (requests != rollout.StepRequests) await store.CountAsync(rollout.Id, requests, ct);
    }

    private async Task AdvanceAsync(RolloutRow rollout, long requests, CancellationToken ct)
    {
        var step = (int)rollout.CurrentStep + 1;
        var weight = rollout.Steps[step];
        await store.AdvanceAsync(rollout, step, weight, $"{rollout.Weight}% -> {weight}% of the traffic, after {requests} responses and no alarm.",
            new AuditEvent(Caller.System.Name, "environment.weight", rollout.Subject, new { rollout = rollout.Id, release = rollout.Release, from = rollout.Weight, to = weight }), ct);
        Track(rollout with { StepRequests = 0 });
        await ReconcileAsync(rollout.Project, rollout.Environment, ct);
    }

    private async Task SucceedAsync(RolloutRow rollout, long requests, CancellationToken ct)
    {
        await store.SucceedAsync(rollout, requests, $"The environment runs {EvidenceRules.Short(rollout.Release)}, after {requests} responses at {rollout.Weight}% and no alarm.",
            new AuditEvent(Caller.System.Name, "environment.promote", rollout.Subject, new { rollout = rollout.Id, from = rollout.PreviousRelease, to = rollout.Release }), ct);
        await FinishAsync(rollout, ct);
    }

    private async Task FinishAsync(RolloutRow rollout, CancellationToken ct)
    {
        _counts.TryRemove(rollout.FullEnvironment, out _);
        await ReconcileAsync(rollout.Project, rollout.Environment, ct);
        var ended = (await store.RolloutAsync(rollout.Id, ct))!;
        await events.PublishAsync(new Api.RolloutFinished(ended.ToRollout(await store.EventsAsync([rollout.Id], ct))), ct);
    }

    private sealed class StepCount(string rolloutId, string release, long requests)
    {
        private long _requests = requests;

        public string RolloutId { get; } = rolloutId;
        public string Release { get; } = release;

        public void Add() => Interlocked.Increment(ref _requests);

        public long Read() => Interlocked.Read(ref _requests);
    }

    [LoggerMessage(1400, LogLevel.Warning, "{Environment}: {Release} was rolled back. {Reason}")]
    private partial void TakenBack(string environment, string release, string reason);

    [LoggerMessage(1401, LogLevel.Error, "{Environment} could not be brought to what its tables say")]
    private partial void NotRestored(Exception error, string environment);
}
