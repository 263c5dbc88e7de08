using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Tests.Modules.Monitoring;

/// <summary>Keeps what was published; a test hands it on when it wants.</summary>
internal sealed class RecordingBus : IEventBus
{
    private readonly List<object> _events = [];

    public ValueTask PublishAsync<T>(T domainEvent, CancellationToken ct) where T : notnull
    {
        lock (_events) _events.Add(domainEvent);
        return ValueTask.CompletedTask;
    }

    public void Subscribe<T>(string subscriber, Func<T, CancellationToken, Task> handle) where T : notnull => throw new NotSupportedException();

    /// <summary>All events of a type since the last call.</summary>
    public List<T> Take<T>()
    {
        lock (_events)
        {
            var taken = _events.OfType<T>().ToList();
            _events.RemoveAll(e => e is T);
            return taken;
        }
    }
}
