using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;

namespace Pilothouse.Server.Platform;

/// <summary>How one protocol writes an error. Attached to its routes with <see cref="ErrorShapeExtensions.WithErrors{T}"/>.</summary>
public abstract class ErrorShape
{
    /// <summary>Writes status, headers and body.</summary>
    public abstract Task WriteAsync(HttpContext context, ErrorCode code, string message);

    /// <summary>HTTP status that fits the code where the protocol does not say otherwise.</summary>
    public static int Status(ErrorCode code) => code switch
    {
        ErrorCode.InvalidArgument or ErrorCode.DigestMismatch => 400,
        ErrorCode.Unauthenticated => 401,
        ErrorCode.PermissionDenied => 403,
        ErrorCode.NotFound => 404,
        ErrorCode.AlreadyExists or ErrorCode.FailedPrecondition or ErrorCode.LockStale => 409,
        ErrorCode.TooLarge => 413,
        ErrorCode.Unsupported => 415,
        ErrorCode.RateLimited => 429,
        ErrorCode.UpstreamFailed => 502,
        ErrorCode.Unavailable => 503,
        ErrorCode.StorageFull => 507,
        _ => 500,
    };

    /// <summary>The code in the form used on the wire: UPPER_SNAKE.</summary>
    public static string Name(ErrorCode code) => JsonNamingPolicy.SnakeCaseUpper.ConvertName(code.ToString());
}

/// <summary>Our own API: <c>{"error":{"code":"NOT_FOUND","message":"..."}}</c>.</summary>
public sealed class NativeErrors : ErrorShape
{
    public static NativeErrors Instance { get; } = new();

    public override Task WriteAsync(HttpContext context, ErrorCode code, string message)
    {
        context.Response.StatusCode = Status(code);
        if (code == ErrorCode.Unauthenticated) context.Response.Headers.WWWAuthenticate = "Basic realm=\"Pilothouse\"";
        if (code is ErrorCode.Unavailable or ErrorCode.RateLimited) context.Response.Headers.RetryAfter = "1";
        return context.Response.WriteAsJsonAsync(new { error = new { code = Name(code), message } }, context.RequestAborted);
    }
}

public static class ErrorShapeExtensions
{
    /// <summary>Errors on these routes are written in this protocol's shape.</summary>
    public static T WithErrors<T>(this T builder, ErrorShape shape) where T : IEndpointConventionBuilder
    {
        builder.Add(endpoint => endpoint.Metadata.Add(shape));
        return builder;
    }
}
