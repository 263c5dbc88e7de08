using Microsoft.AspNetCore.Http;
using Pilothouse.Protocols.Otlp;
using Pilothouse.Server.Platform;
using Pilothouse.Server.Platform.Mlflow;

namespace Pilothouse.Server.Modules.Traces.Endpoints;

/// <summary>
/// OTLP/HTTP failures (https://opentelemetry.io/docs/specs/otlp/#failures-1): a google.rpc.Status in the encoding of the request. Clients try again on 429, 502, 503 and
/// 504 only, so what may succeed later must be one of these and nothing else may.
/// </summary>
internal sealed class OtlpErrors : ErrorShape
{
    public static OtlpErrors Instance { get; } = new();

    /// <summary>What an MLflow client is told of an empty body.</summary>
    public const string NoSpans = "Invalid OpenTelemetry format - no spans found";

    private const string MlflowItem = "otlp.mlflow";

    /// <summary>From here on the errors of this request are MLflow's <c>{"error_code", "message"}</c>.</summary>
    public static void UseMlflow(HttpContext context) => context.Items[MlflowItem] = true;

    public override async Task WriteAsync(HttpContext context, ErrorCode code, string message)
    {
        if (context.Items.ContainsKey(MlflowItem))
        {
            await MlflowErrors.Instance.WriteAsync(context, code, message);
            return;
        }
        if (OtlpEndpoints.IsMlflow(context.Request))
        {
            await WriteDetailAsync(context, code, message);
            return;
        }
        var (status, grpc) = Codes(code);
        context.Response.StatusCode = status;
        if (status is 429 or 503) context.Response.Headers.RetryAfter = "1";
        if (status == 401) context.Response.Headers.WWWAuthenticate = "Basic realm=\"Pilothouse\"";
        var json = OtlpEncoding.IsJson(context.Request);
        context.Response.ContentType = json ? OtlpEncoding.Json : OtlpEncoding.Protobuf;
        await context.Response.Body.WriteAsync(json ? OtlpJson.EncodeStatus(grpc, message) : OtlpProtobuf.EncodeStatus(grpc, message), context.RequestAborted);
    }

    /// <summary>MLflow's OTLP address answers <c>{"detail": "..."}</c>, and 400 for another content type.</summary>
    private static Task WriteDetailAsync(HttpContext context, ErrorCode code, string message)
    {
        var (status, _) = Codes(code);
        context.Response.StatusCode = code == ErrorCode.Unsupported ? StatusCodes.Status400BadRequest : status;
        if (status is 429 or 503) context.Response.Headers.RetryAfter = "1";
        if (status == 401) context.Response.Headers.WWWAuthenticate = "Basic realm=\"Pilothouse\"";
        return context.Response.WriteAsJsonAsync(new { detail = Detail(context.Request, code, message), message }, context.RequestAborted);
    }

    /// <summary>MLflow's own words; ours, which say more, stand in <c>message</c> beside them.</summary>
    private static string Detail(HttpRequest request, ErrorCode code, string message) => code switch
    {
        ErrorCode.InvalidArgument => message.StartsWith(NoSpans, StringComparison.Ordinal) ? NoSpans : "Invalid OpenTelemetry format",
        ErrorCode.Unsupported when !OtlpEncoding.IsKnown(request) => $"Invalid Content-Type: {request.ContentType}. Expected: application/x-protobuf or application/json",
        _ => message,
    };

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
