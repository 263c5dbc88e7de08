using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Pilothouse.Server.Modules.Blobs.Api;
using Pilothouse.Server.Modules.Evaluation.Api;
using Pilothouse.Server.Modules.Evaluation.Endpoints;
using Pilothouse.Server.Platform;
using Pilothouse.Server.Platform.Inference;
using Pilothouse.Server.Platform.Projects;

namespace Pilothouse.Server.Modules.Evaluation;

/// <summary>Suites and statistical gates: is the new one really better, or at least not worse? Owns the tables <c>evl_*</c>.</summary>
public sealed class EvaluationModule : IModule
{
    public string Name => "Evaluation";

    public void AddServices(IServiceCollection services, IConfiguration configuration)
    {
        services.AddOptions<EvaluationOptions>().Bind(configuration.GetSection(Name)).ValidateDataAnnotations().ValidateOnStart();
        services.AddSingleton(s => s.GetRequiredService<IOptions<EvaluationOptions>>().Value);
        services.AddSingleton<IProjectContent, ProjectContent>().AddSingleton<ResponseCache>().AddSingleton<EvaluationStore>().AddSingleton<ILineageSource, EvaluationLineage>().AddSingleton<IBlobClaims, EvaluationClaims>().AddSingleton<Platform.Projects.ICommitClaims, EvaluatedCommits>().AddSingleton<SuiteRows>().AddSingleton<SuiteTargets>().AddSingleton<BaselineFinder>().AddSingleton<PromptfooCalls>().AddSingleton<PromptfooPlanner>().AddSingleton<EvaluationPlanner>().AddSingleton<SuiteRegistration>().AddSingleton<IProjectSuites>(s => s.GetRequiredService<SuiteRegistration>());
        services.AddHttpClient(PromptfooCalls.Client, client => client.Timeout = Timeout.InfiniteTimeSpan).ConfigurePrimaryHttpMessageHandler(() => new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false, ConnectTimeout = TimeSpan.FromSeconds(30) });
        services.AddSingleton<RateLimits>().AddSingleton(SecretMask.Create(configuration)).AddSingleton(s => new RunInference(s.GetRequiredService<IInference>(), s.GetRequiredService<RateLimits>(), s.GetRequiredService<SecretMask>()));
        services.AddSingleton(s => ActivatorUtilities.CreateInstance<Scoring.Judges>(s, s.GetRequiredService<RunInference>())).AddSingleton(s => ActivatorUtilities.CreateInstance<Scoring.ScorerFactory>(s, s.GetRequiredService<RunInference>()))
            .AddSingleton(s => ActivatorUtilities.CreateInstance<AnswerSource>(s, s.GetRequiredService<RunInference>()));
        services.AddSingleton<EvaluationService>().AddSingleton<IEvaluations>(s => s.GetRequiredService<EvaluationService>()).AddSingleton<IEvaluationCases>(s => s.GetRequiredService<EvaluationService>()).AddHostedService<EvaluationRecovery>();
        services.AddSingleton<EvaluationDatasetStore>().AddSingleton<EvaluationDatasets>().AddSingleton<RegisteredScorerStore>().AddSingleton<RegisteredScorers>();
    }

    public void MapEndpoints(IEndpointRouteBuilder endpoints)
    {
        endpoints.MapEvaluations();
        endpoints.MapMlflowDatasets(endpoints.ServiceProvider.GetRequiredService<EvaluationDatasets>());
        endpoints.MapMlflowScorers(endpoints.ServiceProvider.GetRequiredService<RegisteredScorers>());
    }
}
