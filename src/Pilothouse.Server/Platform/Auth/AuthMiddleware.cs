using System.Text;
using Microsoft.AspNetCore.Http;

namespace Pilothouse.Server.Platform;

/// <summary>Finds out who calls. Implemented by Identity.</summary>
public interface IAuthenticator
{
    /// <summary>Login for a token.</summary>
    /// <returns>Null when no such token exists (any more).</returns>
    Task<Caller?> AuthenticateAsync(string token, CancellationToken ct);

    /// <summary>Who a caller without credentials is; null when a login is required.</summary>
    Caller? Anonymous { get; }
}

/// <summary>
/// Reads <c>Authorization: Bearer TOKEN</c>, or Basic with the token as password (Git, MLflow and OCI clients), or the session cookie of the web UI, and
/// checks the role: reading needs reader, anything else writer unless the route says otherwise.
/// </summary>
internal sealed class AuthMiddleware(RequestDelegate next, IAuthenticator authenticator)
{
    private const string HubPrefix = "hf_";

    public async Task InvokeAsync(HttpContext context)
    {
        var endpoint = context.GetEndpoint();
        var required = endpoint?.Metadata.GetMetadata<RequiredRole>();
        if (endpoint is null || required is { Role: null })
        {
            await next(context);
            return;
        }

        var token = Token(context.Request);
        var caller = token is null ? authenticator.Anonymous : await authenticator.AuthenticateAsync(token, context.RequestAborted);
        // The Hub's JavaScript client refuses a token that does not begin with hf_: it may be put before any.
        if (caller is null && token?.StartsWith(HubPrefix, StringComparison.Ordinal) == true) caller = await authenticator.AuthenticateAsync(token[HubPrefix.Length..], context.RequestAborted);
        // Where nobody needs a login, the key that such a client cannot do without gives it nothing, and must not lock it out either.
        if (caller is null && endpoint.Metadata.GetMetadata<AnyKeyAccepted>() is not null) caller = authenticator.Anonymous;
        if (caller is null)
            throw new PilothouseException(ErrorCode.Unauthenticated, token is null
                ? "This server needs a login. Send a token: Authorization: Bearer TOKEN (or set PILOTHOUSE_TOKEN)."
                : "The token is not known or has expired. Make a new one with: pilothouse token create NAME.");

        var role = required?.Role ?? (IsRead(context.Request.Method) ? Role.Reader : Role.Writer);
        if (caller.Role < role)
            throw new PilothouseException(ErrorCode.PermissionDenied, $"'{caller.Name}' has the role {caller.Role.ToString().ToLowerInvariant()}; this call needs {role.ToString().ToLowerInvariant()}.");
        context.Features.Set(caller);
        await next(context);
    }

    private static bool IsRead(string method) => HttpMethods.IsGet(method) || HttpMethods.IsHead(method) || HttpMethods.IsOptions(method);

    private static string? Token(HttpRequest request)
    {
        var header = request.Headers.Authorization.ToString();
        if (header.StartsWith("Bearer ", StringComparison.OrdinalIgnoreCase)) return header[7..].Trim();
        if (header.StartsWith("Basic ", StringComparison.OrdinalIgnoreCase))
        {
            var buffer = new byte[header.Length];
            if (!Convert.TryFromBase64String(header[6..].Trim(), buffer, out var length)) return "";
            var pair = Encoding.UTF8.GetString(buffer, 0, length);
            return pair[(pair.IndexOf(':', StringComparison.Ordinal) + 1)..];
        }
        return request.Cookies[SessionCookie.Name];
    }
}
