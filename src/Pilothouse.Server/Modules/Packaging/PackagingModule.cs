using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Pilothouse.Server.Modules.Blobs.Api;
using Pilothouse.Server.Modules.Packaging.Api;
using Pilothouse.Server.Modules.Packaging.Endpoints;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Packaging;

/// <summary>Releases with their evidence, as OCI artifacts. Owns the tables <c>pkg_*</c>.</summary>
public sealed class PackagingModule : IModule
{
    public string Name => "Packaging";

    public void AddServices(IServiceCollection services, IConfiguration configuration) => services
        .AddSingleton<ReleaseStore>().AddSingleton<IBlobClaims, PackagingClaims>().AddSingleton<ILineageSource, ReleaseLineage>().AddSingleton<ComponentResolver>().AddSingleton<EvidenceCollector>().AddSingleton<OciContents>()
        .AddSingleton<IReleaseDiff, ReleaseDiffService>().AddSingleton<ReleaseService>().AddSingleton<IReleases>(s => s.GetRequiredService<ReleaseService>()).AddSingleton<Platform.Projects.IReleaseCommits, ReleaseCommits>()
        .AddSingleton<Platform.Projects.ICommitClaims, ReleasedCommits>();

    public void MapEndpoints(IEndpointRouteBuilder endpoints)
    {
        endpoints.MapReleases();
        endpoints.MapOci();
    }
}
