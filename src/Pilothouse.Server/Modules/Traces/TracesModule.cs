using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Pilothouse.Server.Modules.Traces.Api;
using Pilothouse.Server.Modules.Traces.Endpoints;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Traces;

/// <summary>What happened in each request, from any OpenTelemetry client and from our own gateway. Owns the tables <c>trc_*</c>.</summary>
public sealed class TracesModule : IModule
{
    public string Name => "Traces";

    public void AddServices(IServiceCollection services, IConfiguration configuration) =>
        services.AddSingleton<TraceStore>().AddSingleton<TraceService>()
            .AddSingleton<ITraces>(s => s.GetRequiredService<TraceService>()).AddSingleton<ISpanSink>(s => s.GetRequiredService<TraceService>());

    public void MapEndpoints(IEndpointRouteBuilder endpoints)
    {
        endpoints.MapOtlp();
        endpoints.MapTraces();
    }
}
