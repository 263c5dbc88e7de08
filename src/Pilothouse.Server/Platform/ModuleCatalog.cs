using Pilothouse.Server.Modules.Audit;
using Pilothouse.Server.Modules.Blobs;
using Pilothouse.Server.Modules.Deployments;
using Pilothouse.Server.Modules.Evaluation;
using Pilothouse.Server.Modules.Fairness;
using Pilothouse.Server.Modules.Gateway;
using Pilothouse.Server.Modules.Hub;
using Pilothouse.Server.Modules.Identity;
using Pilothouse.Server.Modules.Monitoring;
using Pilothouse.Server.Modules.Packaging;
using Pilothouse.Server.Modules.Pipelines;
using Pilothouse.Server.Modules.Registry;
using Pilothouse.Server.Modules.Repositories;
using Pilothouse.Server.Modules.Reproductions;
using Pilothouse.Server.Modules.Traces;
using Pilothouse.Server.Modules.Tracking;

namespace Pilothouse.Server.Platform;

/// <summary>All modules, lowest level first. The list is the architecture: no scanning.</summary>
public static class ModuleCatalog
{
    public static IReadOnlyList<IModule> All { get; } =
    [
        // Level 1
        new IdentityModule(), new AuditModule(), new BlobsModule(),
        // Level 2
        new TrackingModule(), new RepositoriesModule(),
        // Level 3
        new RegistryModule(), new ReproductionsModule(),
        // Level 4
        new EvaluationModule(), new FairnessModule(), new TracesModule(), new MonitoringModule(), new HubModule(),
        // Level 5
        new PackagingModule(), new GatewayModule(), new PipelinesModule(),
        // Level 6
        new DeploymentsModule(),
    ];
}
