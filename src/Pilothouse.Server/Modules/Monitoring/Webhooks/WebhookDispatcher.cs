using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Pilothouse.Server.Modules.Registry.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Monitoring.Webhooks;

/// <summary>Turns registry events into deliveries in the outbox, one for each webhook that listens.</summary>
internal sealed partial class WebhookDispatcher(WebhookStore store, WebhookSender sender, IEventBus events, Ids ids, TimeProvider time, ILogger<WebhookDispatcher> logger) : IHostedService
{
    public Task StartAsync(CancellationToken cancellationToken)
    {
        events.Subscribe<RegistryChanged>("webhooks", HandleAsync);
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    internal async Task HandleAsync(RegistryChanged change, CancellationToken ct)
    {
        if (WebhookMessage.EventOf(change) is not { } kind) return;
        var listening = (await store.ActiveAsync(ct)).Where(w => w.EventList.Contains(kind)).Select(w => (ids.New(), w)).ToList();
        if (listening.Count == 0) return;
        var body = WebhookMessage.Write(kind, time.GetUtcNow(), WebhookMessage.DataOf(change));
        foreach (var full in await store.EnqueueAsync(listening, $"{kind.Entity}.{kind.Action}", body, time.NowMs(), ct)) Dropped(full, WebhookStore.MaxWaiting);
        sender.Wake();
    }

    [LoggerMessage(1310, LogLevel.Warning, "Webhook {Webhook} has {Waiting} deliveries waiting: the event was dropped for it")]
    private partial void Dropped(string webhook, int waiting);
}
