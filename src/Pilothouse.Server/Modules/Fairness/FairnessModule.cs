using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Pilothouse.Server.Modules.Blobs.Api;
using Pilothouse.Server.Modules.Fairness.Api;
using Pilothouse.Server.Modules.Fairness.Endpoints;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Fairness;

/// <summary>Gaps between groups, for generative models and classifiers, with bounds. Owns the tables <c>fai_*</c>.</summary>
public sealed class FairnessModule : IModule
{
    public string Name => "Fairness";

    public void AddServices(IServiceCollection services, IConfiguration configuration) =>
        services.AddSingleton<PronounPreference>().AddSingleton<GroupRates>().AddSingleton<FairnessStore>().AddSingleton<ILineageSource, FairnessLineage>().AddSingleton<IBlobClaims, FairnessClaims>()
            .AddSingleton<FairnessService>().AddSingleton<IFairnessReports>(s => s.GetRequiredService<FairnessService>());

    public void MapEndpoints(IEndpointRouteBuilder endpoints) => endpoints.MapFairness();
}
