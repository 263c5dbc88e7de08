using Microsoft.AspNetCore.Http;
using Pilothouse.Protocols.Otlp;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Traces.Endpoints;

/// <summary>
/// OTLP/HTTP failures (https://opentelemetry.io/docs/specs/otlp/#failures-1): a google.rpc.Status in the encoding of the request. Clients try again on 429, 502, 503 and
/// 504 only, so what may succeed later must be one of these and nothing else may.
/// </summary>
internal sealed class OtlpErrors : ErrorShape
{
    public static OtlpErrors Instance { get; } = new();

    public override async Task WriteAsync(HttpContext context, ErrorCode code, string message)
    {
        var (status, grpc) = Codes(code);
        context.Response.StatusCode = status;
        if (status is 429 or 503) context.Response.Headers.RetryAfter = "1";
        if (status == 401) context.Response.Headers.WWWAuthenticate = "Basic realm=\"Pilothouse\"";
        var json = OtlpEncoding.IsJson(context.Request);
        context.Response.ContentType = json ? OtlpEncoding.Json : OtlpEncoding.Protobuf;
        await context.Response.Body.WriteAsync(json ? OtlpJson.EncodeStatus(grpc, message) : OtlpProtobuf.EncodeStatus(grpc, message), context.RequestAborted);
    }

    private static (int Http, int Grpc) Codes(ErrorCode code) => code switch
    {
        ErrorCode.InvalidArgument or ErrorCode.DigestMismatch => (400, 3),
        ErrorCode.Unauthenticated => (401, 16),
        ErrorCode.PermissionDenied => (403, 7),
        ErrorCode.NotFound => (404, 5),
        ErrorCode.TooLarge => (413, 8),
        ErrorCode.Unsupported => (415, 3),
        ErrorCode.FailedPrecondition => (501, 12), // the signal is not implemented
        ErrorCode.RateLimited => (429, 8),
        ErrorCode.Unavailable or ErrorCode.StorageFull => (503, 14), // a full disk can be freed: the client shall keep its spans
        _ => (500, 13),
    };
}
