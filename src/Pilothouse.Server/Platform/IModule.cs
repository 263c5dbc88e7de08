using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace Pilothouse.Server.Platform;

/// <summary>
/// One vertical part of the server: its services, its endpoints, its tables. Modules are listed by hand in <see cref="ModuleCatalog"/>.
/// </summary>
public interface IModule
{
    /// <summary>Folder name under Modules, and the section of its options.</summary>
    string Name { get; }

    /// <summary>Registers the module's services. Only the interfaces of its <c>Api</c> namespace may be used by others.</summary>
    void AddServices(IServiceCollection services, IConfiguration configuration);

    /// <summary>Maps the module's protocol adapters.</summary>
    void MapEndpoints(IEndpointRouteBuilder endpoints);
}
