using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Pilothouse.Server.Modules.Blobs.Api;
using Pilothouse.Server.Modules.Blobs.Care;
using Pilothouse.Server.Modules.Blobs.Endpoints;
using Pilothouse.Server.Modules.Blobs.Recipes;
using Pilothouse.Server.Modules.Blobs.Storage;
using Pilothouse.Server.Modules.Blobs.Tensors;
using Pilothouse.Server.Modules.Blobs.Uploads;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Blobs;

/// <summary>Content by SHA-256, on disk under <c>blobs/sha256/ab/cd...</c> or in an S3 bucket: the store itself is the index. Owns the tables <c>blb_*</c>.</summary>
public sealed class BlobsModule : IModule
{
    public string Name => "Blobs";

    public void AddServices(IServiceCollection services, IConfiguration configuration)
    {
        services.AddOptions<BlobsOptions>().BindConfiguration("Blobs").ValidateDataAnnotations().ValidateOnStart();
        if (configuration["Blobs:S3:Bucket"] is { Length: > 0 })
        {
            services.AddOptions<S3Options>().BindConfiguration("Blobs:S3").ValidateDataAnnotations().ValidateOnStart();
            services.AddSingleton<UseStore>().AddSingleton<IBlobBackend, S3Backend>();
        }
        else
        {
            services.AddSingleton<IBlobBackend, DiskBackend>();
        }
        services.AddSingleton<BlobSpool>().AddSingleton<BlobCache>();
        services.AddSingleton<BlobStore>().AddSingleton<IBlobStore>(s => s.GetRequiredService<BlobStore>()).AddSingleton<IBlobPacks>(s => s.GetRequiredService<BlobStore>());
        services.AddSingleton<BlobGarbage>().AddSingleton<IBlobGarbage>(s => s.GetRequiredService<BlobGarbage>());
        services.AddSingleton<CareStore>().AddSingleton<CollectionService>().AddSingleton<ScrubService>().AddSingleton<UsageService>().AddSingleton<IBlobQuota, QuotaService>().AddSingleton<BlobIntake>().AddSingleton<IStorageCare, StorageCare>();
        services.AddSingleton<TensorStore>().AddSingleton<TensorService>().AddSingleton<ITensors>(s => s.GetRequiredService<TensorService>()).AddHostedService(s => s.GetRequiredService<TensorService>());
        services.AddSingleton<RecipeService>();
        services.AddSingleton<UploadStore>().AddSingleton<UploadService>().AddSingleton<IUploads>(s => s.GetRequiredService<UploadService>()).AddHostedService<UploadLoop>();
    }

    public void MapEndpoints(IEndpointRouteBuilder endpoints)
    {
        endpoints.MapBlobs();
        endpoints.MapUploads();
        endpoints.MapBlobCare();
    }
}
