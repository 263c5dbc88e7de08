using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Pilothouse.Server.Modules.Repositories.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Repositories.Maintenance;

/// <summary>Looks after repositories that were pushed to, and once after the start at all of them.</summary>
internal sealed partial class MaintenanceLoop(RepositoryMaintenance maintenance, IProjects projects, IEventBus events, IOptions<RepositoriesOptions> options, TimeProvider time, ILogger<MaintenanceLoop> logger) : BackgroundLoop
{
    /// <summary>By project; bounded by the number of projects.</summary>
    private readonly ConcurrentDictionary<string, bool> _touched = new(StringComparer.Ordinal);

    public override Task StartAsync(CancellationToken cancellationToken)
    {
        events.Subscribe<RepositoryPushed>("maintenance", (pushed, _) =>
        {
            _touched[pushed.Project] = true;
            return Task.CompletedTask;
        });
        return base.StartAsync(cancellationToken);
    }

    protected override async Task LoopAsync(CancellationToken ct)
    {
        await foreach (var round in RoundsAsync(time, TimeSpan.FromMinutes(options.Value.MaintenanceMinutes), ct))
        {
            try
            {
                if (round == 0) foreach (var project in await projects.ListAsync(ct)) _touched[project.Name] = true;
            }
            catch (Exception e) when (!ct.IsCancellationRequested)
            {
                Failed(e, "all");
            }
            foreach (var project in _touched.Keys)
            {
                _touched.TryRemove(project, out _);
                try
                {
                    await maintenance.RunAsync(project, force: false, ct);
                }
                catch (Exception e) when (!ct.IsCancellationRequested)
                {
                    Failed(e, project);
                }
            }
        }
    }

    [LoggerMessage(532, LogLevel.Error, "Maintenance of the repository of {Project} failed; tried again after its next push")]
    private partial void Failed(Exception error, string project);
}
