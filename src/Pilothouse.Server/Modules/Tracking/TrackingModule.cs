using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Pilothouse.Server.Modules.Blobs.Api;
using Pilothouse.Server.Modules.Tracking.Api;
using Pilothouse.Server.Modules.Tracking.Capture;
using Pilothouse.Server.Modules.Tracking.Endpoints;
using Pilothouse.Server.Modules.Tracking.EventFiles;
using Pilothouse.Server.Modules.Tracking.Garbage;
using Pilothouse.Server.Modules.Tracking.Import;
using Pilothouse.Server.Modules.Tracking.Media;
using Pilothouse.Server.Modules.Tracking.Table;
using Pilothouse.Server.Modules.Tracking.Uploads;
using Pilothouse.Server.Modules.Tracking.Preview;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Tracking;

/// <summary>Experiments, runs, metrics and their artifacts, by MLflow's protocol. Owns the tables <c>trk_*</c>.</summary>
public sealed class TrackingModule : IModule
{
    public string Name => "Tracking";

    public void AddServices(IServiceCollection services, IConfiguration configuration)
    {
        services.AddSingleton<ExperimentStore>().AddSingleton<RunStore>().AddSingleton<MetricStore>().AddSingleton<ArtifactStore>().AddSingleton<LoggedModelStore>().AddSingleton<RunInputStore>();
        services.AddSingleton<ExperimentSearch>().AddSingleton<MetricNames>().AddSingleton<RunJson>().AddSingleton<RunSearch>().AddSingleton<LoggedModelSearch>().AddSingleton<MetricHistory>();
        services.AddSingleton<MetricIngest>().AddSingleton<SeriesStore>().AddSingleton<SeriesIndex>().AddSingleton<SeriesService>();
        services.AddSingleton<SeriesIndexer>().AddHostedService(s => s.GetRequiredService<SeriesIndexer>());
        services.AddSingleton<TrackingHolders>().AddSingleton<ExperimentService>().AddSingleton<RunService>().AddSingleton<ArtifactService>().AddSingleton<LoggedModelService>().AddSingleton<RunInputService>();
        services.AddSingleton<IRuns, RunQueries>().AddSingleton<IExperiments, ExperimentPlaces>();
        services.AddSingleton<MediaStore>().AddSingleton<MediaService>().AddSingleton<IRunMedia>(s => s.GetRequiredService<MediaService>());
        services.AddSingleton<EventFileStore>().AddSingleton<EventIngest>().AddSingleton<EventFileService>().AddSingleton<EventExport>();
        services.AddSingleton<EventArtifacts>().AddHostedService(s => s.GetRequiredService<EventArtifacts>());
        services.AddSingleton<CaptureStore>().AddSingleton<RunLogStore>().AddSingleton<RunLogService>().AddSingleton<IRunLogs>(s => s.GetRequiredService<RunLogService>());
        services.AddSingleton<ImportStore>().AddSingleton<ImportService>();
        services.AddSingleton<CaptureService>().AddHostedService<HeartbeatWatch>();
        services.AddSingleton<UploadStore>().AddSingleton<SignedLinks>().AddSingleton<UploadService>();
        services.AddSingleton<GarbageStore>().AddSingleton<PurgeStore>().AddSingleton<GarbageService>().AddSingleton<IBlobClaims, TrackingClaims>();
        services.AddSingleton<IArtifacts>(s => s.GetRequiredService<ArtifactService>()).AddSingleton<ILoggedModels>(s => s.GetRequiredService<LoggedModelService>());
        services.AddSingleton<RunTableStore>().AddSingleton<RunColumnStore>().AddSingleton<RunGroupStore>();
        services.AddSingleton<IRunTable, RunTableService>().AddSingleton<IRunViews, RunViewStore>();
        services.AddSingleton<LiveExperiments>().AddHostedService(s => s.GetRequiredService<LiveExperiments>());
        services.AddSingleton<ILineageSource, TrackingLineage>();
        services.AddSingleton<MetricRanges>().AddSingleton<RunDownload>().AddSingleton<IRunEdits, RunEdits>();
        services.AddSingleton<ArtifactPreviews>().AddSingleton<RunLogs>().AddSingleton<IRunFiles, RunFiles>();
        services.AddSingleton<LiveRuns>().AddHostedService(s => s.GetRequiredService<LiveRuns>());
    }

    public void MapEndpoints(IEndpointRouteBuilder endpoints)
    {
        var services = endpoints.ServiceProvider;
        endpoints.MapMlflowExperiments(services.GetRequiredService<ExperimentService>());
        endpoints.MapMlflowRuns(services.GetRequiredService<RunService>());
        endpoints.MapMlflowSearch(services.GetRequiredService<RunSearch>(), services.GetRequiredService<ExperimentSearch>(), services.GetRequiredService<MetricHistory>());
        endpoints.MapMlflowArtifacts(services.GetRequiredService<ArtifactService>());
        endpoints.MapMlflowUploads(services.GetRequiredService<UploadService>(), services.GetRequiredService<SignedLinks>(), services.GetRequiredService<ArtifactService>());
        endpoints.MapGarbage();
        endpoints.MapMlflowRunInputs(services.GetRequiredService<RunInputService>());
        endpoints.MapMlflowLoggedModels(services.GetRequiredService<LoggedModelService>(), services.GetRequiredService<LoggedModelSearch>(), services.GetRequiredService<ArtifactService>());
        endpoints.MapMlflowServer();
        endpoints.MapRuns();
        endpoints.MapRunTable();
        endpoints.MapMedia();
        endpoints.MapEventFiles();
        endpoints.MapCapture();
        endpoints.MapRunDownload(services.GetRequiredService<RunDownload>());
        endpoints.MapRunFiles(services.GetRequiredService<ArtifactService>());
        endpoints.MapImport();
        endpoints.MapSeries();
    }
}
