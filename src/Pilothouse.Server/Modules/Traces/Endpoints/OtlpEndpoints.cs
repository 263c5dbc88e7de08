using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Pilothouse.Protocols.Otlp;
using Pilothouse.Server.Modules.Tracking.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Traces.Endpoints;

/// <summary>
/// OTLP/HTTP (https://opentelemetry.io/docs/specs/otlp/#otlphttp). A 200 means that the spans are on disk. MLflow's clients use the same address with the header
/// <c>x-mlflow-experiment-id</c>, and read errors in the shape of MLflow's server.
/// </summary>
internal static class OtlpEndpoints
{
    public const string ExperimentHeader = "x-mlflow-experiment-id";
    private const string RunHeader = "x-mlflow-run-id";
    private const int MaxRunId = 256;

    public static void MapOtlp(this IEndpointRouteBuilder endpoints)
    {
        var otlp = endpoints.MapGroup("/v1").WithErrors(OtlpErrors.Instance).AcceptAnyKey().ExcludeFromDescription();
        otlp.MapPost("traces", ExportTracesAsync);
        otlp.MapGet("traces", () => TypedResults.Text("Traces are sent here by POST, as OTLP.", "text/plain", statusCode: StatusCodes.Status404NotFound)); // as MLflow's server, not 405
        otlp.MapPost("logs", (HttpContext _) => NotYet("logs"));
        otlp.MapPost("metrics", (HttpContext _) => NotYet("metrics"));
    }

    /// <summary>Whether an MLflow client speaks: it names an experiment.</summary>
    public static bool IsMlflow(HttpRequest request) => request.Headers.ContainsKey(ExperimentHeader);

    private static async Task ExportTracesAsync(HttpContext http, TraceService service, IExperiments experiments, CancellationToken ct)
    {
        OtlpEncoding.RequireKnown(http.Request);
        var json = OtlpEncoding.IsJson(http.Request);
        var body = await OtlpEncoding.ReadAsync(http, ct);
        if (body.IsEmpty && IsMlflow(http.Request)) throw new PilothouseException(ErrorCode.InvalidArgument, OtlpErrors.NoSpans);
        var batch = json ? OtlpJson.DecodeTraces(body) : OtlpProtobuf.DecodeTraces(body.Span);
        await service.WriteAsync(batch, await ExperimentAsync(http, experiments, ct), RunOf(http.Request), ct);
        http.Response.ContentType = json ? OtlpEncoding.Json : OtlpEncoding.Protobuf;
        if (IsMlflow(http.Request) && batch.RejectedSpans == 0) return; // as MLflow's server: nothing to say is an empty answer in JSON, too
        var answer = json ? OtlpJson.EncodeTraceResponse(batch.RejectedSpans, batch.ErrorMessage) : OtlpProtobuf.EncodeTraceResponse(batch.RejectedSpans, batch.ErrorMessage);
        http.Response.ContentLength = answer.Length;
        await http.Response.Body.WriteAsync(answer, ct);
    }

    private static async Task<string> ExperimentAsync(HttpContext http, IExperiments experiments, CancellationToken ct)
    {
        if (!IsMlflow(http.Request)) return TraceService.DefaultExperiment;
        OtlpErrors.UseMlflow(http);
        return (await experiments.GetAsync(http.Request.Headers[ExperimentHeader].ToString(), ct)).Id;
    }

    private static string? RunOf(HttpRequest request) => request.Headers[RunHeader].ToString() is { Length: > 0 and <= MaxRunId } run ? run : null;

    private static Task NotYet(string signal) => throw new PilothouseException(ErrorCode.FailedPrecondition,
        $"This server does not take OTLP {signal} yet. Switch that exporter off (OTEL_{signal.ToUpperInvariant()}_EXPORTER=none); traces are welcome at /v1/traces.");
}
