using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Pilothouse.Server.Modules.Pipelines.Ci.Jobs;
using Pilothouse.Server.Modules.Registry.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Pipelines.Ci;

/// <summary>
/// Starts builds and jobs when the registry has new versions of models, prompts or data sets. What it saw last stands in the database: versions whose server died before anything started are made up for.
/// Several that came at once start one build.
/// </summary>
internal sealed partial class CiVersionLoop(CiStore store, IVersionFeed versions, CiService builds, CiJobService jobs, IEventBus events, TimeProvider time, IHostApplicationLifetime lifetime, ILogger<CiVersionLoop> logger) : DueLoop(time)
{
    public override async Task StartAsync(CancellationToken cancellationToken)
    {
        events.Subscribe<RegistryChanged>("ci", (change, _) => Ring(change.Change == RegistryChange.VersionCreated));
        events.Subscribe<DatasetVersionAdded>("ci", (_, _) => Ring(true));
        // Before the server listens: what is there when it starts for the first time is not new.
        await store.BeginVersionsAsync(await versions.StateAsync(cancellationToken), cancellationToken);
        lifetime.ApplicationStarted.Register(Wake);
        await base.StartAsync(cancellationToken);
    }

    public override async Task PassAsync(CancellationToken ct)
    {
        // Jobs call this server, which listens only when it has started.
        if (!lifetime.ApplicationStarted.IsCancellationRequested) return;
        var state = await versions.StateAsync(ct);
        if (await store.SeenVersionsAsync(ct) == state) return;
        await builds.VersionAddedAsync(ct);
        await jobs.VersionAddedAsync(ct);
        await store.SawVersionsAsync(state, ct);
    }

    protected override Task<long?> NextDueAsync(CancellationToken ct) => Task.FromResult<long?>(null);

    private Task Ring(bool isNew)
    {
        if (isNew) Wake();
        return Task.CompletedTask;
    }

    [LoggerMessage(1560, LogLevel.Error, "Builds of new versions cannot be started; tried again in a moment")]
    protected override partial void PassFailed(Exception error);
}
