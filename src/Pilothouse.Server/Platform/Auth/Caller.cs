using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;

namespace Pilothouse.Server.Platform;

/// <summary>What a caller may do. Each role includes those before it.</summary>
public enum Role
{
    Reader,
    Writer,
    Admin,
}

/// <summary>Who calls: the name goes into the audit log.</summary>
public sealed record Caller(string Name, Role Role)
{
    public static Caller System { get; } = new("pilothouse", Role.Admin);
}

public static class CallerExtensions
{
    /// <summary>The authenticated caller of this request.</summary>
    public static Caller Caller(this HttpContext context) =>
        context.Features.Get<Caller>() ?? throw new PilothouseException(ErrorCode.Unauthenticated, "This call needs a login: send a token (Authorization: Bearer ...).");

    /// <summary>Routes that need more than the method says (GET = reader, others = writer).</summary>
    public static T RequireRole<T>(this T builder, Role role) where T : IEndpointConventionBuilder
    {
        builder.Add(endpoint => endpoint.Metadata.Add(new RequiredRole(role)));
        return builder;
    }

    /// <summary>Routes whose clients always send a key, as OpenAI's and many OTLP clients do: on a server without login an unknown one is as good as none.</summary>
    public static T AcceptAnyKey<T>(this T builder) where T : IEndpointConventionBuilder
    {
        builder.Add(endpoint => endpoint.Metadata.Add(AnyKeyAccepted.Instance));
        return builder;
    }

    /// <summary>Routes anyone may call: health probes.</summary>
    public static T AllowAnyone<T>(this T builder) where T : IEndpointConventionBuilder
    {
        builder.Add(endpoint => endpoint.Metadata.Add(new RequiredRole(null)));
        return builder;
    }
}

/// <summary>Endpoint metadata: the role needed, or null for none.</summary>
public sealed record RequiredRole(Role? Role);

/// <summary>Endpoint metadata of <see cref="CallerExtensions.AcceptAnyKey{T}"/>.</summary>
public sealed class AnyKeyAccepted
{
    private AnyKeyAccepted() { }

    public static AnyKeyAccepted Instance { get; } = new();
}

/// <summary>The cookie in which a browser keeps the token of its session.</summary>
public static class SessionCookie
{
    public const string Name = "pilothouse_session";
}
