using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Monitoring;

/// <summary>Writes evidence every <see cref="MonitoringOptions.FlushInterval"/>, and once more when the server stops.</summary>
internal sealed partial class MonitorFlusher(MonitorService monitors, TimeProvider time, IOptions<MonitoringOptions> options, ILogger<MonitorFlusher> logger) : BackgroundLoop
{
    protected override async Task LoopAsync(CancellationToken ct)
    {
        await foreach (var _ in RoundsAsync(time, options.Value.FlushInterval, ct)) await TryFlushAsync(ct);
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
