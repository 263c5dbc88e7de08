using Microsoft.Extensions.Hosting;

namespace Pilothouse.Server.Modules.Evaluation;

/// <summary>At start-up, ends the evaluations that a stop cut short: nothing may stay "running" that does not run.</summary>
internal sealed class EvaluationRecovery(EvaluationStore store) : IHostedService
{
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        foreach (var running in await store.RunningAsync(cancellationToken))
            await store.FailAsync(running with { Status = "failed", Reason = EvaluationService.CutShort }, cancellationToken);
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
