using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Pilothouse.Server.Modules.Blobs.Uploads;

/// <summary>Forgets abandoned uploads from time to time.</summary>
internal sealed partial class UploadLoop(UploadService uploads, TimeProvider time, ILogger<UploadLoop> logger) : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromMinutes(10);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Interval, time);
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                if (!await timer.WaitForNextTickAsync(stoppingToken)) return;
                if (await uploads.ExpireAsync(stoppingToken) is > 0 and var expired) Expired(expired);
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e)
            {
                Failed(e);
            }
        }
    }

    [LoggerMessage(160, LogLevel.Information, "{Count} uploads forgotten: completed, or nothing came to them for too long")]
    private partial void Expired(int count);

    [LoggerMessage(161, LogLevel.Error, "Abandoned uploads could not be looked for; tried again later")]
    private partial void Failed(Exception error);
}
