using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Pilothouse.Server.Modules.Deployments.Api;
using Pilothouse.Server.Modules.Deployments.Endpoints;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Deployments;

/// <summary>Environments as pointers to releases; rollouts move them and take them back. Owns the tables <c>dep_*</c>.</summary>
public sealed class DeploymentsModule : IModule
{
    public string Name => "Deployments";

    public void AddServices(IServiceCollection services, IConfiguration configuration)
    {
        services.AddOptions<DeploymentsOptions>().BindConfiguration("Deployments").ValidateDataAnnotations().ValidateOnStart();
        services.AddSingleton<DeploymentStore>().AddSingleton<ILineageSource, DeploymentLineage>().AddSingleton<Reconciler>().AddSingleton<RoutePlanner>().AddSingleton<RolloutController>().AddSingleton<CustodyService>();
        services.AddSingleton<DeploymentService>().AddSingleton<IDeployments>(s => s.GetRequiredService<DeploymentService>());
        services.AddSingleton<IPointerSource, EnvironmentPointers>();
        services.AddSingleton<IMetricsSource, TrafficMetrics>();
        services.AddHostedService<RolloutLoop>();
    }

    public void MapEndpoints(IEndpointRouteBuilder endpoints) => endpoints.MapDeployments();
}
