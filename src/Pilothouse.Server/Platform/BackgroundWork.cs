using System.Threading.Channels;
using Microsoft.Extensions.Logging;

namespace Pilothouse.Server.Platform;

/// <summary>
/// Work that outlives the request that asked for it (an evaluation, a rollout step). Bounded; the owner keeps the state in its table, so
/// that work cut short by a stop is found there at the next start.
/// </summary>
public interface IBackgroundWork
{
    /// <exception cref="PilothouseException">RateLimited: the queue is full.</exception>
    void Enqueue(string name, Func<CancellationToken, Task> work);
}

internal sealed partial class BackgroundWork(ILogger<BackgroundWork> logger) : BackgroundLoop, IBackgroundWork
{
    private const int QueueLength = 1000;
    private static readonly int Workers = Math.Max(2, Environment.ProcessorCount);

    private readonly Channel<(string Name, Func<CancellationToken, Task> Work)> _queue =
        Channel.CreateBounded<(string, Func<CancellationToken, Task>)>(QueueLength);

    public void Enqueue(string name, Func<CancellationToken, Task> work)
    {
        if (!_queue.Writer.TryWrite((name, work)))
            throw new PilothouseException(ErrorCode.RateLimited, $"{QueueLength} pieces of background work wait already. Try again when some have finished.");
    }

    protected override Task LoopAsync(CancellationToken ct) =>
        Task.WhenAll(Enumerable.Range(0, Workers).Select(_ => WorkAsync(ct)));

    private async Task WorkAsync(CancellationToken ct)
    {
        await foreach (var (name, work) in _queue.Reader.ReadAllAsync(ct)) await RunOneAsync(name, work, ct);
    }

    private async Task RunOneAsync(string name, Func<CancellationToken, Task> work, CancellationToken ct)
    {
        try
        {
            await work(ct);
        }
        catch (Exception e) when (e is not OperationCanceledException || !ct.IsCancellationRequested)
        {
            Failed(e, name);
        }
    }

    [LoggerMessage(120, LogLevel.Error, "Background work '{Name}' failed")]
    private partial void Failed(Exception error, string name);
}
