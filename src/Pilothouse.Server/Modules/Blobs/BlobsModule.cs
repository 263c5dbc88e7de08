using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Pilothouse.Server.Modules.Blobs.Api;
using Pilothouse.Server.Modules.Blobs.Endpoints;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Blobs;

/// <summary>Content by SHA-256, on disk under <c>blobs/sha256/ab/cd...</c>. The file system is the index: no table.</summary>
public sealed class BlobsModule : IModule
{
    public string Name => "Blobs";

    public void AddServices(IServiceCollection services, IConfiguration configuration) =>
        services.AddSingleton<DiskBlobStore>().AddSingleton<IBlobStore>(s => s.GetRequiredService<DiskBlobStore>()).AddSingleton<IBlobGarbage, BlobGarbage>();

    public void MapEndpoints(IEndpointRouteBuilder endpoints) => endpoints.MapBlobs();
}
