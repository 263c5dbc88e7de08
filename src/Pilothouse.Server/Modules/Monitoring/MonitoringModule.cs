using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Pilothouse.Server.Modules.Monitoring.Api;
using Microsoft.Extensions.Options;
using Pilothouse.Server.Modules.Monitoring.Endpoints;
using Pilothouse.Server.Modules.Monitoring.Webhooks;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Monitoring;

/// <summary>Live quality: monitors over what is served, alerts and their webhooks. Owns the tables <c>mon_*</c>.</summary>
public sealed class MonitoringModule : IModule
{
    internal const string WebhookClient = "webhooks";
    internal const string RegistryWebhookClient = "registry-webhooks";

    public string Name => "Monitoring";

    public void AddServices(IServiceCollection services, IConfiguration configuration)
    {
        services.AddOptions<MonitoringOptions>().BindConfiguration("Monitoring").ValidateDataAnnotations().ValidateOnStart();
        // A redirect would carry an alert to an address that nobody configured.
        services.AddHttpClient(WebhookClient).ConfigurePrimaryHttpMessageHandler(() => new SocketsHttpHandler { AllowAutoRedirect = false });
        // Callers choose where these go.
        services.AddHttpClient(RegistryWebhookClient).ConfigurePrimaryHttpMessageHandler(provider =>
        {
            var allowPrivate = provider.GetRequiredService<IOptions<MonitoringOptions>>().Value.WebhookAllowPrivate;
            return new SocketsHttpHandler { AllowAutoRedirect = false, UseProxy = false, ConnectCallback = (context, ct) => AddressGuard.ConnectAsync(context, allowPrivate, ct) };
        });
        services.AddSingleton<WebhookStore>().AddSingleton<WebhookSecrets>().AddSingleton<WebhookPoster>().AddSingleton<WebhookService>().AddHostedService<WebhookDispatcher>();
        services.AddSingleton<MonitorStore>().AddSingleton<AlertStore>().AddSingleton<AlertWriter>();
        services.AddSingleton<MonitorService>().AddSingleton<IMonitors>(s => s.GetRequiredService<MonitorService>());
        services.AddSingleton<WebhookSender>().AddHostedService(s => s.GetRequiredService<WebhookSender>()).AddHostedService<MonitorFlusher>();
        services.AddSingleton<IMetricsSource, ProcessMetrics>().AddSingleton<IMetricsSource, MonitorMetrics>();
    }

    public void MapEndpoints(IEndpointRouteBuilder endpoints)
    {
        endpoints.MapMonitoring();
        endpoints.MapMetrics();
        endpoints.MapMlflowWebhooks(endpoints.ServiceProvider.GetRequiredService<WebhookService>());
    }
}
