using Microsoft.AspNetCore.Http;
using Pilothouse.Protocols.Mlflow;

namespace Pilothouse.Server.Platform.Mlflow;

/// <summary>MLflow's shape: <c>{"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "..."}</c>. Clients branch on the code.</summary>
/// <remarks>The Python client repeats 408, 429, 500, 502, 503 and 504 for minutes: only what may pass by itself answers one of these.</remarks>
public sealed class MlflowErrors : ErrorShape
{
    public static MlflowErrors Instance { get; } = new();

    public override Task WriteAsync(HttpContext context, ErrorCode code, string message)
    {
        var (status, name) = Describe(code);
        context.Response.StatusCode = status;
        if (code == ErrorCode.Unauthenticated) context.Response.Headers.WWWAuthenticate = "Basic realm=\"Pilothouse\"";
        if (code is ErrorCode.Unavailable or ErrorCode.RateLimited) context.Response.Headers.RetryAfter = "1";
        return context.Response.WriteAsJsonAsync(new MlflowError(name, message), MlflowJson.Options, context.RequestAborted);
    }

    /// <summary>Status and MLflow's name of a code; ALREADY_EXISTS is 400 there.</summary>
    internal static (int Status, string Name) Describe(ErrorCode code) => code switch
    {
        ErrorCode.InvalidArgument or ErrorCode.DigestMismatch => (400, MlflowErrorCodes.InvalidParameterValue),
        ErrorCode.FailedPrecondition or ErrorCode.LockStale => (400, MlflowErrorCodes.InvalidState),
        ErrorCode.Unauthenticated => (401, MlflowErrorCodes.Unauthenticated),
        ErrorCode.PermissionDenied => (403, MlflowErrorCodes.PermissionDenied),
        ErrorCode.NotFound => (404, MlflowErrorCodes.ResourceDoesNotExist),
        ErrorCode.AlreadyExists => (400, MlflowErrorCodes.ResourceAlreadyExists),
        ErrorCode.TooLarge => (413, MlflowErrorCodes.InvalidParameterValue),
        ErrorCode.Unsupported => (501, MlflowErrorCodes.NotImplemented),
        ErrorCode.RateLimited => (429, MlflowErrorCodes.RequestLimitExceeded),
        ErrorCode.Unavailable => (503, MlflowErrorCodes.TemporarilyUnavailable),
        ErrorCode.StorageFull => (507, MlflowErrorCodes.ResourceExhausted),
        ErrorCode.UpstreamFailed => (502, MlflowErrorCodes.TemporarilyUnavailable),
        _ => (500, MlflowErrorCodes.InternalError),
    };
}
