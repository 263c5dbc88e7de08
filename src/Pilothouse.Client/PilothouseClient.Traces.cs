using System.Globalization;
using Pilothouse.Protocols.V1;

namespace Pilothouse.Client;

public sealed partial class PilothouseClient
{
    /// <summary>Newest first.</summary>
    public Task<Page<TraceSummary>> ListTracesAsync(TraceQuery query, CancellationToken ct)
    {
        (string Name, string? Value)[] parts =
        [
            ("service", query.Service), ("model", query.Model), ("release", query.Release), ("environment", query.Environment), ("errors", query.Errors is { } errors ? (errors ? "true" : "false") : null),
            ("text", query.Text), ("limit", query.Limit.ToString(CultureInfo.InvariantCulture)), ("page_token", query.PageToken), ("experiment", query.Experiment), ("session", query.Session),
        ];
        return GetAsync<Page<TraceSummary>>("api/v1/traces?" + string.Join('&', parts.Where(p => p.Value is not null).Select(p => $"{p.Name}={Uri.EscapeDataString(p.Value!)}")), ct);
    }

    public Task<TraceDetail> GetTraceAsync(string traceId, CancellationToken ct) => GetAsync<TraceDetail>($"api/v1/traces/{Uri.EscapeDataString(traceId)}", ct);

    /// <summary>Routes of the gateway, and what each arm really served.</summary>
    public Task<GatewayState> GetGatewayAsync(CancellationToken ct) => GetAsync<GatewayState>("api/v1/gateway/routes", ct);
}
