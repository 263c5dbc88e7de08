using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Pilothouse.Server.Modules.Monitoring.Api;
using Pilothouse.Server.Modules.Monitoring.Endpoints;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Monitoring;

/// <summary>Live quality: monitors over what is served, alerts and their webhooks. Owns the tables <c>mon_*</c>.</summary>
public sealed class MonitoringModule : IModule
{
    internal const string WebhookClient = "webhooks";

    public string Name => "Monitoring";

    public void AddServices(IServiceCollection services, IConfiguration configuration)
    {
        services.AddOptions<MonitoringOptions>().BindConfiguration("Monitoring").ValidateDataAnnotations().ValidateOnStart();
        // A redirect would carry an alert to an address that nobody configured.
        services.AddHttpClient(WebhookClient).ConfigurePrimaryHttpMessageHandler(() => new SocketsHttpHandler { AllowAutoRedirect = false });
        services.AddSingleton<MonitorStore>().AddSingleton<AlertStore>().AddSingleton<AlertWriter>();
        services.AddSingleton<MonitorService>().AddSingleton<IMonitors>(s => s.GetRequiredService<MonitorService>());
        services.AddSingleton<WebhookSender>().AddHostedService(s => s.GetRequiredService<WebhookSender>()).AddHostedService<MonitorFlusher>();
        services.AddSingleton<IMetricsSource, ProcessMetrics>().AddSingleton<IMetricsSource, MonitorMetrics>();
    }

    public void MapEndpoints(IEndpointRouteBuilder endpoints)
    {
        endpoints.MapMonitoring();
        endpoints.MapMetrics();
    }
}
