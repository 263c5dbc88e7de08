using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Pilothouse.Protocols.Otlp;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Traces.Endpoints;

/// <summary>OTLP/HTTP (https://opentelemetry.io/docs/specs/otlp/#otlphttp). A 200 means that the spans are on disk.</summary>
internal static class OtlpEndpoints
{
    public static void MapOtlp(this IEndpointRouteBuilder endpoints)
    {
        var otlp = endpoints.MapGroup("/v1").WithErrors(OtlpErrors.Instance).AcceptAnyKey().ExcludeFromDescription();
        otlp.MapPost("traces", ExportTracesAsync);
        otlp.MapPost("logs", (HttpContext _) => NotYet("logs"));
        otlp.MapPost("metrics", (HttpContext _) => NotYet("metrics"));
    }

    private static async Task ExportTracesAsync(HttpContext http, TraceService service, CancellationToken ct)
    {
        OtlpEncoding.RequireKnown(http.Request);
        var json = OtlpEncoding.IsJson(http.Request);
        var body = await OtlpEncoding.ReadAsync(http, ct);
        var batch = json ? OtlpJson.DecodeTraces(body) : OtlpProtobuf.DecodeTraces(body.Span);
        await service.WriteAsync(batch, TraceService.DefaultExperiment, null, ct);
        http.Response.ContentType = json ? OtlpEncoding.Json : OtlpEncoding.Protobuf;
        var answer = json ? OtlpJson.EncodeTraceResponse(batch.RejectedSpans, batch.ErrorMessage) : OtlpProtobuf.EncodeTraceResponse(batch.RejectedSpans, batch.ErrorMessage);
        http.Response.ContentLength = answer.Length;
        await http.Response.Body.WriteAsync(answer, ct);
    }

    private static Task NotYet(string signal) => throw new PilothouseException(ErrorCode.FailedPrecondition,
        $"This server does not take OTLP {signal} yet. Switch that exporter off (OTEL_{signal.ToUpperInvariant()}_EXPORTER=none); traces are welcome at /v1/traces.");
}
