using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Pilothouse.Server.Modules.Blobs.Api;
using Pilothouse.Server.Modules.Pipelines.Api;
using Pilothouse.Server.Modules.Pipelines.Ci;
using Pilothouse.Server.Modules.Pipelines.Ci.Clients;
using Pilothouse.Server.Modules.Pipelines.Ci.Forges;
using Pilothouse.Server.Modules.Pipelines.Ci.Jobs;
using Pilothouse.Server.Modules.Pipelines.Ci.Schedules;
using Pilothouse.Server.Modules.Pipelines.Ci.Webhooks;
using Pilothouse.Server.Modules.Pipelines.Endpoints;
using Pilothouse.Server.Modules.Pipelines.Statuses;
using Pilothouse.Server.Modules.Repositories.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Pipelines;

/// <summary>Commands as durable jobs, run on this machine. Owns the tables <c>pip_*</c>.</summary>
public sealed class PipelinesModule : IModule
{
    public string Name => "Pipelines";

    public void AddServices(IServiceCollection services, IConfiguration configuration)
    {
        services.AddOptions<PipelinesOptions>().BindConfiguration("Pipelines").ValidateDataAnnotations().ValidateOnStart();
        services.AddSingleton<JobStore>().AddSingleton<ProcessExecutor>().AddSingleton<JobService>().AddSingleton<IJobs>(s => s.GetRequiredService<JobService>());
        services.AddSingleton<StatusBell>().AddSingleton<StatusStore>().AddSingleton<StatusService>().AddSingleton<ICommitStatuses>(s => s.GetRequiredService<StatusService>());
        // A redirect would carry a credential to an address that nobody configured.
        services.AddHttpClient(CiHttp.Client).ConfigurePrimaryHttpMessageHandler(() => new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false });
        services.AddSingleton<CiStore>().AddSingleton<CiSecrets>().AddSingleton<CiHttp>().AddSingleton<CiService>().AddSingleton<ICiBuilds>(s => s.GetRequiredService<CiService>()).AddSingleton<IPushSubscriber>(s => s.GetRequiredService<CiService>());
        services.AddSingleton<ICiClient, JenkinsClient>().AddSingleton<ICiClient, CircleCiClient>().AddSingleton<ICiClient, TravisClient>().AddSingleton<ICiClient, GitHubClient>().AddSingleton<ICiClient, GitLabClient>();
        services.AddSingleton<CiRetentionStore>().AddSingleton<CiRetention>().AddHostedService(s => s.GetRequiredService<CiRetention>());
        services.AddSingleton<CiTeller>().AddSingleton<HookStore>().AddSingleton<HookSignatures>().AddSingleton<TravisKeys>().AddSingleton<CiWebhooks>();
        services.AddSingleton<StatusOutStore>().AddSingleton<ForgeClient>().AddSingleton<StatusSender>().AddHostedService(s => s.GetRequiredService<StatusSender>());
        services.AddSingleton<CiJobStore>().AddSingleton<CiJobService>().AddSingleton<ICiJobs>(s => s.GetRequiredService<CiJobService>()).AddSingleton<IPushSubscriber>(s => s.GetRequiredService<CiJobService>()).AddSingleton<CiJobStarter>().AddSingleton<JobCommandLine>().AddHostedService(s => s.GetRequiredService<JobCommandLine>()).AddSingleton<CiArtifacts>();
        services.AddSingleton<IRequiredChecks, RequiredChecks>().AddSingleton<IBlobClaims, JobBlobClaims>().AddSingleton<CiJobLoop>().AddHostedService(s => s.GetRequiredService<CiJobLoop>());
        services.AddSingleton<CiScheduleStore>().AddSingleton<CiScheduleLoop>().AddSingleton<ICiSchedules>(s => s.GetRequiredService<CiScheduleLoop>()).AddSingleton<IPushSubscriber>(s => s.GetRequiredService<CiScheduleLoop>())
            .AddHostedService(s => s.GetRequiredService<CiScheduleLoop>());
        services.AddSingleton<CiDispatcher>().AddHostedService(s => s.GetRequiredService<CiDispatcher>()).AddHostedService<CiVersionLoop>();
        services.AddSingleton<JobRunner>().AddHostedService(s => s.GetRequiredService<JobRunner>());
    }

    public void MapEndpoints(IEndpointRouteBuilder endpoints)
    {
        endpoints.MapJobs();
        endpoints.MapStatuses();
        endpoints.MapCli();
        endpoints.MapCiBuilds();
        endpoints.MapCiWebhooks();
        endpoints.MapCiJobs();
    }
}
