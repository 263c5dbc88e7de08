using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using Pilothouse.Server.Modules.Repositories.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Repositories.Mirrors;

/// <summary>Runs mirrors when they are due: those that follow another by their interval, those that are followed after each push.</summary>
internal sealed partial class MirrorLoop(MirrorService mirrors, MirrorStore store, IEventBus events, TimeProvider time, ILogger<MirrorLoop> logger) : BackgroundLoop
{
    private const int AtOnce = 4;
    private static readonly TimeSpan LongestWait = TimeSpan.FromMinutes(1);

    private readonly Channel<bool> _bell = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });

    public override Task StartAsync(CancellationToken cancellationToken)
    {
        events.Subscribe<RepositoryPushed>("mirrors", async (pushed, ct) =>
        {
            await store.DuePushesAsync(pushed.Project, time.NowMs(), ct);
            _bell.Writer.TryWrite(true);
        });
        return base.StartAsync(cancellationToken);
    }

    protected override async Task LoopAsync(CancellationToken ct)
    {
        // A push just before the last server ended may not have gone out.
        await TryAsync(() => store.DuePushesAsync(null, time.NowMs(), ct), ct);
        while (true)
        {
            await TryAsync(() => RunDueAsync(ct), ct);
            await WaitAsync(ct);
        }
    }

    private async Task RunDueAsync(CancellationToken ct)
    {
        var due = await store.DueAsync(time.NowMs(), ct);
        await Parallel.ForEachAsync(due, new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = ct }, async (mirror, stop) => await mirrors.RunAsync(mirror, stop));
    }

    private async Task WaitAsync(CancellationToken ct)
    {
        var wait = LongestWait;
        await TryAsync(async () =>
        {
            if (await store.NextDueAsync(ct) is { } next) wait = TimeSpan.FromMilliseconds(Math.Clamp(next - time.NowMs(), 50, LongestWait.TotalMilliseconds));
        }, ct);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(ct);
        await Task.WhenAny(_bell.Reader.WaitToReadAsync(either.Token).AsTask(), Task.Delay(wait, time, either.Token));
        await either.CancelAsync();
        ct.ThrowIfCancellationRequested();
        _bell.Reader.TryRead(out _);
    }

    private async Task TryAsync(Func<Task> work, CancellationToken ct)
    {
        try
        {
            await work();
        }
        catch (Exception e) when (!ct.IsCancellationRequested)
        {
            PassFailed(e);
        }
    }

    [LoggerMessage(520, LogLevel.Error, "Running mirrors failed; tried again in a moment")]
    private partial void PassFailed(Exception error);
}
