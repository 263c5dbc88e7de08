using System.Text;
using System.Text.Json;
using Pilothouse.Protocols.ProjectFiles;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Blobs.Api;
using Pilothouse.Server.Modules.Repositories.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Deployments;

/// <summary>Reads from a release's commit how it is to be served.</summary>
internal sealed class RoutePlanner(IRepositories repositories, IBlobStore blobs)
{
    private const int MaxPrompt = 1024 * 1024;
    private const int DefaultMaxTokens = 256;

    /// <exception cref="PilothouseException">FailedPrecondition: the release lacks something that its project file serves.</exception>
    public async Task<ReleasePlan> PlanAsync(Release release, ProjectFile file, EnvironmentEntry environment, CancellationToken ct)
    {
        if (file.Models.Count == 0) throw new PilothouseException(ErrorCode.FailedPrecondition, "The project file declares no models: there is nothing to serve.");
        var models = new List<PlannedModel>();
        foreach (var (name, entry) in file.Models) models.Add(await PlanAsync(release, name, entry, ct));
        var monitors = file.Monitors.Select(m => new MonitorDefinition(m.Key, m.Value.Metric, m.Value.Reference, m.Value.Alpha, m.Value.MinSamples, m.Value.Model, m.Value.Limit,
            [.. file.Alerts.Where(a => a.Monitors.Contains(m.Key)).Select(a => a.Webhook).Distinct()]));
        var rollout = environment.Rollout;
        return new ReleasePlan(release.Digest, models, [.. monitors], rollout.Monitors, rollout.Steps, (long)rollout.Interval.TotalMilliseconds, rollout.MinRequests,
            environment.Target.ToString().ToLowerInvariant());
    }

    private async Task<PlannedModel> PlanAsync(Release release, string name, ModelEntry entry, CancellationToken ct)
    {
        var prompt = await PromptAsync(release, name, entry, ct);
        // The model's own parameters win over those of its prompt.
        JsonElement? Parameter(string key) => entry.Parameters.TryGetValue(key, out var own) ? own : prompt?.Parameters.TryGetValue(key, out var value) == true ? value : null;
        var remote = entry.Engine == ModelEngine.OpenAi;
        return new PlannedModel(name, entry.Kind == ModelKind.Classifier ? "classifier" : "generative", remote ? entry.UpstreamModel ?? name : Component(release, name, entry).Reference,
            remote ? "openai" : "onnx", entry.Url, prompt?.Template!.Text, Number(Parameter("temperature")) ?? 0, (int)(Number(Parameter("max_tokens")) ?? DefaultMaxTokens),
            prompt is null || prompt.Declared.Count == 0 ? null : PromptVariables.Defaults(prompt.Declared));
    }

    /// <summary>The exact version that the release was built with, whatever an alias says by now.</summary>
    private static ReleaseComponent Component(Release release, string name, ModelEntry entry) =>
        release.Components.FirstOrDefault(c => c.Type == "model" && c.Name == name)
        ?? release.Components.FirstOrDefault(c => c.Type == "model" && c.Reference.StartsWith($"models:/{entry.RegisteredName}/", StringComparison.Ordinal))
        ?? throw new PilothouseException(ErrorCode.FailedPrecondition,
            $"Release {EvidenceRules.Short(release.Digest)} does not contain the model '{name}' that its project file serves. Build it again: pilothouse release.");

    private async Task<PromptFile?> PromptAsync(Release release, string name, ModelEntry entry, CancellationToken ct)
    {
        if ((entry.Prompt ?? entry.RegisteredPrompt) is not { } path) return null;
        // A registered prompt is served as the release packed it.
        var packed = entry.RegisteredPrompt is null ? null : release.Components.FirstOrDefault(c => c.Type == "prompt" && c.Reference == path)
            ?? throw new PilothouseException(ErrorCode.FailedPrecondition, $"Release {EvidenceRules.Short(release.Digest)} does not contain {path}, the prompt of '{name}'. Build it again: pilothouse release.");
        var content = (packed is not null ? await blobs.ReadAsync(packed.Digest, MaxPrompt, ct) : await repositories.ReadFileAsync(release.Project, release.Commit, path, MaxPrompt, ct))
            ?? throw new PilothouseException(ErrorCode.FailedPrecondition, $"Commit {release.Commit} has no file '{path}', which is the prompt of '{name}'.");
        var result = PromptFileReader.Parse(Encoding.UTF8.GetString(content));
        var prompt = result.File ?? throw new PilothouseException(ErrorCode.FailedPrecondition, $"The prompt of '{name}' has faults:\n" + string.Join('\n', result.Faults.Select(f => $"{path}:{f}")));
        if (prompt.Template is null) throw new PilothouseException(ErrorCode.Unsupported, $"{path} is a chat prompt; the gateway serves text templates so far (template: '...').");
        return prompt;
    }

    private static double? Number(JsonElement? value) => value is { ValueKind: JsonValueKind.Number } number ? number.GetDouble() : null;
}
