using Microsoft.AspNetCore.Http;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Packaging.Endpoints;

/// <summary>The registry's own shape: <c>{"errors":[{"code":"MANIFEST_UNKNOWN","message":"..."}]}</c>. <see href="https://github.com/opencontainers/distribution-spec/blob/main/spec.md#error-codes"/></summary>
internal sealed class OciErrors : ErrorShape
{
    public static OciErrors Instance { get; } = new();

    public override Task WriteAsync(HttpContext context, ErrorCode code, string message)
    {
        context.Response.StatusCode = code == ErrorCode.Unsupported ? StatusCodes.Status405MethodNotAllowed : Status(code);
        if (code == ErrorCode.Unauthenticated) context.Response.Headers.WWWAuthenticate = "Basic realm=\"Pilothouse\"";
        var path = context.Request.Path.Value ?? "";
        var name = code switch
        {
            ErrorCode.Unauthenticated => "UNAUTHORIZED",
            ErrorCode.PermissionDenied => "DENIED",
            ErrorCode.NotFound when path.Contains("/blobs/", StringComparison.Ordinal) => "BLOB_UNKNOWN",
            ErrorCode.NotFound when path.Contains("/manifests/", StringComparison.Ordinal) => "MANIFEST_UNKNOWN",
            ErrorCode.NotFound => "NAME_UNKNOWN",
            ErrorCode.InvalidArgument or ErrorCode.DigestMismatch => "DIGEST_INVALID",
            ErrorCode.RateLimited => "TOOMANYREQUESTS",
            _ => "UNSUPPORTED",
        };
        return context.Response.WriteAsJsonAsync(new { errors = new[] { new { code = name, message } } }, context.RequestAborted);
    }
}
