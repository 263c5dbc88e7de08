using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Pilothouse.Protocols.Mlflow;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Platform;
using Pilothouse.Server.Platform.Mlflow;
using static Pilothouse.Protocols.Mlflow.MlflowField;

namespace Pilothouse.Server.Modules.Traces.Endpoints;

/// <summary>MLflow's traces, version 3, and what both versions share: tags, links and deletion.</summary>
internal static class MlflowTraceEndpoints
{
    private const string V3 = "3.0";

    private static readonly MlflowSchema None = new();
    private static readonly MlflowSchema Start = new(Json("trace").Must);
    private static readonly MlflowSchema Get = new(Text("trace_id").Must, Boolean("allow_partial"));
    private static readonly MlflowSchema Many = new(TextList("trace_ids").Must);
    private static readonly MlflowSchema SetTag = new(Text("key").Must, Text("value").May);
    private static readonly MlflowSchema DeleteTag = new(Text("key").Must);
    private static readonly MlflowSchema LinkRun = new(TextList("trace_ids").Must, Text("run_id").Must);
    private static readonly MlflowSchema LinkPrompts = new(Text("trace_id").Must, MlflowField.List("prompt_versions", Text("name").Must, Text("version").Must).May);
    private static readonly MlflowSchema Delete = new(Text("experiment_id").Must, Integer("max_timestamp_millis").May, Integer("max_traces").May, TextList("request_ids").May);

    public static void MapMlflowTraces(this IEndpointRouteBuilder endpoints, MlflowTraceService service)
    {
        endpoints.MapMlflow("POST", "/mlflow/traces", Start, async (m, http) => MlflowTraceInfoAnswer.Of(await service.StartAsync(MlflowTraceInput.Read(m.Json("trace") ?? default), http.RequestAborted)), version: V3);
        endpoints.MapMlflow("GET", "/mlflow/traces/{trace_id}", None, async (_, http) => MlflowTraceInfoAnswer.Of(await service.GetAsync(Id(http), http.RequestAborted)), version: V3);
        endpoints.MapMlflowWriter("GET", "/mlflow/traces/get", Get, (m, http) => GetAsync(m.Text("trace_id"), service, http.RequestAborted), MlflowSpans.WriterOptions, V3);
        endpoints.MapMlflowWriter("GET", "/mlflow/traces/batchGet", Many, (m, http) => GetManyAsync(m.TextList("trace_ids"), service, http.RequestAborted), MlflowSpans.WriterOptions, V3);
        endpoints.MapMlflow("POST", "/mlflow/traces/batchGetInfos", Many, async (m, http) => new MlflowTraceInfos(await service.GetManyAsync(m.TextList("trace_ids"), http.RequestAborted)), Role.Reader, V3);
        foreach (var version in (string[])["2.0", V3])
        {
            endpoints.MapMlflow("PATCH", "/mlflow/traces/{trace_id}/tags", SetTag, (m, http) => Done(service.SetTagAsync(Id(http), m.Text("key"), m.Text("value"), http.RequestAborted)), version: version);
            endpoints.MapMlflow("DELETE", "/mlflow/traces/{trace_id}/tags", DeleteTag, (m, http) => Done(service.DeleteTagAsync(Id(http), m.Text("key"), http.RequestAborted)), version: version);
            endpoints.MapMlflow("POST", "/mlflow/traces/delete-traces", Delete, (m, http) => DeleteAsync(m, service, http.RequestAborted), version: version);
            endpoints.MapMlflowRaw("GET", "/mlflow/get-trace-artifact", http => DownloadAsync(http, service), version: version);
        }
        endpoints.MapMlflow("POST", "/mlflow/traces/link-to-run", LinkRun, (m, http) => Done(service.LinkRunAsync(m.Text("run_id"), m.TextList("trace_ids"), http.RequestAborted)));
        endpoints.MapMlflow("POST", "/mlflow/traces/link-prompts", LinkPrompts, (m, http) => Done(service.LinkPromptsAsync(m.Text("trace_id"), [.. m.List("prompt_versions").Select(p => (p.Text("name"), p.Text("version")))], http.RequestAborted)));
    }

    internal static string Id(HttpContext http, string name = "trace_id") => http.Request.RouteValues[name] as string ?? "";

    internal static async Task<MlflowEmpty> Done(Task work)
    {
        await work;
        return MlflowEmpty.Instance;
    }

    private static async Task<Action<Utf8JsonWriter>> GetAsync(string traceId, MlflowTraceService service, CancellationToken ct)
    {
        var (info, spans) = await service.GetWithSpansAsync(traceId, ct);
        return json =>
        {
            json.WriteStartObject();
            json.WritePropertyName("trace");
            MlflowSpans.WriteTrace(json, info, spans);
            json.WriteEndObject();
        };
    }

    private static async Task<Action<Utf8JsonWriter>> GetManyAsync(IReadOnlyList<string> traceIds, MlflowTraceService service, CancellationToken ct)
    {
        var traces = await service.GetManyWithSpansAsync(traceIds, ct);
        return json => WriteMany(json, traces);
    }

    private static void WriteMany(Utf8JsonWriter json, List<(MlflowTraceInfo Info, IReadOnlyList<SpanRecord> Spans)> traces)
    {
        json.WriteStartObject();
        if (traces.Count > 0)
        {
            json.WriteStartArray("traces");
            foreach (var (info, spans) in traces) MlflowSpans.WriteTrace(json, info, spans);
            json.WriteEndArray();
        }
        json.WriteEndObject();
    }

    private static async Task<MlflowTracesDeleted> DeleteAsync(MlflowMessage m, MlflowTraceService service, CancellationToken ct) =>
        new(await service.DeleteAsync(m.Text("experiment_id"), m.Integer("max_timestamp_millis"), m.Integer("max_traces"), m.TextList("request_ids"), ct));

    /// <summary>The spans as the file that older clients upload; a browser saves it.</summary>
    private static async Task DownloadAsync(HttpContext http, MlflowTraceService service)
    {
        var traceId = http.Request.Query["request_id"].ToString();
        if (traceId.Length == 0)
        {
            http.Response.StatusCode = StatusCodes.Status400BadRequest;
            await http.WriteMlflowAsync(new MlflowError(MlflowErrorCodes.BadRequest, "Request must include the \"request_id\" query parameter."));
            return;
        }
        var (_, spans) = await service.GetWithSpansAsync(traceId, http.RequestAborted);
        http.Response.ContentType = "text/plain";
        http.Response.Headers.ContentDisposition = "attachment; filename=traces.json";
        await using (var json = new Utf8JsonWriter(http.Response.BodyWriter, MlflowSpans.WriterOptions)) MlflowSpans.WriteFile(json, spans);
        await http.Response.BodyWriter.FlushAsync(http.RequestAborted);
    }
}
