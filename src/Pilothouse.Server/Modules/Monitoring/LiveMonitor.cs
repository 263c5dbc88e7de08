using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Monitoring.Api;
using Pilothouse.Server.Platform;
using Pilothouse.Statistics;

namespace Pilothouse.Server.Modules.Monitoring;

/// <summary>One monitor with its evidence. Not thread-safe: the service holds its gate.</summary>
internal sealed class LiveMonitor
{
    private BernoulliMonitor _evidence;

    private LiveMonitor(string id, string environment, string arm, string release, MonitorDefinition definition, BernoulliMonitor evidence, long startedMs, long updatedMs)
    {
        (Id, Environment, Arm, Release, Definition, _evidence, StartedMs, UpdatedMs) = (id, environment, arm, release, definition, evidence, startedMs, updatedMs);
    }

    public string Id { get; }
    public string Environment { get; }
    public string Arm { get; private set; }
    public string Release { get; }
    public MonitorDefinition Definition { get; }
    public long StartedMs { get; }
    public long UpdatedMs { get; private set; }
    public bool Active { get; private set; } = true;

    /// <summary>The alert that fires; null while all is well.</summary>
    public string? AlertId { get; private set; }

    /// <summary>Judged since the evidence was last written.</summary>
    public int Unsaved { get; private set; }

    public long Samples => _evidence.Samples;

    /// <summary>The evidence is there and nobody has been told: true again after a restart that cut the telling short.</summary>
    public bool MustFire => Active && AlertId is null && _evidence.Alarm && _evidence.Samples >= Definition.MinSamples;

    /// <summary>
    /// Evidence below 1 after an alarm: what was seen since speaks for the reference more than the drop ever spoke against it. The alert ends
    /// and a new life begins, with a false-alarm probability of its own.
    /// </summary>
    public bool HasRecovered => AlertId is not null && _evidence.LogEValue <= 0;

    public static LiveMonitor Start(string id, MonitorTarget target, MonitorDefinition definition, long nowMs) =>
        new(id, target.Environment, target.Arm, target.Release, definition with { Webhooks = [.. (definition.Webhooks ?? []).Concat(target.Webhooks).Distinct()] },
            new BernoulliMonitor(definition.Reference, definition.Alpha), nowMs, nowMs);

    public static LiveMonitor Restore(MonitorRow row) =>
        new(row.Id, row.Environment, row.Arm, row.Release, WireJson.Read<MonitorDefinition>(row.Definition), BernoulliMonitor.Restore(WireJson.Read<BernoulliMonitorState>(row.Evidence)),
            row.StartedMs, row.UpdatedMs)
        {
            Active = row.Active != 0,
            AlertId = row.AlertId,
        };

    public void Observe(Observation response, long nowMs)
    {
        // An answer that was under way when the release behind the arm changed is not this release's.
        if (response.Release != Release || Definition.Model is { } model && response.Model is not null && response.Model != model) return;
        if (OnlineMetrics.Judge(Definition, response) is not { } passed) return;
        _evidence.Add(passed);
        UpdatedMs = nowMs;
        Unsaved++;
    }

    public void Fired(string alertId) => AlertId = alertId;

    public void Recover()
    {
        AlertId = null;
        _evidence = new BernoulliMonitor(Definition.Reference, Definition.Alpha);
    }

    public void MoveTo(string arm) => Arm = arm;

    public void Stop(long nowMs) => (Active, AlertId, UpdatedMs) = (false, null, nowMs);

    public void Saved() => Unsaved = 0;

    public MonitorRow ToRow()
    {
        // A stopped monitor is history: its figures are kept, not the bets it could go on with.
        var evidence = _evidence.Save();
        return new MonitorRow
        {
            Id = Id,
            Environment = Environment,
            Arm = Arm,
            Name = Definition.Name,
            Release = Release,
            Definition = WireJson.Write(Definition),
            Evidence = WireJson.Write(Active ? evidence : evidence with { Starts = [] }),
            Active = Active ? 1 : 0,
            AlertId = AlertId,
            StartedMs = StartedMs,
            UpdatedMs = UpdatedMs,
        };
    }

    public MonitorState ToState()
    {
        var status = !Active ? "stopped" : AlertId is not null ? "firing" : _evidence.Samples < Definition.MinSamples ? "collecting" : "ok";
        var bounds = _evidence.Samples == 0 ? null : ConfidenceSequence.Bernoulli(_evidence.Passes, _evidence.Samples, 1 - Definition.Alpha);
        return new MonitorState(Definition.Name, Environment, Arm, Release, Definition.Metric, Definition.Reference, Definition.Alpha, status, _evidence.Samples, bounds?.Value,
            bounds?.Interval.Lower, bounds?.Interval.Upper, Math.Exp(_evidence.LogEValue), Statement(status, bounds), UpdatedMs, Definition.Model, Id, StartedMs);
    }

    /// <summary>The whole claim in words: figure, bounds, evidence, and how often such an alarm would be false.</summary>
    private string Statement(string status, Estimate? bounds)
    {
        var d = Definition;
        var promise = FormattableString.Invariant($"The chance of a false alarm over this monitor's whole life is at most {d.Alpha:P1}").Replace(" %", "%", StringComparison.Ordinal);
        if (bounds is null) return FormattableString.Invariant($"No response judged yet; it watches for a drop of the {d.Metric} pass rate below {d.Reference}. {promise}.");
        var figure = FormattableString.Invariant(
            $"{_evidence.Passes} of {_evidence.Samples} responses {OnlineMetrics.PassingIs(d)}: {bounds.Value:0.000} (between {bounds.Interval.Lower:0.000} and {bounds.Interval.Upper:0.000} at {100 * (1 - d.Alpha):0.##}% however often one looks)");
        var limit = 1 / d.Alpha;
        var verdict = status switch
        {
            "firing" => FormattableString.Invariant($"Below the reference {d.Reference}: the evidence reached e = {Math.Exp(_evidence.PeakLogEValue):0.#}, the alarm is at {limit:0.#}."),
            "collecting" => FormattableString.Invariant($"Too few yet for a verdict: it needs {d.MinSamples}."),
            _ when _evidence.Alarm => FormattableString.Invariant($"The evidence for a drop below the reference {d.Reference} had reached e = {Math.Exp(_evidence.PeakLogEValue):0.#}."),
            _ => FormattableString.Invariant($"No sign of a drop below the reference {d.Reference}: evidence e = {Math.Exp(_evidence.LogEValue):0.##}, the alarm is at {limit:0.#}."),
        };
        return $"{figure}. {verdict} {promise}.";
    }
}
