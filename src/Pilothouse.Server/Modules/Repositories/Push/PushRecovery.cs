using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Pilothouse.Server.Modules.Repositories.Push;

/// <summary>Records pushes that the end of the last server cut off. Looks twice: their git may outlive that server by a moment.</summary>
internal sealed partial class PushRecovery(PushService pushes, TimeProvider time, IHostApplicationLifetime lifetime, ILogger<PushRecovery> logger) : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromMinutes(11);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            // Whoever wants to hear of pushes has subscribed when the server has started.
            var started = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            await using var registration = lifetime.ApplicationStarted.Register(() => started.TrySetResult());
            await started.Task.WaitAsync(stoppingToken);
            await pushes.RecoverAsync(null, stoppingToken);
            await Task.Delay(Interval, time, stoppingToken);
            await pushes.RecoverAsync(null, stoppingToken);
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // The server stops; the next one looks again.
        }
        catch (Exception e)
        {
            Failed(e);
        }
    }

    [LoggerMessage(511, LogLevel.Error, "Pushes that were cut off cannot be recorded; tried again at the next push or start")]
    private partial void Failed(Exception error);
}
