using System.Threading.Channels;

namespace Pilothouse.Server.Platform;

/// <summary>
/// A loop over rows that become due: everything that is due now, then sleep until the next one is, or until the bell rings. A pass that fails is repeated in a moment.
/// </summary>
internal abstract class DueLoop(TimeProvider time) : BackgroundLoop
{
    /// <summary>Another server may add work to the same table without ringing here.</summary>
    private static readonly TimeSpan IdleWait = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan AfterFault = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan ShortestWait = TimeSpan.FromMilliseconds(10);

    private readonly Channel<bool> _bell = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });

    protected TimeProvider Time { get; } = time;

    /// <summary>False = this server leaves the work to others.</summary>
    protected virtual bool Enabled => true;

    /// <summary>Something new may be due.</summary>
    public void Wake() => _bell.Writer.TryWrite(true);

    /// <summary>Everything that is due now, once.</summary>
    public abstract Task PassAsync(CancellationToken ct);

    /// <returns>When the next row is due; null = none is.</returns>
    protected abstract Task<long?> NextDueAsync(CancellationToken ct);

    protected abstract void PassFailed(Exception error);

    protected sealed override async Task LoopAsync(CancellationToken ct)
    {
        while (Enabled && !ct.IsCancellationRequested) await WaitAsync(await TryPassAsync(ct), ct);
    }

    private async Task<TimeSpan> TryPassAsync(CancellationToken ct)
    {
        try
        {
            await PassAsync(ct);
            return await NextDueAsync(ct) is { } next ? TimeSpan.FromMilliseconds(Math.Clamp(next - Time.NowMs(), ShortestWait.TotalMilliseconds, IdleWait.TotalMilliseconds)) : IdleWait;
        }
        catch (Exception e) when (e is not OperationCanceledException || !ct.IsCancellationRequested)
        {
            PassFailed(e);
            return AfterFault;
        }
    }

    private async Task WaitAsync(TimeSpan wait, CancellationToken ct)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(ct);
        await Task.WhenAny(_bell.Reader.WaitToReadAsync(either.Token).AsTask(), Task.Delay(wait, Time, either.Token));
        await either.CancelAsync();
        _bell.Reader.TryRead(out _);
    }
}
