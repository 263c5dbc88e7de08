using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Monitoring.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Monitoring;

/// <summary>The online scorers: each judges one served response, in microseconds and without a model.</summary>
internal static class OnlineMetrics
{
    /// <summary>Metadata key of a request whose answer can be judged as grounded: <c>"must_contain": "Lisbon|2 April"</c>.</summary>
    public const string MustContain = "must_contain";

    public static IReadOnlyList<string> Names { get; } = ["grounded", "error_rate", "latency_ms", "confidence"];

    /// <exception cref="PilothouseException">InvalidArgument: no such metric, or its limit is missing.</exception>
    public static void Validate(MonitorDefinition monitor)
    {
        if (!Names.Contains(monitor.Metric))
            throw new PilothouseException(ErrorCode.InvalidArgument, $"Monitor '{monitor.Name}' has the metric '{monitor.Metric}', which does not exist. There are: {string.Join(", ", Names)}.");
        if (monitor.Metric is "latency_ms" or "confidence" && monitor.Limit is null)
            throw new PilothouseException(ErrorCode.InvalidArgument, $"Monitor '{monitor.Name}' needs a limit that a response must keep: add limit: to it.");
        if (monitor is not { Reference: > 0 and < 1, Alpha: > 0 and < 1 })
            throw new PilothouseException(ErrorCode.InvalidArgument, $"Monitor '{monitor.Name}': reference and alpha must lie between 0 and 1, both excluded.");
    }

    /// <returns>Null when the metric cannot judge this response: it is not counted.</returns>
    public static bool? Judge(MonitorDefinition monitor, Observation response) => monitor.Metric switch
    {
        "grounded" => Grounded(response),
        "error_rate" => !response.Failed,
        "latency_ms" => response.LatencyMs <= monitor.Limit,
        "confidence" => response.MeanLogProbability is { } mean ? mean >= monitor.Limit : null,
        _ => null,
    };

    /// <summary>What passing means, for the statement.</summary>
    public static string PassingIs(MonitorDefinition monitor) => monitor.Metric switch
    {
        "grounded" => "named what they had to",
        "error_rate" => "did not fail",
        "latency_ms" => FormattableString.Invariant($"came within {monitor.Limit} ms"),
        "confidence" => FormattableString.Invariant($"had a mean log-probability of at least {monitor.Limit}"),
        _ => "passed",
    };

    private static bool? Grounded(Observation response)
    {
        if (!response.Metadata.TryGetValue(MustContain, out var list)) return null;
        var needed = list.Split('|', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        if (needed.Length == 0) return null;
        return !response.Failed && needed.All(text => response.Output.Contains(text, StringComparison.OrdinalIgnoreCase));
    }
}
