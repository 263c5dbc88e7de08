using Microsoft.Extensions.Hosting;

namespace Pilothouse.Server.Platform;

/// <summary>
/// A loop that runs as long as the server. One that is cancelled has ended, not failed: the host itself tells the two apart only once it is running, so a server
/// that could not start (a port in use) would report its cancelled loops as crashes.
/// </summary>
internal abstract class BackgroundLoop : BackgroundService
{
    protected abstract Task LoopAsync(CancellationToken ct);

    protected sealed override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            await LoopAsync(stoppingToken);
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // The server stops; what was under way is found in its owner's table at the next start.
        }
    }
}
