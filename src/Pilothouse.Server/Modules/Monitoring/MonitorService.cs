using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Monitoring.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Monitoring;

/// <summary>
/// The active monitors, in memory and written behind: evidence at most a second late, alarms at once. One gate serialises everything, so that a flush can
/// never write older evidence over newer.
/// </summary>
internal sealed partial class MonitorService(MonitorStore store, AlertStore alerts, AlertWriter writer, WebhookSender sender, IEventBus events, Ids ids, TimeProvider time,
    IOptions<MonitoringOptions> options, ILogger<MonitorService> logger) : IMonitors, IDisposable
{
    private const int EndedKept = 100;
    private const int MaxPage = 1000;

    private readonly SemaphoreSlim _gate = new(1, 1);
    /// <summary>Active monitors only, at most <see cref="MonitoringOptions.MaxMonitors"/>; null until they were read.</summary>
    private List<LiveMonitor>? _monitors;

    public Task StartAsync(MonitorTarget target, IReadOnlyList<MonitorDefinition> monitors, CancellationToken ct)
    {
        foreach (var monitor in monitors) OnlineMetrics.Validate(monitor);
        return InGateAsync(async all =>
        {
            var ended = all.FindAll(m => m.Environment == target.Environment && m.Arm == target.Arm);
            if (all.Count - ended.Count + monitors.Count > options.Value.MaxMonitors)
                throw new PilothouseException(ErrorCode.RateLimited, $"{options.Value.MaxMonitors} monitors may be active at once (Monitoring:MaxMonitors). Remove some, or raise it.");
            var started = monitors.Select(m => LiveMonitor.Start(ids.New(), target, m, time.NowMs())).ToList();
            await EndAsync(all, ended, started, ct);
            all.AddRange(started);
        }, ct);
    }

    public Task MoveAsync(string environment, string fromArm, string toArm, CancellationToken ct) => InGateAsync(async all =>
    {
        var moved = all.FindAll(m => m.Environment == environment && m.Arm == fromArm);
        var ended = all.FindAll(m => m.Environment == environment && m.Arm == toArm);
        foreach (var monitor in moved) monitor.MoveTo(toArm);
        await EndAsync(all, ended, moved, ct);
    }, ct);

    public Task StopAsync(string environment, string arm, CancellationToken ct) =>
        InGateAsync(all => EndAsync(all, all.FindAll(m => m.Environment == environment && m.Arm == arm), [], ct), ct);

    public Task ObserveAsync(Observation observation, CancellationToken ct) => InGateAsync(async all =>
    {
        var now = time.NowMs();
        var (unsaved, changed) = (0, new List<LiveMonitor>());
        foreach (var monitor in all)
        {
            if (monitor.Environment != observation.Environment || monitor.Arm != observation.Arm) continue;
            monitor.Observe(observation, now);
            unsaved = Math.Max(unsaved, monitor.Unsaved);
            if (monitor.MustFire || monitor.HasRecovered) changed.Add(monitor);
        }
        if (changed.Count > 0) await AlertAsync(changed, ct);
        else if (unsaved >= options.Value.FlushObservations) await FlushAsync(all, ct);
    }, ct);

    /// <summary>Writes evidence that is only in memory, and fires what a restart kept from firing.</summary>
    public Task FlushAsync(CancellationToken ct) => InGateAsync(async all =>
    {
        await FlushAsync(all, ct);
        var waiting = all.FindAll(m => m.MustFire);
        if (waiting.Count > 0) await AlertAsync(waiting, ct);
    }, ct);

    public async Task<IReadOnlyList<MonitorState>> ActiveAsync(string? environment, CancellationToken ct)
    {
        var states = new List<MonitorState>();
        await InGateAsync(all =>
        {
            states.AddRange(all.Where(m => environment is null || m.Environment == environment).Select(m => m.ToState()));
            return Task.CompletedTask;
        }, ct);
        return states;
    }

    public async Task<IReadOnlyList<MonitorState>> ListAsync(string? environment, CancellationToken ct) =>
        [.. await ActiveAsync(environment, ct), .. (await store.EndedAsync(environment, EndedKept, ct)).Select(row => LiveMonitor.Restore(row).ToState())];

    public Task<IReadOnlyList<Alert>> AlertsAsync(string? environment, int limit, CancellationToken ct) => alerts.ListAsync(environment, Math.Clamp(limit, 1, MaxPage), ct);

    public void Dispose() => _gate.Dispose();

    private async Task AlertAsync(List<LiveMonitor> monitors, CancellationToken ct)
    {
        var fired = new List<AlertRow>();
        var resolved = new List<string>();
        foreach (var monitor in monitors)
            if (monitor.HasRecovered)
            {
                resolved.Add(monitor.AlertId!);
                monitor.Recover();
            }
            else
            {
                monitor.Fired(ids.New());
                fired.Add(writer.Fire(monitor));
            }
        await WriteAsync(monitors, fired, resolved, ct);
    }

    private async Task EndAsync(List<LiveMonitor> all, List<LiveMonitor> ended, List<LiveMonitor> alsoChanged, CancellationToken ct)
    {
        var resolved = ended.Select(m => m.AlertId).OfType<string>().ToList();
        foreach (var monitor in ended) monitor.Stop(time.NowMs());
        await WriteAsync([.. ended, .. alsoChanged], [], resolved, ct);
        all.RemoveAll(ended.Contains);
        if (ended.Count > 0) await store.PruneAsync(ended[0].Environment, EndedKept, ct);
    }

    private async Task FlushAsync(List<LiveMonitor> all, CancellationToken ct)
    {
        var unsaved = all.FindAll(m => m.Unsaved > 0);
        if (unsaved.Count > 0) await WriteAsync(unsaved, [], [], ct);
    }

    private async Task WriteAsync(List<LiveMonitor> monitors, List<AlertRow> fired, List<string> resolvedIds, CancellationToken ct)
    {
        var resolved = resolvedIds.Count == 0 ? [] : (await alerts.ByIdsAsync(resolvedIds, ct)).ConvertAll(a => a with { Status = "resolved", EndedMs = time.NowMs() });
        await store.SaveAsync(monitors.ConvertAll(m => m.ToRow()), writer.Changes(fired, resolved), ct);
        foreach (var monitor in monitors) monitor.Saved();
        if (fired.Count + resolved.Count > 0) sender.Wake();
        foreach (var alert in fired)
        {
            Fired(alert.Monitor, alert.Environment, alert.Arm, alert.Summary);
            await events.PublishAsync(new AlertFired(alert.ToAlert([])), ct);
        }
        foreach (var alert in resolved) await events.PublishAsync(new AlertResolved(alert.ToAlert([])), ct);
    }

    private async Task InGateAsync(Func<List<LiveMonitor>, Task> act, CancellationToken ct)
    {
        await _gate.WaitAsync(ct);
        try
        {
            _monitors ??= (await store.ActiveAsync(ct)).ConvertAll(LiveMonitor.Restore);
            await act(_monitors);
        }
        catch (System.Data.Common.DbException)
        {
            // What is in memory may differ from what was written: the tables are right, at the cost of the evidence since the last flush.
            _monitors = null;
            throw;
        }
        finally
        {
            _gate.Release();
        }
    }

    [LoggerMessage(1310, LogLevel.Warning, "Alert: {Monitor} of {Environment} ({Arm}): {Summary}")]
    private partial void Fired(string monitor, string environment, string arm, string summary);
}
