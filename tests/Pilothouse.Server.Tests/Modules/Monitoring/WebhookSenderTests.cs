using System.Net;
using Pilothouse.Protocols.Alerting;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Monitoring;
using Pilothouse.Testing;

namespace Pilothouse.Server.Tests.Modules.Monitoring;

public sealed class WebhookSenderTests
{
    [Theory, DatabaseData]
    public async Task Server_errors_and_refused_connections_are_retried_with_growing_waits(string kind)
    {
        await using var database = await TestDatabase.CreateAsync(kind);
        var m = await FiringAsync(database);
        m.Receiver.Answer(HttpStatusCode.ServiceUnavailable).Refuse().Answer(HttpStatusCode.OK);

        await m.Sender.PassAsync(default);
        Assert.Equal(("pending", 1), await DeliveryAsync(m));
        m.Time.Advance(TimeSpan.FromMilliseconds(999));
        await m.Sender.PassAsync(default);
        Assert.Equal(("pending", 1), await DeliveryAsync(m)); // not due yet
        m.Time.Advance(TimeSpan.FromMilliseconds(1));
        await m.Sender.PassAsync(default);
        Assert.Equal(("pending", 2), await DeliveryAsync(m));
        m.Time.Advance(TimeSpan.FromSeconds(2));
        await m.Sender.PassAsync(default);

        Assert.Equal(("delivered", 3), await DeliveryAsync(m));
        Assert.Equal(3, m.Receiver.Received.Count);
    }

    [Theory, DatabaseData]
    public async Task A_receiver_that_hangs_is_left_after_the_timeout_and_tried_again(string kind)
    {
        await using var database = await TestDatabase.CreateAsync(kind);
        var m = await FiringAsync(database);
        m.Receiver.Hang();

        var sending = m.Sender.PassAsync(default);
        await m.Receiver.Arrived.WaitAsync();
        m.Time.Advance(m.Settings.WebhookTimeout);
        await sending;

        Assert.Equal(("pending", 1), await DeliveryAsync(m));
        m.Time.Advance(TimeSpan.FromSeconds(1));
        await m.Sender.PassAsync(default);
        Assert.Equal(("delivered", 2), await DeliveryAsync(m));
    }

    [Theory, DatabaseData]
    public async Task A_refusal_is_final(string kind)
    {
        await using var database = await TestDatabase.CreateAsync(kind);
        var m = await FiringAsync(database);
        m.Receiver.Answer(HttpStatusCode.BadRequest);

        await m.Sender.PassAsync(default);

        Assert.Equal(("failed", 1), await DeliveryAsync(m));
        Assert.Contains("400", (await m.Monitors.AlertsAsync(null, 1, default))[0].Deliveries[0].Error, StringComparison.Ordinal);
    }

    [Theory, DatabaseData]
    public async Task Attempts_are_bounded(string kind)
    {
        await using var database = await TestDatabase.CreateAsync(kind);
        var m = await FiringAsync(database);
        m.Receiver.Answer([.. Enumerable.Repeat(HttpStatusCode.InternalServerError, 10)]);

        for (var i = 0; i < 10; i++)
        {
            await m.Sender.PassAsync(default);
            m.Time.Advance(TimeSpan.FromMinutes(5));
        }

        Assert.Equal(("failed", m.Settings.WebhookAttempts), await DeliveryAsync(m));
        Assert.Equal(m.Settings.WebhookAttempts, m.Receiver.Received.Count);
    }

    [Theory, DatabaseData]
    public async Task The_end_of_an_alert_waits_for_its_beginning(string kind)
    {
        await using var database = await TestDatabase.CreateAsync(kind);
        var m = await FiringAsync(database);
        m.Receiver.Answer(HttpStatusCode.BadGateway);
        await m.Monitors.StopAsync(MonitoringFixture.Environment, "stable", default);

        await m.Sender.PassAsync(default);
        Assert.Single(m.Receiver.Received);
        m.Time.Advance(TimeSpan.FromSeconds(1));
        await m.Sender.PassAsync(default);

        Assert.Equal(["firing", "firing", "resolved"], m.Receiver.Received.Select(r => AlertmanagerWebhook.Read(r.Body).Status));
    }

    [Theory, DatabaseData]
    public async Task A_server_that_died_while_sending_sends_again(string kind)
    {
        await using var database = await TestDatabase.CreateAsync(kind);
        var m = await FiringAsync(database);
        Assert.Single(await m.Alerts.ClaimDueAsync(Now(m), Now(m) + 20_000, 10, default)); // claimed, then killed

        await m.Sender.PassAsync(default);
        Assert.Empty(m.Receiver.Received);
        m.Time.Advance(TimeSpan.FromSeconds(20));
        await m.Sender.PassAsync(default);

        Assert.Equal(("delivered", 2), await DeliveryAsync(m));
    }

    [Theory, InlineData(1, 1), InlineData(2, 2), InlineData(5, 16), InlineData(9, 256), InlineData(10, 300), InlineData(1000, 300)]
    public void Waits_double_up_to_a_bound(long attempt, int seconds) =>
        Assert.Equal(TimeSpan.FromSeconds(seconds), WebhookSender.WaitAfter(attempt, new MonitoringOptions()));

    private static async Task<MonitoringFixture> FiringAsync(TestDatabase database)
    {
        var m = new MonitoringFixture(database);
        await m.StartAsync();
        await m.ServeAsync(60, badEvery: 1);
        return m;
    }

    private static long Now(MonitoringFixture m) => m.Time.GetUtcNow().ToUnixTimeMilliseconds();

    private static async Task<(string Status, int Attempts)> DeliveryAsync(MonitoringFixture m)
    {
        AlertDelivery delivery = (await m.Monitors.AlertsAsync(null, 1, default))[0].Deliveries[0];
        return (delivery.Status, delivery.Attempts);
    }
}
