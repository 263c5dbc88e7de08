using System.Diagnostics.Metrics;
using System.Threading.Channels;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Pilothouse.Server.Modules.Traces.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Gateway;

/// <summary>
/// Writes traces and publishes events behind the response, so that neither a slow database nor a slow monitor makes an answer late. Bounded: when
/// <see cref="GatewayOptions.MaxQueuedTraces"/> responses wait, the trace and event of the next are dropped and counted (<see cref="Dropped"/>, meter
/// Pilothouse.Gateway); the counters of its arm are always right. An orderly stop writes everything; a crash loses what waited.
/// </summary>
internal sealed partial class ResponseRecorder(ISpanSink sink, IEventBus events, GatewayOptions options, TimeProvider time, ILogger<ResponseRecorder> logger) : IHostedService, IDisposable
{
    private const int MaxBatch = 500;

    private readonly Channel<ServedResponse> _queue = Channel.CreateBounded<ServedResponse>(new BoundedChannelOptions(options.MaxQueuedTraces) { SingleReader = true });
    private readonly Meter _meter = new("Pilothouse.Gateway");
    private long _dropped;
    private Task _loop = Task.CompletedTask;
    private Counter<long>? _droppedCounter;

    /// <summary>Responses whose trace and event were lost since the start.</summary>
    public long Dropped => Interlocked.Read(ref _dropped);

    /// <summary>Never waits.</summary>
    public void Record(ServedResponse response)
    {
        if (!response.Abandoned && !response.IsRefused) response.By.Arm.Statistics.Add(response.IsFailed, response.Latency.TotalMilliseconds, time.NowMs());
        if (!_queue.Writer.TryWrite(response)) Drop(1);
    }

    public Task StartAsync(CancellationToken cancellationToken)
    {
        _droppedCounter = _meter.CreateCounter<long>("pilothouse.gateway.dropped_traces", description: "Responses whose trace could not be kept");
        _loop = Task.Run(RunAsync, CancellationToken.None);
        return Task.CompletedTask;
    }

    public async Task StopAsync(CancellationToken cancellationToken)
    {
        _queue.Writer.TryComplete();
        await _loop.WaitAsync(cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    public void Dispose() => _meter.Dispose();

    private async Task RunAsync()
    {
        var batch = new List<ServedResponse>(MaxBatch);
        while (await _queue.Reader.WaitToReadAsync())
        {
            batch.Clear();
            while (batch.Count < MaxBatch && _queue.Reader.TryRead(out var response)) batch.Add(response);
            try
            {
                await sink.WriteAsync([.. batch.Select(r => r.ToSpan(options.MaxTracedText))], CancellationToken.None);
            }
            catch (Exception e)
            {
                WriteFailed(e, batch.Count);
                Drop(batch.Count);
            }
            // Monitors judge what was served even when its trace could not be written.
            foreach (var served in batch.SelectMany(r => r.ToEvents())) await events.PublishAsync(served, CancellationToken.None);
        }
    }

    private void Drop(int count)
    {
        Interlocked.Add(ref _dropped, count);
        _droppedCounter?.Add(count);
    }

    [LoggerMessage(1200, LogLevel.Error, "The traces of {Count} responses could not be written")]
    private partial void WriteFailed(Exception error, int count);
}
