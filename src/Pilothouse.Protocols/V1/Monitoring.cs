namespace Pilothouse.Protocols.V1;

/// <summary>A monitor as pilothouse.yaml declares it.</summary>
/// <param name="Metric">Online scorer: <c>grounded</c>, <c>error_rate</c>, <c>latency_ms</c>, <c>confidence</c>, ...</param>
/// <param name="Reference">Value under the null hypothesis ("all is well"), e.g. pass rate 0.95.</param>
/// <param name="Alpha">Probability of a false alarm over the monitor's whole life.</param>
public sealed record MonitorDefinition(string Name, string Metric, double Reference, double Alpha, int MinSamples);

/// <param name="Status">collecting, ok, firing, stopped.</param>
/// <param name="EValue">Evidence against the null hypothesis; the alarm is at 1/alpha.</param>
/// <param name="Statement">In words, with the false-alarm rate.</param>
public sealed record MonitorState(string Name, string Environment, string Arm, string Release, string Metric, double Reference, double Alpha, string Status, long Samples, double? Value,
    double? Lower, double? Upper, double EValue, string Statement, long UpdatedMs);

/// <param name="Status">firing or resolved.</param>
public sealed record Alert(string Id, string Monitor, string Environment, string Arm, string Release, string Status, string Summary, long StartedMs, long? EndedMs,
    IReadOnlyDictionary<string, string> Labels, IReadOnlyList<AlertDelivery> Deliveries);

public sealed record AlertDelivery(string Url, string Status, int Attempts, long LastMs, string? Error);
