using Microsoft.Extensions.Hosting;
using Pilothouse.Server.Modules.Tracking.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Traces;

/// <summary>Drops the traces of experiments that the garbage collection has removed.</summary>
internal sealed class PurgedTraces(MlflowTraceStore store, IEventBus events) : IHostedService
{
    private const int Batch = 500;

    public Task StartAsync(CancellationToken cancellationToken)
    {
        events.Subscribe<ExperimentsPurged>("Traces", DropAsync);
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    private async Task DropAsync(ExperimentsPurged purged, CancellationToken ct)
    {
        foreach (var experiment in purged.ExperimentIds)
            while (await store.OldestAsync(experiment, long.MaxValue, Batch, ct) is { Count: > 0 } traces)
                await store.DeleteAsync(experiment, traces, ct);
    }
}
