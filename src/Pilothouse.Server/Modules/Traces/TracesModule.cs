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
            .AddSingleton<MlflowTraceStore>().AddSingleton<MlflowTraceService>().AddSingleton<AssessmentStore>().AddSingleton<AssessmentService>()
            .AddSingleton<TraceSearch>().AddSingleton<TraceMetrics>().AddSingleton<IssueStore>().AddSingleton<IssueService>()
            .AddHostedService<PurgedTraces>().AddSingleton<TraceFiles>().AddSingleton<ITraces, TraceQueries>().AddSingleton<ISpanSink>(s => s.GetRequiredService<TraceService>());

    public void MapEndpoints(IEndpointRouteBuilder endpoints)
    {
        var services = endpoints.ServiceProvider;
        var mlflow = services.GetRequiredService<MlflowTraceService>();
        endpoints.MapOtlp();
        endpoints.MapMlflowTraces(mlflow);
        endpoints.MapMlflowTracesV2(mlflow, services.GetRequiredService<TraceSearch>());
        endpoints.MapMlflowTraceQueries(mlflow, services.GetRequiredService<TraceSearch>(), services.GetRequiredService<TraceMetrics>());
        endpoints.MapMlflowAssessments(services.GetRequiredService<AssessmentService>());
        endpoints.MapMlflowIssues(services.GetRequiredService<IssueService>());
        endpoints.MapTraces();
    }
}
