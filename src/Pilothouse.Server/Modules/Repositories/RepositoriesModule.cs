using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Pilothouse.Server.Modules.Blobs.Api;
using Pilothouse.Server.Modules.Repositories.Api;
using Pilothouse.Server.Modules.Repositories.Browse;
using Pilothouse.Server.Modules.Repositories.Endpoints;
using Pilothouse.Server.Modules.Repositories.Lfs;
using Pilothouse.Server.Modules.Repositories.Locks;
using Pilothouse.Server.Modules.Repositories.Maintenance;
using Pilothouse.Server.Modules.Repositories.Mirrors;
using Pilothouse.Server.Modules.Repositories.Push;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Repositories;

/// <summary>Projects and their Git repositories, served by Git's own plumbing. Owns the tables <c>rep_*</c>.</summary>
public sealed class RepositoriesModule : IModule
{
    public string Name => "Repositories";

    public void AddServices(IServiceCollection services, IConfiguration configuration)
    {
        services.AddOptions<RepositoriesOptions>().BindConfiguration("Repositories").ValidateDataAnnotations().ValidateOnStart();
        services.AddSingleton<IBlobClaims, LfsClaims>().AddSingleton<IBlobClaims, LockClaims>().AddSingleton<Platform.Projects.ICommitClaims, HeadClaims>();
        services.AddSingleton<Git>().AddSingleton<ProjectStore>();
        services.AddSingleton<ProjectService>().AddSingleton<IProjects>(s => s.GetRequiredService<ProjectService>());
        services.AddSingleton<RepositoryService>().AddSingleton<IRepositories>(s => s.GetRequiredService<RepositoryService>());
        services.AddSingleton<GitTransport>().AddSingleton<ILineageSource, CommitLineage>();
        services.AddSingleton<PushStore>().AddSingleton<PushHook>().AddSingleton<PushContent>().AddSingleton<PushPolicy>().AddSingleton<PushService>().AddHostedService<PushRecovery>();
        services.AddSingleton<PushOutbox>().AddSingleton<PushDelivery>().AddHostedService(s => s.GetRequiredService<PushDelivery>());
        services.AddSingleton<BranchRules>().AddSingleton<IBranchRules>(s => s.GetRequiredService<BranchRules>());
        services.AddSingleton<TreeReader>().AddSingleton<CommitReader>().AddSingleton<DiffReader>().AddSingleton<BlameReader>().AddSingleton<IRepositoryBrowser, RepositoryBrowser>();
        services.AddSingleton<LfsStore>().AddSingleton<LfsTokens>().AddSingleton<LfsService>().AddSingleton<LfsTusService>();
        services.AddSingleton<LockStore>().AddSingleton<PushLocks>().AddSingleton<IProjectLocks, ProjectLocks>();
        services.AddSingleton<MirrorStore>().AddSingleton<LfsRemote>().AddSingleton<MirrorRunner>().AddSingleton<MirrorService>().AddSingleton<IMirrors>(s => s.GetRequiredService<MirrorService>()).AddHostedService<MirrorLoop>();
        services.AddHttpClient(LfsRemote.HttpClientName, client => client.Timeout = TimeSpan.FromHours(6)).ConfigurePrimaryHttpMessageHandler(() => new SocketsHttpHandler { AllowAutoRedirect = false, ConnectTimeout = TimeSpan.FromSeconds(30) });
        services.AddSingleton<RepositoryMaintenance>().AddHostedService<MaintenanceLoop>().AddSingleton<LfsRemoval>();
        services.AddSingleton<LfsLockStore>().AddSingleton<LfsLockService>();
    }

    public void MapEndpoints(IEndpointRouteBuilder endpoints)
    {
        endpoints.MapProjects();
        endpoints.MapBranchRules();
        endpoints.MapBrowse();
        endpoints.MapMirrors();
        endpoints.MapGit();
        endpoints.MapLfs();
    }
}
