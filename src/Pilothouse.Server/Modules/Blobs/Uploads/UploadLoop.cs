using Microsoft.Extensions.Logging;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Blobs.Uploads;

/// <summary>Forgets abandoned uploads from time to time.</summary>
internal sealed partial class UploadLoop(UploadService uploads, TimeProvider time, ILogger<UploadLoop> logger) : BackgroundLoop
{
    private static readonly TimeSpan Interval = TimeSpan.FromMinutes(10);

    protected override async Task LoopAsync(CancellationToken ct)
    {
        await foreach (var _ in RoundsAsync(time, Interval, ct))
        {
            try
            {
                if (await uploads.ExpireAsync(ct) is > 0 and var expired) Expired(expired);
            }
            catch (Exception e) when (e is not OperationCanceledException || !ct.IsCancellationRequested)
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
