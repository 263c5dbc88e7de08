using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Pilothouse.Server.Modules.Blobs.Api;
using Pilothouse.Server.Modules.Registry.Api;
using Pilothouse.Server.Modules.Registry.Diffs;
using Pilothouse.Server.Modules.Registry.Endpoints;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Registry;

/// <summary>Models, data sets and prompts: immutable numbered versions, and the aliases that point to them. Owns the tables <c>reg_*</c>.</summary>
public sealed class RegistryModule : IModule
{
    public string Name => "Registry";

    public void AddServices(IServiceCollection services, IConfiguration configuration)
    {
        services.AddSingleton<IBlobClaims, RegistryClaims>();
        services.AddSingleton<RegistryStore>().AddSingleton<RegistryAnnouncer>().AddSingleton<ModelCache>().AddSingleton<ModelService>().AddSingleton<IModels>(s => s.GetRequiredService<ModelService>());
        services.AddSingleton<IVersionFeed, VersionFeed>().AddSingleton<IVersionDeletion, VersionDeletion>().AddSingleton<IRegistryCommits, RegistryCommits>();
        services.AddSingleton<DatasetDiffs>().AddSingleton<DatasetMaker>().AddSingleton<DatasetReader>().AddSingleton<IDatasetContent>(s => s.GetRequiredService<DatasetReader>());
        services.AddSingleton<DatasetStore>().AddSingleton<DatasetService>().AddSingleton<IDatasets>(s => s.GetRequiredService<DatasetService>());
        services.AddSingleton<MlflowModelService>().AddSingleton<MlflowVersionService>().AddSingleton<VersionSource>().AddSingleton<VersionImport>().AddSingleton<RegistrySearch>().AddSingleton<IArtifactMount, ContentMount>();
        services.AddSingleton<ILineageSource, RegistryLineage>().AddSingleton<VersionChanges>().AddSingleton<DiffCache>().AddSingleton<ISuites, SuiteService>().AddSingleton<IModelFacts, ModelFactsReader>().AddSingleton<IModelDiffs, ModelDiffService>().AddSingleton<IPromptDiffs, PromptDiffService>().AddSingleton<IPointerSource, RegistryPointers>().AddSingleton<IMoves, Moves>();
        services.AddSingleton<PromptService>().AddSingleton<IPrompts>(s => s.GetRequiredService<PromptService>());
    }

    public void MapEndpoints(IEndpointRouteBuilder endpoints)
    {
        var services = endpoints.ServiceProvider;
        var search = services.GetRequiredService<RegistrySearch>();
        endpoints.MapRegistry();
        endpoints.MapMlflowModels(services.GetRequiredService<MlflowModelService>(), search);
        endpoints.MapMlflowVersions(services.GetRequiredService<MlflowVersionService>(), search);
    }
}
