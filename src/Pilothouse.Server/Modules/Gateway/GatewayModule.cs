using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Pilothouse.Server.Modules.Gateway.Api;
using Pilothouse.Server.Modules.Gateway.Endpoints;
using Pilothouse.Server.Modules.Gateway.Engines;
using Pilothouse.Server.Platform;
using Pilothouse.Server.Platform.Inference;

namespace Pilothouse.Server.Modules.Gateway;

/// <summary>Serves models under stable names, and runs them for everyone else. Owns the tables <c>gtw_*</c>.</summary>
public sealed class GatewayModule : IModule
{
    public string Name => "Gateway";

    public void AddServices(IServiceCollection services, IConfiguration configuration)
    {
        var options = new GatewayOptions();
        configuration.GetSection(Name).Bind(options);
        if (options.Faults().ToList() is { Count: > 0 } faults) throw new StartupException(string.Join('\n', faults));
        services.AddSingleton(options);
        services.AddHttpClient(OpenAiEngine.HttpClientName, client => client.Timeout = Timeout.InfiniteTimeSpan)
            .ConfigurePrimaryHttpMessageHandler(() => new SocketsHttpHandler { ConnectTimeout = options.UpstreamConnectTimeout, AllowAutoRedirect = false, UseCookies = false })
            .RemoveAllLoggers();
        services.AddSingleton<IEngine, OnnxEngine>().AddSingleton<IEngine, OpenAiEngine>();
        services.AddSingleton<InferenceService>().AddSingleton<IInference>(s => s.GetRequiredService<InferenceService>()).AddSingleton<IServedTargets>(s => s.GetRequiredService<InferenceService>());
        services.AddSingleton<RouteStore>().AddSingleton<RouteService>().AddSingleton<IGatewayRoutes>(s => s.GetRequiredService<RouteService>()).AddHostedService(s => s.GetRequiredService<RouteService>());
        services.AddSingleton<ResponseRecorder>().AddHostedService(s => s.GetRequiredService<ResponseRecorder>());
        services.AddSingleton<ServingService>().AddSingleton<IServerVariables, KeyVariables>();
    }

    public void MapEndpoints(IEndpointRouteBuilder endpoints)
    {
        endpoints.MapOpenAi();
        endpoints.MapRoutes();
    }
}
