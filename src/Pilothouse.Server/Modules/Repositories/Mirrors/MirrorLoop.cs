using Microsoft.Extensions.Logging;
using Pilothouse.Server.Modules.Repositories.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Repositories.Mirrors;

/// <summary>Runs mirrors when they are due: those that follow another by their interval, those that are followed after each push.</summary>
internal sealed partial class MirrorLoop(MirrorService mirrors, MirrorStore store, IEventBus events, TimeProvider time, ILogger<MirrorLoop> logger) : DueLoop(time)
{
    private const int AtOnce = 4;

    private bool _sawLeftOver;

    public override Task StartAsync(CancellationToken cancellationToken)
    {
        events.Subscribe<RepositoryPushed>("mirrors", async (pushed, ct) =>
        {
            await store.DuePushesAsync(pushed.Project, Time.NowMs(), ct);
            Wake();
        });
        return base.StartAsync(cancellationToken);
    }

    public override async Task PassAsync(CancellationToken ct)
    {
        // A push just before the last server ended may not have gone out.
        if (!_sawLeftOver) await store.DuePushesAsync(null, Time.NowMs(), ct);
        _sawLeftOver = true;
        var due = await store.DueAsync(Time.NowMs(), ct);
        await Parallel.ForEachAsync(due, new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = ct }, async (mirror, stop) => await mirrors.RunAsync(mirror, stop));
    }

    protected override Task<long?> NextDueAsync(CancellationToken ct) => store.NextDueAsync(ct);

    [LoggerMessage(520, LogLevel.Error, "Running mirrors failed; tried again in a moment")]
    protected override partial void PassFailed(Exception error);
}
