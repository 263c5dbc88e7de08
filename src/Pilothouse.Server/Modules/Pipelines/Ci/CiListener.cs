using Microsoft.Extensions.Hosting;
using Pilothouse.Server.Modules.Registry.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Pipelines.Ci;

/// <summary>Turns new versions into builds.</summary>
internal sealed class CiListener(CiService service, IEventBus events) : IHostedService
{
    public Task StartAsync(CancellationToken cancellationToken)
    {
        events.Subscribe<RegistryChanged>("ci", (change, ct) => change.Change == RegistryChange.VersionCreated ? service.VersionAddedAsync(ct) : Task.CompletedTask);
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
