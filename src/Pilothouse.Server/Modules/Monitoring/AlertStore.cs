using Pilothouse.Data;
using Pilothouse.Protocols.V1;

namespace Pilothouse.Server.Modules.Monitoring;

/// <summary>A delivery that is due, claimed by this caller.</summary>
internal sealed class DueDelivery
{
    public string Id { get; init; } = "";
    public string Url { get; init; } = "";
    public string Body { get; init; } = "";
    /// <summary>The registry webhook it is for; null = an alert's.</summary>
    public string? WebhookId { get; init; }
    /// <summary>This attempt's number, from 1.</summary>
    public long Attempts { get; init; }
}

/// <summary>Alerts, and the outbox of their deliveries.</summary>
internal sealed class AlertStore(Db db)
{
    private const string Columns = """
        id, monitor_id AS MonitorId, monitor, environment, arm, release_digest AS Release, status, summary, labels, webhooks, started_ms AS StartedMs, ended_ms AS EndedMs
        """;

    /// <summary>Newest first, with their deliveries.</summary>
    public Task<IReadOnlyList<Alert>> ListAsync(string? environment, int limit, CancellationToken ct) => db.ReadAsync<IReadOnlyList<Alert>>(async s =>
    {
        var alerts = await s.QueryAsync<AlertRow>($"SELECT {Columns} FROM mon_alert WHERE CAST(@environment AS TEXT) IS NULL OR environment = @environment ORDER BY id DESC LIMIT @limit",
            new { environment, limit });
        // Bounded by the number of alerts times the webhooks of a monitor, twice.
        var deliveries = (await s.QueryAsync<DeliveryRow>($"""
            SELECT alert_id AS AlertId, url, event AS Event, status, attempts, last_ms AS LastMs, error FROM mon_delivery WHERE {s.Dialect.In("alert_id", "@ids")} ORDER BY id
            """, new { ids = alerts.Select(a => a.Id).ToArray() })).ToLookup(d => d.AlertId);
        return [.. alerts.Select(a => a.ToAlert([.. deliveries[a.Id].Select(d => new AlertDelivery(d.Url, d.Status, (int)d.Attempts, d.LastMs, d.Error, d.Event))]))];
    }, ct);

    public Task<List<AlertRow>> ByIdsAsync(IReadOnlyCollection<string> ids, CancellationToken ct) =>
        db.ReadAsync(s => s.QueryAsync<AlertRow>($"SELECT {Columns} FROM mon_alert WHERE {s.Dialect.In("id", "@ids")}", new { ids = ids.ToArray() }), ct);

    /// <summary>
    /// Claims deliveries that are due, oldest first, until <paramref name="leaseMs"/>: a server that dies while sending leaves them to be sent again. The
    /// end of an alert waits until its beginning was delivered or given up.
    /// </summary>
    public Task<List<DueDelivery>> ClaimDueAsync(long nowMs, long leaseMs, int limit, CancellationToken ct) => db.WriteAsync(async s =>
    {
        var due = await s.QueryAsync<DueDelivery>($"""
            SELECT id, url, body, webhook_id AS WebhookId, attempts + 1 AS Attempts FROM mon_delivery d WHERE status = 'pending' AND next_ms <= @nowMs
                AND NOT EXISTS (SELECT 1 FROM mon_delivery e WHERE e.alert_id = d.alert_id AND e.url = d.url AND e.status = 'pending' AND e.id < d.id)
            ORDER BY id LIMIT @limit{s.Dialect.ForUpdateSkipLocked}
            """, new { nowMs, limit });
        if (due.Count > 0)
            await s.ExecuteAsync($"UPDATE mon_delivery SET attempts = attempts + 1, next_ms = @leaseMs, last_ms = @nowMs WHERE {s.Dialect.In("id", "@ids")}",
                new { nowMs, leaseMs, ids = due.Select(d => d.Id).ToArray() });
        return due;
    }, ct);

    /// <param name="status">delivered, failed, or pending with the time of the next try.</param>
    public Task FinishAsync(string id, string status, long nextMs, long nowMs, string? error, CancellationToken ct) => db.WriteAsync(s => s.ExecuteAsync(
        "UPDATE mon_delivery SET status = @status, next_ms = @nextMs, last_ms = @nowMs, error = @error WHERE id = @id", new { id, status, nextMs, nowMs, error }), ct);

    /// <summary>When the next delivery is due; null = none waits.</summary>
    public Task<long?> NextDueAsync(CancellationToken ct) => db.ReadAsync(s => s.ScalarAsync<long?>("SELECT MIN(next_ms) FROM mon_delivery WHERE status = 'pending'"), ct);

    private sealed class DeliveryRow
    {
        public string AlertId { get; init; } = "";
        public string Url { get; init; } = "";
        public string Event { get; init; } = "";
        public string Status { get; init; } = "";
        public long Attempts { get; init; }
        public long LastMs { get; init; }
        public string? Error { get; init; }
    }
}
