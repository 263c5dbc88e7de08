using Pilothouse.Protocols.V1;

namespace Pilothouse.Server.Modules.Deployments;

/// <summary>How a release is served and watched in an environment: what its commit's project file says, resolved once and kept with the rollout.</summary>
/// <param name="RollbackMonitors">Names of the monitors whose alarm takes the release back.</param>
/// <param name="Steps">Percent of the traffic at each step.</param>
internal sealed record ReleasePlan(string Release, IReadOnlyList<PlannedModel> Models, IReadOnlyList<MonitorDefinition> Monitors, IReadOnlyList<string> RollbackMonitors, IReadOnlyList<int> Steps,
    long IntervalMs, int MinRequests, string Target);

/// <param name="Name">Entry of the project's models: the last part of the route's name.</param>
/// <param name="Kind">generative or classifier.</param>
internal sealed record PlannedModel(string Name, string Kind, string Model, string Engine, string? Url, string? PromptTemplate, double Temperature, int MaxTokens,
    IReadOnlyDictionary<string, string>? PromptDefaults = null);
