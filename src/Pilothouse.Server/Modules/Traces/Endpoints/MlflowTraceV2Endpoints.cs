using Microsoft.AspNetCore.Routing;
using Pilothouse.Protocols.Mlflow;
using Pilothouse.Server.Platform;
using Pilothouse.Server.Platform.Mlflow;
using static Pilothouse.Protocols.Mlflow.MlflowField;

namespace Pilothouse.Server.Modules.Traces.Endpoints;

/// <summary>Traces by version 2: what clients before 3.0 speak, and later ones fall back to.</summary>
internal static class MlflowTraceV2Endpoints
{
    private static readonly string[] Statuses = ["OK", "ERROR", "IN_PROGRESS"];
    private static readonly MlflowSchema None = new();
    private static readonly MlflowSchema Start = new(Text("experiment_id").Must, Integer("timestamp_ms").May, Pairs("request_metadata"), Pairs("tags"));
    private static readonly MlflowSchema End = new(Text("request_id"), Integer("timestamp_ms"), Enumeration("status", Statuses), Pairs("request_metadata"), Pairs("tags"));
    private static readonly MlflowSchema Search = new(TextList("experiment_ids"), Text("filter"), Integer("max_results").May, TextList("order_by"), Text("page_token"));

    public static void MapMlflowTracesV2(this IEndpointRouteBuilder endpoints, MlflowTraceService service, TraceSearch search)
    {
        endpoints.MapMlflow("POST", "/mlflow/traces", Start, async (m, http) => new MlflowTraceInfoV2Answer(
            await service.StartV2Async(m.Text("experiment_id"), m.Integer("timestamp_ms") ?? 0, Dictionary(m.Pairs("request_metadata")), Dictionary(m.Pairs("tags")), http.RequestAborted)));
        endpoints.MapMlflow("PATCH", "/mlflow/traces/{trace_id}", End, async (m, http) => new MlflowTraceInfoV2Answer(
            await service.EndV2Async(MlflowTraceEndpoints.Id(http), m.Integer("timestamp_ms") ?? 0, m.TextOrNull("status") ?? "STATE_UNSPECIFIED", Dictionary(m.Pairs("request_metadata")), Dictionary(m.Pairs("tags")), http.RequestAborted)));
        endpoints.MapMlflow("GET", "/mlflow/traces/{trace_id}/info", None, async (_, http) => new MlflowTraceInfoV2Answer(await service.GetV2Async(MlflowTraceEndpoints.Id(http), http.RequestAborted)));
        endpoints.MapMlflow("GET", "/mlflow/traces", Search, (m, http) => SearchAsync(m, service, search, http.RequestAborted));
    }

    private static async Task<MlflowSearchTracesV2Answer> SearchAsync(MlflowMessage m, MlflowTraceService service, TraceSearch search, CancellationToken ct)
    {
        var limit = MlflowTraceQueryEndpoints.Limit(m.Integer("max_results"));
        var (traces, token) = await search.SearchAsync(MlflowTraceQueryEndpoints.Experiments(m.TextList("experiment_ids")), m.TextOrNull("filter"), m.TextList("order_by"), limit, m.TextOrNull("page_token"), ct);
        return new MlflowSearchTracesV2Answer(await service.DescribeV2Async(traces, ct), token);
    }

    private static Dictionary<string, string> Dictionary(List<MlflowPair> pairs)
    {
        if (pairs.Count > MlflowTraceInput.MaxPairs) throw new PilothouseException(ErrorCode.InvalidArgument, $"A trace has at most {MlflowTraceInput.MaxPairs} tags, and as many metadata.");
        var result = new Dictionary<string, string>();
        foreach (var pair in pairs) result[pair.Key] = pair.Value;
        return result;
    }
}
