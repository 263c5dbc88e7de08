using Pilothouse.Data;
using Pilothouse.Protocols.Mlflow;
using Pilothouse.Server.Modules.Audit.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Monitoring.Webhooks;

/// <summary>A row of <c>mon_webhook</c>.</summary>
internal sealed record WebhookRow
{
    public const string Active = "ACTIVE";

    public string Id { get; init; } = "";
    public string Name { get; init; } = "";
    public string? Description { get; init; }
    public string Url { get; init; } = "";
    /// <summary>JSON list of entity and action.</summary>
    public string Events { get; init; } = "[]";
    /// <summary>Sealed by <see cref="WebhookSecrets"/>; null = deliveries are not signed.</summary>
    public string? Secret { get; init; }
    public string Status { get; init; } = Active;
    public long CreatedMs { get; init; }
    public long UpdatedMs { get; init; }

    public List<MlflowWebhookEvent> EventList => WireJson.Read<List<MlflowWebhookEvent>>(Events);
}

/// <summary>Webhooks, and the outbox of their deliveries.</summary>
internal sealed class WebhookStore(Db db, IAuditLog audit)
{
    /// <summary>Webhooks that may exist.</summary>
    public const int MaxWebhooks = 1_000;

    /// <summary>Deliveries that may wait for one webhook; what comes beyond is dropped, since a receiver that is down that long has to catch up by itself.</summary>
    public const int MaxWaiting = 10_000;

    private const string Columns = "id AS Id, name AS Name, description AS Description, url AS Url, events AS Events, secret AS Secret, status AS Status, created_ms AS CreatedMs, updated_ms AS UpdatedMs";
    private const long KeptMs = 7L * 24 * 3600 * 1000;

    /// <exception cref="PilothouseException">TooLarge: there are too many.</exception>
    public Task CreateAsync(WebhookRow webhook, string actor, CancellationToken ct) => db.WriteAsync(async session =>
    {
        if (await session.ScalarAsync<long>("SELECT COUNT(*) FROM mon_webhook") >= MaxWebhooks)
            throw new PilothouseException(ErrorCode.InvalidArgument, $"There are {MaxWebhooks} webhooks already, which is the limit. Delete one that is not needed.");
        await session.ExecuteAsync("""
            INSERT INTO mon_webhook (id, name, description, url, events, secret, status, created_ms, updated_ms) VALUES (@Id, @Name, @Description, @Url, @Events, @Secret, @Status, @CreatedMs, @UpdatedMs)
            """, webhook);
        await audit.AppendAsync(session, new AuditEvent(actor, "webhook.create", $"webhooks/{webhook.Id}", new { webhook.Name, Host = new Uri(webhook.Url).Host, webhook.Status, Signed = webhook.Secret is not null }));
    }, ct);

    public Task<WebhookRow?> FindAsync(string id, CancellationToken ct) => db.ReadAsync(session => session.FirstOrDefaultAsync<WebhookRow>($"SELECT {Columns} FROM mon_webhook WHERE id = @id", new { id }), ct);

    /// <summary>Newest first.</summary>
    /// <param name="before">Id of the last of the page before; null = the first page.</param>
    public Task<List<WebhookRow>> ListAsync(string? before, int limit, CancellationToken ct) => db.ReadAsync(session => session.QueryAsync<WebhookRow>(
        $"SELECT {Columns} FROM mon_webhook WHERE CAST(@before AS TEXT) IS NULL OR id < @before ORDER BY id DESC LIMIT @limit", new { before, limit }), ct);

    public Task<List<WebhookRow>> ActiveAsync(CancellationToken ct) => db.ReadAsync(session => session.QueryAsync<WebhookRow>(
        $"SELECT {Columns} FROM mon_webhook WHERE status = '{WebhookRow.Active}' ORDER BY id LIMIT {MaxWebhooks}"), ct);

    /// <returns>Null when there is none of this id.</returns>
    public Task<WebhookRow?> UpdateAsync(string id, Func<WebhookRow, WebhookRow> change, string actor, CancellationToken ct) => db.WriteAsync(async session =>
    {
        var old = await session.FirstOrDefaultAsync<WebhookRow>($"SELECT {Columns} FROM mon_webhook WHERE id = @id" + session.Dialect.ForUpdate, new { id });
        if (old is null) return null;
        var webhook = change(old);
        await session.ExecuteAsync("""
            UPDATE mon_webhook SET name = @Name, description = @Description, url = @Url, events = @Events, secret = @Secret, status = @Status, updated_ms = @UpdatedMs WHERE id = @Id
            """, webhook);
        await audit.AppendAsync(session, new AuditEvent(actor, "webhook.update", $"webhooks/{id}",
            new { OldHost = new Uri(old.Url).Host, NewHost = new Uri(webhook.Url).Host, OldStatus = old.Status, NewStatus = webhook.Status, SecretChanged = old.Secret != webhook.Secret }));
        return webhook;
    }, ct);

    /// <returns>False when there is none of this id.</returns>
    public Task<bool> DeleteAsync(string id, string actor, CancellationToken ct) => db.WriteAsync(async session =>
    {
        var old = await session.FirstOrDefaultAsync<WebhookRow>($"SELECT {Columns} FROM mon_webhook WHERE id = @id" + session.Dialect.ForUpdate, new { id });
        if (old is null) return false;
        await session.ExecuteAsync("DELETE FROM mon_webhook WHERE id = @id", new { id });
        await session.ExecuteAsync("DELETE FROM mon_delivery WHERE webhook_id = @id", new { id });
        await audit.AppendAsync(session, new AuditEvent(actor, "webhook.delete", $"webhooks/{id}", new { old.Name, Host = new Uri(old.Url).Host }));
        return true;
    }, ct);

    /// <summary>Puts deliveries of one event into the outbox, and forgets those that were done with a week ago.</summary>
    /// <returns>Webhooks that got none, since too many wait for them already.</returns>
    public Task<List<string>> EnqueueAsync(IReadOnlyList<(string DeliveryId, WebhookRow Webhook)> deliveries, string name, string body, long now, CancellationToken ct) => db.WriteAsync(async session =>
    {
        var full = new List<string>();
        await session.ExecuteAsync("DELETE FROM mon_delivery WHERE webhook_id IS NOT NULL AND status IN ('delivered', 'failed') AND next_ms < @before", new { before = now - KeptMs });
        foreach (var (id, webhook) in deliveries)
        {
            if (await session.ScalarAsync<long>("SELECT COUNT(*) FROM mon_delivery WHERE status = 'pending' AND webhook_id = @Id", new { webhook.Id }) >= MaxWaiting)
            {
                full.Add(webhook.Id);
                continue;
            }
            // No two deliveries share an alert_id, so none waits for another.
            await session.ExecuteAsync("""
                INSERT INTO mon_delivery (id, alert_id, url, event, body, status, attempts, next_ms, last_ms, webhook_id) VALUES (@id, @id, @Url, @name, @body, 'pending', 0, @now, @now, @webhookId)
                """, new { id, webhook.Url, name, body, now, webhookId = webhook.Id });
        }
        return full;
    }, ct);
}
