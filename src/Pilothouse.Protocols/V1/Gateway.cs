namespace Pilothouse.Protocols.V1;

/// <summary>A public model name of the gateway, e.g. <c>support-assistant/production/assistant</c>, and the arms behind it.</summary>
/// <param name="Environment"><c>PROJECT/ENV</c>.</param>
public sealed record GatewayRoute(string Name, string Environment, string Kind, IReadOnlyList<GatewayArm> Arms);

/// <param name="Arm"><c>stable</c> or <c>canary</c>.</param>
/// <param name="Weight">Percent of the traffic; the arms of a route sum to 100.</param>
/// <param name="Release">Digest of the release.</param>
/// <param name="Model"><c>models:/NAME/VERSION</c>, or the upstream's model name.</param>
/// <param name="Engine"><c>onnx</c> or <c>openai</c>.</param>
/// <param name="PromptDefaults">Texts of the prompt's variables that need no value.</param>
public sealed record GatewayArm(string Arm, int Weight, string Release, string Model, string Engine, string? Url, string? PromptTemplate, double Temperature, int MaxTokens,
    IReadOnlyDictionary<string, string>? PromptDefaults = null);

public sealed record ArmObservation(string Arm, string Release, long Requests, long Errors, double? LatencyP50Ms, double? LatencyP95Ms, long LastServedMs);

/// <summary>What the gateway serves, and what it really served since each route was last set.</summary>
/// <param name="DroppedTraces">Responses since the start whose trace and event were lost because too many waited.</param>
public sealed record GatewayState(IReadOnlyList<GatewayRouteState> Routes, long DroppedTraces);

public sealed record GatewayRouteState(GatewayRoute Route, IReadOnlyList<ArmObservation> Observed);
