using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Pilothouse.Server.Modules.Identity.Endpoints;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Identity;

/// <summary>Who may do what. Owns the tables <c>idn_*</c>.</summary>
public sealed class IdentityModule : IModule
{
    public string Name => "Identity";

    public void AddServices(IServiceCollection services, IConfiguration configuration)
    {
        services.AddOptions<IdentityOptions>().BindConfiguration("Identity").Validate(o => o.AdminToken.Length is 0 or >= IdentityOptions.MinTokenLength,
            $"Identity:AdminToken must have at least {IdentityOptions.MinTokenLength} characters. Make one with: openssl rand -hex 24").ValidateOnStart();
        services.AddSingleton<TokenStore>().AddSingleton<IdentityService>();
        services.AddSingleton<IServiceTokens>(s => s.GetRequiredService<IdentityService>());
        services.AddSingleton<IAuthenticator>(s => s.GetRequiredService<IdentityService>());
        services.AddHostedService<BindGuard>();
    }

    public void MapEndpoints(IEndpointRouteBuilder endpoints) => endpoints.MapTokens();
}
