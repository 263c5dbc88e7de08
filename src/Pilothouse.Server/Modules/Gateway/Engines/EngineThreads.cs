using System.Collections.Concurrent;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Gateway.Engines;

/// <summary>
/// Threads of their own for computing: a model that computes for seconds must not hold the thread pool, on which every other request of the server
/// runs. The number of threads bounds what runs at once, the queue what may wait.
/// </summary>
internal sealed class EngineThreads : IDisposable
{
    private readonly BlockingCollection<Action> _queue;
    private readonly Thread[] _threads;
    private readonly int _capacity;

    public EngineThreads(GatewayOptions options)
    {
        _capacity = options.MaxQueuedGenerations;
        _queue = new BlockingCollection<Action>(_capacity);
        _threads = [.. Enumerable.Range(0, options.EngineThreads > 0 ? options.EngineThreads : Environment.ProcessorCount).Select(i =>
            new Thread(Work) { IsBackground = true, Name = $"engine-{i}" })];
        foreach (var thread in _threads) thread.Start();
    }

    /// <exception cref="PilothouseException">RateLimited: the queue is full.</exception>
    public Task<T> RunAsync<T>(Func<CancellationToken, T> compute, CancellationToken ct)
    {
        var done = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        var accepted = _queue.TryAdd(() =>
        {
            try
            {
                ct.ThrowIfCancellationRequested();
                done.SetResult(compute(ct));
            }
            catch (OperationCanceledException) when (ct.IsCancellationRequested)
            {
                done.SetCanceled(ct);
            }
            catch (Exception e)
            {
                done.SetException(e);
            }
        });
        if (!accepted)
            throw new PilothouseException(ErrorCode.RateLimited, $"{_capacity} requests wait for the in-process engine already. Try again in a moment, or raise Gateway:MaxQueuedGenerations.");
        return done.Task;
    }

    /// <summary>Lets the threads end after what they hold; work that still waits is done too, since its callers wait for it.</summary>
    public void Dispose()
    {
        _queue.CompleteAdding();
        foreach (var thread in _threads) thread.Join();
        _queue.Dispose();
    }

    private void Work()
    {
        foreach (var work in _queue.GetConsumingEnumerable()) work();
    }
}
