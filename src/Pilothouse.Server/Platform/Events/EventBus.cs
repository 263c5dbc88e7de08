using System.Collections.Concurrent;
using System.Threading.Channels;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Pilothouse.Server.Platform;

/// <summary>
/// Domain events inside this process: how a lower module tells a higher one. Delivered in order to each subscriber, at most once, after the
/// publisher's own work is durable; what must survive a crash is in the publisher's table, not only in an event.
/// </summary>
public interface IEventBus
{
    /// <summary>Hands the event to every subscriber's queue. Waits when a queue is full: that is the back pressure.</summary>
    ValueTask PublishAsync<T>(T domainEvent, CancellationToken ct) where T : notnull;

    /// <summary>Calls <paramref name="handle"/> for each event of this type until the server stops.</summary>
    void Subscribe<T>(string subscriber, Func<T, CancellationToken, Task> handle) where T : notnull;
}

internal sealed partial class EventBus(ILogger<EventBus> logger) : IEventBus, IHostedService, IAsyncDisposable
{
    /// <summary>Events that may wait for one slow subscriber.</summary>
    private const int QueueLength = 10_000;

    private readonly ConcurrentDictionary<Type, Subscription[]> _subscriptions = new();
    private readonly CancellationTokenSource _stopping = new();
    private readonly Lock _gate = new();

    public async ValueTask PublishAsync<T>(T domainEvent, CancellationToken ct) where T : notnull
    {
        if (!_subscriptions.TryGetValue(typeof(T), out var subscriptions)) return;
        foreach (var subscription in subscriptions) await subscription.Queue.Writer.WriteAsync(domainEvent, ct);
    }

    public void Subscribe<T>(string subscriber, Func<T, CancellationToken, Task> handle) where T : notnull
    {
        var queue = Channel.CreateBounded<object>(new BoundedChannelOptions(QueueLength) { SingleReader = true });
        var loop = Task.Run(() => RunAsync(subscriber, queue.Reader, handle));
        lock (_gate)
            _subscriptions[typeof(T)] = [.. _subscriptions.GetValueOrDefault(typeof(T), []), new Subscription(queue, loop)];
    }

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>Drains the queues, so that an orderly stop loses no event.</summary>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        foreach (var subscription in _subscriptions.Values.SelectMany(s => s)) subscription.Queue.Writer.TryComplete();
        await Task.WhenAll(_subscriptions.Values.SelectMany(s => s).Select(s => s.Loop)).WaitAsync(cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await _stopping.CancelAsync();
    }

    public ValueTask DisposeAsync()
    {
        _stopping.Dispose();
        return ValueTask.CompletedTask;
    }

    private async Task RunAsync<T>(string subscriber, ChannelReader<object> reader, Func<T, CancellationToken, Task> handle)
    {
        await foreach (var domainEvent in reader.ReadAllAsync())
        {
            try
            {
                await handle((T)domainEvent, _stopping.Token);
            }
            catch (Exception e)
            {
                HandlerFailed(e, subscriber, typeof(T).Name);
            }
        }
    }

    private sealed record Subscription(Channel<object> Queue, Task Loop);

    [LoggerMessage(110, LogLevel.Error, "{Subscriber} failed on {Event}")]
    private partial void HandlerFailed(Exception error, string subscriber, string @event);
}
