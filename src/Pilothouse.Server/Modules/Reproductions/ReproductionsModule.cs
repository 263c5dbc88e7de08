using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Pilothouse.Server.Modules.Blobs.Api;
using Pilothouse.Server.Modules.Reproductions.Api;
using Pilothouse.Server.Modules.Reproductions.Endpoints;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Reproductions;

/// <summary>Verdicts on whether runs and releases can be repeated. Owns the tables <c>rpd_*</c>.</summary>
public sealed class ReproductionsModule : IModule
{
    public string Name => "Reproductions";

    public void AddServices(IServiceCollection services, IConfiguration configuration) => services
        .AddSingleton<ReproductionStore>().AddSingleton<IReproductions, ReproductionService>().AddSingleton<ILineageSource, ReproductionLineage>().AddSingleton<IBlobClaims, ReproductionClaims>();

    public void MapEndpoints(IEndpointRouteBuilder endpoints) => endpoints.MapReproductions();
}
