using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Pilothouse.Server.Modules.Gateway.Api;
using Pilothouse.Server.Modules.Monitoring.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Deployments;

/// <summary>Wires the controller to time and to events.</summary>
internal sealed partial class RolloutLoop(RolloutController controller, IEventBus events, TimeProvider time, IOptions<DeploymentsOptions> options, ILogger<RolloutLoop> logger) : BackgroundLoop
{
    /// <summary>Before the server listens: an environment serves what it should from the first request.</summary>
    public override async Task StartAsync(CancellationToken cancellationToken)
    {
        await controller.ResumeAsync(cancellationToken);
        events.Subscribe<ResponseServed>("Deployments", controller.OnServedAsync);
        events.Subscribe<AlertFired>("Deployments", controller.OnAlertAsync);
        await base.StartAsync(cancellationToken);
    }

    protected override async Task LoopAsync(CancellationToken ct)
    {
        await foreach (var _ in RoundsAsync(time, options.Value.Tick, ct))
        {
            try
            {
                await controller.TickAsync(ct);
            }
            catch (Exception e) when (e is not OperationCanceledException || !ct.IsCancellationRequested)
            {
                TickFailed(e);
            }
        }
    }

    [LoggerMessage(1410, LogLevel.Error, "Rollouts could not be looked at; tried again at the next tick")]
    private partial void TickFailed(Exception error);
}
