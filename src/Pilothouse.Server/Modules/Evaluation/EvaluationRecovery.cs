using Microsoft.Extensions.Hosting;

namespace Pilothouse.Server.Modules.Evaluation;

/// <summary>At start-up, goes on with the evaluations that a stop cut short: nothing may stay "running" that does not run.</summary>
internal sealed class EvaluationRecovery(EvaluationStore store, EvaluationService service) : IHostedService
{
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        foreach (var running in await store.RunningAsync(cancellationToken)) service.Resume(running);
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
