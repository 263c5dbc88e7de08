using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Identity.Endpoints;

internal static class TokenEndpoints
{
    public static void MapTokens(this IEndpointRouteBuilder endpoints)
    {
        var tokens = endpoints.MapGroup("/api/v1/tokens").WithErrors(NativeErrors.Instance).RequireRole(Role.Admin).WithTags("Identity");
        tokens.MapGet("", (IdentityService identity, CancellationToken ct) => identity.ListAsync(ct));
        tokens.MapPost("", (NewToken body, IdentityService identity, HttpContext http, CancellationToken ct) => identity.CreateAsync(body, http.Caller().Name, ct));
        tokens.MapDelete("{name}", (string name, IdentityService identity, HttpContext http, CancellationToken ct) => identity.RevokeAsync(name, http.Caller().Name, ct));
        endpoints.MapGet("/api/v1/whoami", (HttpContext http) => new WhoAmI(http.Caller().Name, http.Caller().Role.ToString().ToLowerInvariant()))
            .WithErrors(NativeErrors.Instance).WithTags("Identity");
    }
}
