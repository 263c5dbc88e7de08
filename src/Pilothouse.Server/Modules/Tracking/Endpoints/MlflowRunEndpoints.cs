using System.Buffers;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Pilothouse.Protocols.Mlflow;
using Pilothouse.Server.Platform.Mlflow;
using static Pilothouse.Protocols.Mlflow.MlflowField;
using static Pilothouse.Server.Modules.Tracking.Endpoints.MlflowExperimentEndpoints;

namespace Pilothouse.Server.Modules.Tracking.Endpoints;

/// <summary>MLflow's <c>runs/*</c>.</summary>
internal static class MlflowRunEndpoints
{
    private static readonly MlflowSchema ById = new(Text("run_id").Must, Text("run_uuid"));
    private static readonly MlflowSchema Create = new(Text("experiment_id").May, Integer("start_time").May, Text("run_name").May, Text("user_id"), Pairs("tags"));
    private static readonly MlflowSchema Update = new(Text("run_id").Must, Text("run_uuid"), Integer("end_time").May, Enumeration("status", MlflowNames.RunStatus), Text("run_name").May);
    private static readonly MlflowSchema LogMetric = new(Text("run_id").Must, Text("run_uuid"), Text("key").Must, Real("value").Must, Integer("timestamp").Must, Integer("step").May,
        Text("model_id"), Text("dataset_name"), Text("dataset_digest"));
    private static readonly MlflowSchema Pair = new(Text("run_id").Must, Text("run_uuid"), Text("key").Must, Text("value").May);
    private static readonly MlflowSchema DeleteTag = new(Text("run_id").Must, Text("key").Must);

    public static void MapMlflowRuns(this IEndpointRouteBuilder endpoints, RunService runs)
    {
        endpoints.MapMlflow("GET", "/mlflow/runs/get", ById, async (m, http) => new MlflowRunResponse((await runs.GetAsync(m.RunId, http.RequestAborted)).ToMlflow(outputs: true)));
        endpoints.MapMlflow("POST", "/mlflow/runs/create", Create, async (m, http) => new MlflowRunResponse((await runs.CreateAsync(m.Text("experiment_id"), m.Text("user_id"),
            m.TextOrNull("run_name"), m.Integer("start_time") ?? 0, m.Pairs("tags"), http.RequestAborted)).ToMlflow(outputs: false)));
        endpoints.MapMlflow("POST", "/mlflow/runs/update", Update, async (m, http) => new MlflowRunInfoResponse((await runs.UpdateAsync(m.RunId, m.TextOrNull("status"),
            m.Integer("end_time"), m.TextOrNull("run_name"), http.RequestAborted)).ToInfo()));
        endpoints.MapMlflow("POST", "/mlflow/runs/delete", ById, (m, http) => Done(runs.DeleteAsync(m.RunId, http.RequestAborted)));
        endpoints.MapMlflow("POST", "/mlflow/runs/restore", ById, (m, http) => Done(runs.RestoreAsync(m.RunId, http.RequestAborted)));
        endpoints.MapMlflow("POST", "/mlflow/runs/set-tag", Pair, (m, http) => Done(runs.SetTagAsync(m.RunId, new MlflowPair(m.Text("key"), m.Text("value")), http.RequestAborted)));
        endpoints.MapMlflow("POST", "/mlflow/runs/delete-tag", DeleteTag, (m, http) => Done(runs.DeleteTagAsync(m.RunId, m.Text("key"), http.RequestAborted)));
        endpoints.MapMlflow("POST", "/mlflow/runs/log-parameter", Pair, (m, http) => Done(runs.LogParamAsync(m.RunId, new MlflowPair(m.Text("key"), m.Text("value")), http.RequestAborted)));
        endpoints.MapMlflow("POST", "/mlflow/runs/log-metric", LogMetric, (m, http) => Done(LogMetricAsync(m, runs, http.RequestAborted)));
        endpoints.MapMlflowRaw("POST", "/mlflow/runs/log-batch", http => LogBatchAsync(http, runs));
    }

    private static Task LogMetricAsync(MlflowMessage m, RunService runs, CancellationToken ct)
    {
        var (key, time, step, value) = (m.Text("key"), m.Integer("timestamp") ?? 0, m.Integer("step") ?? 0, MlflowBatch.Storable(m.Real("value") ?? 0));
        var model = m.Text("model_id") is { Length: > 0 } id ? new MlflowModelPoint(id, key, time, step, value, m.Text("dataset_name"), m.Text("dataset_digest")) : null;
        return runs.LogMetricAsync(m.RunId, key, new MlflowPoint(0, time, step, value), model, ct);
    }

    private static async Task LogBatchAsync(HttpContext http, RunService runs)
    {
        var (buffer, length) = await http.ReadMlflowBodyAsync();
        try
        {
            await runs.LogBatchAsync(MlflowBatch.Read(buffer.AsMemory(0, length)), http.RequestAborted);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
        await http.WriteMlflowAsync(MlflowEmpty.Instance);
    }
}
