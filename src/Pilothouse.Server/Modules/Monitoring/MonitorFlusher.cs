using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Pilothouse.Server.Modules.Monitoring;

/// <summary>Writes evidence every <see cref="MonitoringOptions.FlushInterval"/>, and once more when the server stops.</summary>
internal sealed partial class MonitorFlusher(MonitorService monitors, TimeProvider time, IOptions<MonitoringOptions> options, ILogger<MonitorFlusher> logger) : BackgroundService
{
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(options.Value.FlushInterval, time);
        try
        {
            while (await timer.WaitForNextTickAsync(stoppingToken)) await TryFlushAsync(stoppingToken);
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // The stop below writes the rest.
        }
    }

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        await TryFlushAsync(cancellationToken);
    }

    private async Task TryFlushAsync(CancellationToken ct)
    {
        try
        {
            await monitors.FlushAsync(ct);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            FlushFailed(e);
        }
    }

    [LoggerMessage(1320, LogLevel.Error, "Evidence of monitors could not be written; tried again at the next interval")]
    private partial void FlushFailed(Exception error);
}
