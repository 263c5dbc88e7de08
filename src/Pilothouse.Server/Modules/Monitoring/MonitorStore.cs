using Pilothouse.Data;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Monitoring;

/// <summary>A row of mon_monitor.</summary>
internal sealed record MonitorRow
{
    public string Id { get; init; } = "";
    public string Environment { get; init; } = "";
    public string Arm { get; init; } = "";
    public string Name { get; init; } = "";
    public string Release { get; init; } = "";
    public string Definition { get; init; } = "";
    public string Evidence { get; init; } = "";
    public long Active { get; init; }
    public string? AlertId { get; init; }
    public long StartedMs { get; init; }
    public long UpdatedMs { get; init; }
}

internal sealed class MonitorStore(Db db)
{
    /// <summary>Active monitors read at start; <see cref="MonitoringOptions.MaxMonitors"/> keeps them below it.</summary>
    private const int MaxActive = 100_000;
    private const string Columns = "id, environment, arm, name, release_digest AS Release, definition, evidence, active, alert_id AS AlertId, started_ms AS StartedMs, updated_ms AS UpdatedMs";

    public Task<List<MonitorRow>> ActiveAsync(CancellationToken ct) =>
        db.ReadAsync(s => s.QueryAsync<MonitorRow>($"SELECT {Columns} FROM mon_monitor WHERE active = 1 ORDER BY id LIMIT @MaxActive", new { MaxActive }), ct);

    /// <summary>Ended monitors, newest first.</summary>
    public Task<List<MonitorRow>> EndedAsync(string? environment, int limit, CancellationToken ct) => db.ReadAsync(s => s.QueryAsync<MonitorRow>($"""
        SELECT {Columns} FROM mon_monitor WHERE active = 0 AND (CAST(@environment AS TEXT) IS NULL OR environment = @environment) ORDER BY id DESC LIMIT @limit
        """, new { environment, limit }), ct);

    /// <summary>Writes the monitors as they are now, and what happened to their alerts, in one transaction.</summary>
    public Task SaveAsync(IReadOnlyCollection<MonitorRow> monitors, AlertChanges changes, CancellationToken ct) => db.WriteAsync(async s =>
    {
        foreach (var monitor in monitors) await UpsertAsync(s, monitor);
        foreach (var alert in changes.Fired)
            await s.ExecuteAsync("""
                INSERT INTO mon_alert (id, monitor_id, monitor, environment, arm, release_digest, status, summary, labels, webhooks, started_ms, ended_ms)
                VALUES (@Id, @MonitorId, @Monitor, @Environment, @Arm, @Release, 'firing', @Summary, @Labels, @Webhooks, @StartedMs, NULL)
                """, alert);
        foreach (var (id, endedMs) in changes.Resolved)
            await s.ExecuteAsync("UPDATE mon_alert SET status = 'resolved', ended_ms = @endedMs WHERE id = @id AND status = 'firing'", new { id, endedMs });
        foreach (var delivery in changes.Deliveries)
            await s.ExecuteAsync("""
                INSERT INTO mon_delivery (id, alert_id, url, event, body, status, attempts, next_ms, last_ms, error)
                VALUES (@Id, @AlertId, @Url, @Event, @Body, 'pending', 0, @NextMs, @NextMs, NULL)
                """, delivery);
    }, ct);

    /// <summary>Keeps the newest ended monitors of an environment and forgets the rest.</summary>
    public Task PruneAsync(string environment, int keep, CancellationToken ct) => db.WriteAsync(s => s.ExecuteAsync("""
        DELETE FROM mon_monitor WHERE active = 0 AND environment = @environment AND id NOT IN
            (SELECT id FROM mon_monitor WHERE active = 0 AND environment = @environment ORDER BY id DESC LIMIT @keep)
        """, new { environment, keep }), ct);

    private static Task<int> UpsertAsync(DbSession s, MonitorRow monitor) => s.ExecuteAsync("""
        INSERT INTO mon_monitor (id, environment, arm, name, release_digest, definition, evidence, active, alert_id, started_ms, updated_ms)
        VALUES (@Id, @Environment, @Arm, @Name, @Release, @Definition, @Evidence, @Active, @AlertId, @StartedMs, @UpdatedMs)
        ON CONFLICT (id) DO UPDATE SET arm = excluded.arm, evidence = excluded.evidence, active = excluded.active, alert_id = excluded.alert_id, updated_ms = excluded.updated_ms
        """, monitor);
}

/// <summary>What happened to alerts in one write.</summary>
internal sealed record AlertChanges(IReadOnlyList<AlertRow> Fired, IReadOnlyList<(string Id, long EndedMs)> Resolved, IReadOnlyList<NewDelivery> Deliveries)
{
    public static AlertChanges None { get; } = new([], [], []);
}

internal sealed record NewDelivery(string Id, string AlertId, string Url, string Event, string Body, long NextMs);

/// <summary>A row of mon_alert.</summary>
internal sealed record AlertRow
{
    public string Id { get; init; } = "";
    public string MonitorId { get; init; } = "";
    public string Monitor { get; init; } = "";
    public string Environment { get; init; } = "";
    public string Arm { get; init; } = "";
    public string Release { get; init; } = "";
    public string Status { get; init; } = "firing";
    public string Summary { get; init; } = "";
    public string Labels { get; init; } = "{}";
    public string Webhooks { get; init; } = "[]";
    public long StartedMs { get; init; }
    public long? EndedMs { get; init; }

    public Alert ToAlert(IReadOnlyList<AlertDelivery> deliveries) =>
        new(Id, Monitor, Environment, Arm, Release, Status, Summary, StartedMs, EndedMs, WireJson.Read<Dictionary<string, string>>(Labels), deliveries);
}
