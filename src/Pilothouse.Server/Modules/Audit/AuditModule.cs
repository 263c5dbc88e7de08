using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Pilothouse.Server.Modules.Audit.Api;
using Pilothouse.Server.Modules.Audit.Endpoints;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Audit;

/// <summary>Who moved what, provably. Owns the tables <c>aud_*</c>.</summary>
public sealed class AuditModule : IModule
{
    public string Name => "Audit";

    public void AddServices(IServiceCollection services, IConfiguration configuration) =>
        services.AddSingleton<AuditStore>().AddSingleton<AuditService>().AddSingleton<IAuditLog>(s => s.GetRequiredService<AuditService>());

    public void MapEndpoints(IEndpointRouteBuilder endpoints) => endpoints.MapAudit();
}
