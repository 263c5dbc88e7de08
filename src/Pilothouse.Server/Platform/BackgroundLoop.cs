using System.Runtime.CompilerServices;
using Microsoft.Extensions.Hosting;

namespace Pilothouse.Server.Platform;

/// <summary>
/// A loop that runs as long as the server. One that is cancelled has ended, not failed: the host itself tells the two apart only once it is running, so a server
/// that could not start (a port in use) would report its cancelled loops as crashes.
/// </summary>
internal abstract class BackgroundLoop : BackgroundService
{
    protected abstract Task LoopAsync(CancellationToken ct);

    /// <summary>A round each <paramref name="interval"/>. A clock that jumps (a machine that slept, a test's clock) brings one round, not all that were missed.</summary>
    protected static async IAsyncEnumerable<int> RoundsAsync(TimeProvider time, TimeSpan interval, [EnumeratorCancellation] CancellationToken ct)
    {
        for (var round = 0; ; round = unchecked(round + 1))
        {
            await Task.Delay(interval, time, ct);
            yield return round;
        }
    }

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
