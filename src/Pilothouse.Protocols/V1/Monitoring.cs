namespace Pilothouse.Protocols.V1;

/// <summary>A monitor as pilothouse.yaml declares it.</summary>
/// <param name="Metric">Online scorer: <c>grounded</c>, <c>error_rate</c>, <c>latency_ms</c>, <c>confidence</c>. Each judges a response: it passes or not.</param>
/// <param name="Reference">Value under the null hypothesis ("all is well"), e.g. pass rate 0.95.</param>
/// <param name="Alpha">Probability of a false alarm over the monitor's whole life.</param>
/// <param name="MinSamples">Judged responses before it may raise an alarm.</param>
/// <param name="Model">Entry of the project's models whose responses it judges; null = all.</param>
/// <param name="Limit">Most milliseconds (<c>latency_ms</c>) or least mean log-probability (<c>confidence</c>).</param>
/// <param name="Webhooks">Addresses told of its alerts (Alertmanager webhook, version 4).</param>
public sealed record MonitorDefinition(string Name, string Metric, double Reference, double Alpha, int MinSamples, string? Model = null, double? Limit = null, IReadOnlyList<string>? Webhooks = null);

/// <param name="Status">collecting, ok, firing, stopped.</param>
/// <param name="Samples">Judged responses; those that the metric cannot judge are not counted.</param>
/// <param name="Value">Pass rate.</param>
/// <param name="Lower">Lower end of its confidence interval at level 1 - alpha, valid however often one looks.</param>
/// <param name="EValue">Evidence against the null hypothesis; the alarm is at 1/alpha.</param>
/// <param name="Statement">In words, with the false-alarm rate.</param>
public sealed record MonitorState(string Name, string Environment, string Arm, string Release, string Metric, double Reference, double Alpha, string Status, long Samples, double? Value,
    double? Lower, double? Upper, double EValue, string Statement, long UpdatedMs, string? Model = null, string Id = "", long StartedMs = 0);

/// <param name="Status">firing or resolved.</param>
public sealed record Alert(string Id, string Monitor, string Environment, string Arm, string Release, string Status, string Summary, long StartedMs, long? EndedMs,
    IReadOnlyDictionary<string, string> Labels, IReadOnlyList<AlertDelivery> Deliveries);

/// <param name="Status">pending, delivered, failed.</param>
/// <param name="Event">What was told: firing or resolved.</param>
public sealed record AlertDelivery(string Url, string Status, int Attempts, long LastMs, string? Error, string Event = "firing");
