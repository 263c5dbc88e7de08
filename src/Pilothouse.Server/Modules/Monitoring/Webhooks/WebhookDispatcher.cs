using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Pilothouse.Protocols.Mlflow;
using Pilothouse.Server.Modules.Registry.Api;
using Pilothouse.Server.Modules.Repositories.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Monitoring.Webhooks;

/// <summary>Turns registry events and pushes into deliveries in the outbox, one for each webhook that listens.</summary>
internal sealed partial class WebhookDispatcher(WebhookStore store, WebhookSender sender, IEventBus events, Ids ids, TimeProvider time, ILogger<WebhookDispatcher> logger) : IHostedService
{
    public Task StartAsync(CancellationToken cancellationToken)
    {
        events.Subscribe<RegistryChanged>("webhooks", HandleAsync);
        events.Subscribe<RepositoryPushed>("webhooks", HandleAsync);
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    internal Task HandleAsync(RegistryChanged change, CancellationToken ct) =>
        WebhookMessage.EventOf(change) is { } kind ? EnqueueAsync(kind, () => WebhookMessage.DataOf(change), ct) : Task.CompletedTask;

    internal Task HandleAsync(RepositoryPushed push, CancellationToken ct) => EnqueueAsync(WebhookMessage.Pushed, () => WebhookMessage.DataOf(push), ct);

    private async Task EnqueueAsync(MlflowWebhookEvent kind, Func<object> data, CancellationToken ct)
    {
        var listening = (await store.ActiveAsync(ct)).Where(w => w.EventList.Contains(kind)).Select(w => (ids.New(), w)).ToList();
        if (listening.Count == 0) return;
        var body = WebhookMessage.Write(kind, time.GetUtcNow(), data());
        foreach (var full in await store.EnqueueAsync(listening, $"{kind.Entity}.{kind.Action}", body, time.NowMs(), ct)) Dropped(full, WebhookStore.MaxWaiting);
        sender.Wake();
    }

    [LoggerMessage(1310, LogLevel.Warning, "Webhook {Webhook} has {Waiting} deliveries waiting: the event was dropped for it")]
    private partial void Dropped(string webhook, int waiting);
}
