using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Pilothouse.Server.Modules.Hub.Endpoints;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Hub;

/// <summary>The Hugging Face Hub's API over the registry: clients and engines with <c>HF_ENDPOINT</c> pull models and data sets, and push folders. Owns the tables <c>hub_*</c>.</summary>
public sealed class HubModule : IModule
{
    public string Name => "Hub";

    public void AddServices(IServiceCollection services, IConfiguration configuration)
    {
        services.AddOptions<HubOptions>().BindConfiguration("Hub").ValidateDataAnnotations().ValidateOnStart();
        services.AddSingleton<HubStore>().AddSingleton<HubRepos>().AddSingleton<HubFiles>().AddSingleton<HubCards>().AddSingleton<HubViews>().AddSingleton<HubBrowser>();
        services.AddSingleton<HubTokens>().AddSingleton<HubUploads>().AddSingleton<HubCommits>();
    }

    public void MapEndpoints(IEndpointRouteBuilder endpoints) => endpoints.MapHub();
}
