using Microsoft.AspNetCore.Http;
using Pilothouse.Protocols.OpenAi;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Gateway.Endpoints;

/// <summary>Which member of the request is at fault; set before throwing.</summary>
internal sealed record OpenAiParameter(string Name);

/// <summary>OpenAI's errors: <c>{"error":{"message":"...","type":"invalid_request_error","param":"model","code":"model_not_found"}}</c>. Its SDKs try again on 408, 409, 429 and 5xx.</summary>
internal sealed class OpenAiErrors : ErrorShape
{
    public static OpenAiErrors Instance { get; } = new();

    public override Task WriteAsync(HttpContext context, ErrorCode code, string message)
    {
        var (status, _, _) = Codes(code);
        context.Response.StatusCode = status;
        if (status is 429 or 503) context.Response.Headers.RetryAfter = "1";
        return context.Response.WriteAsJsonAsync(Body(context, code, message), OpenAiJson.Options, context.RequestAborted);
    }

    /// <summary>Also sent as the last event of a stream that failed after it had begun.</summary>
    public static OpenAiErrorBody Body(HttpContext context, ErrorCode code, string message)
    {
        var (_, type, name) = Codes(code);
        return new OpenAiErrorBody(new OpenAiError(message, type, context.Features.Get<OpenAiParameter>()?.Name ?? (code == ErrorCode.NotFound ? "model" : null), name));
    }

    private static (int Status, string Type, string? Code) Codes(ErrorCode code) => code switch
    {
        ErrorCode.InvalidArgument => (400, "invalid_request_error", null),
        ErrorCode.Unauthenticated => (401, "invalid_request_error", "invalid_api_key"),
        ErrorCode.PermissionDenied => (403, "invalid_request_error", "permission_denied"),
        ErrorCode.NotFound => (404, "invalid_request_error", "model_not_found"),
        ErrorCode.TooLarge => (413, "invalid_request_error", "request_too_large"),
        // A model that cannot be run as it is: asking again does not help.
        ErrorCode.Unsupported or ErrorCode.FailedPrecondition or ErrorCode.DigestMismatch => (422, "invalid_request_error", "model_not_supported"),
        ErrorCode.RateLimited => (429, "rate_limit_error", "rate_limit_exceeded"),
        ErrorCode.UpstreamFailed => (502, "server_error", "upstream_failed"),
        ErrorCode.Unavailable => (503, "server_error", "unavailable"),
        _ => (500, "server_error", null),
    };
}
