using System.Collections.Concurrent;
using System.Globalization;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Gateway.Engines;
using Pilothouse.Server.Modules.Registry.Api;
using Pilothouse.Server.Platform;
using Pilothouse.Server.Platform.Inference;

namespace Pilothouse.Server.Modules.Gateway;

/// <summary>Finds engine and model files for a target, and runs it.</summary>
internal sealed class InferenceService(IModels models, IEnumerable<IEngine> engines, RouteService routes) : IInference, IServedTargets
{
    /// <summary>Asks what a route serves, with its prompt and parameters.</summary>
    private const string Served = "gateway";

    /// <summary>Numbered versions are immutable, so where their files lie need not be asked again; beyond the bound all is forgotten.</summary>
    private const int MaxResolved = 1000;

    private const int MaxTexts = 100_000;

    private readonly Dictionary<string, IEngine> _engines = engines.ToDictionary(e => e.Name);
    private readonly ConcurrentDictionary<string, EngineModel> _resolved = new();

    public async Task<Generation> GenerateAsync(InferenceTarget target, GenerationRequest request, CancellationToken ct)
    {
        if (request.Messages.Count == 0) throw new PilothouseException(ErrorCode.InvalidArgument, "There are no messages to answer.");
        if (request.MaxTokens < 1) throw new PilothouseException(ErrorCode.InvalidArgument, $"MaxTokens is {request.MaxTokens}; at least one token must be allowed.");
        if (!(request.Temperature is >= 0 and <= 100)) throw new PilothouseException(ErrorCode.InvalidArgument, "The temperature must be between 0 and 100.");
        if (!(request.TopP is > 0 and <= 1)) throw new PilothouseException(ErrorCode.InvalidArgument, "top_p must be above 0 and at most 1.");
        if (target.Engine == Served)
        {
            var arm = Arm(target);
            request = request with { Messages = arm.Apply(request.Messages, request.Metadata ?? new Dictionary<string, string>()), MaxTokens = arm.Definition.MaxTokens, Temperature = arm.Definition.Temperature };
            target = arm.Target;
        }
        return await Engine(target).GenerateAsync(await ResolveAsync(target, ct), request, ct);
    }

    public ServedTarget? Find(string name)
    {
        if (routes.Find(name) is not { } route || route.Arms.FirstOrDefault(a => a.Definition.Arm == "stable") is not { Definition: var stable }) return null;
        return new ServedTarget(new InferenceTarget(name, Served) { Release = stable.Release }, stable.Release, route.Route.Kind, stable.Engine == "onnx");
    }

    public async Task<IReadOnlyList<double>> ScoreContinuationsAsync(InferenceTarget target, string text, IReadOnlyList<string> continuations, CancellationToken ct)
    {
        Bound(continuations.Count);
        return await Engine(target).ScoreAsync(await ResolveAsync(target, ct), text, continuations, ct);
    }

    public async Task<IReadOnlyList<Classification>> ClassifyAsync(InferenceTarget target, IReadOnlyList<string> texts, CancellationToken ct)
    {
        Bound(texts.Count);
        if (target.Engine == Served) target = Arm(target).Target;
        return await Engine(target).ClassifyAsync(await ResolveAsync(target, ct), texts, ct);
    }

    public async Task<IReadOnlyList<IReadOnlyList<float>>> EmbedAsync(InferenceTarget target, IReadOnlyList<string> texts, CancellationToken ct)
    {
        Bound(texts.Count);
        return await Engine(target).EmbedAsync(await ResolveAsync(target, ct), texts, ct);
    }

    public string? ReleaseOf(string environment) => routes.Names.Where(n => n.StartsWith(environment + "/", StringComparison.Ordinal)).Select(routes.Find)
        .FirstOrDefault(r => r?.Route.Environment == environment)?.Arms.FirstOrDefault(a => a.Definition.Arm == "stable")?.Definition.Release;

    /// <summary>A rollout in the middle of an evaluation must not mix two releases.</summary>
    private ActiveArm Arm(InferenceTarget target) => routes.Find(target.Model)?.Arms.FirstOrDefault(a => a.Definition.Arm == "stable" && (target.Release is null || a.Definition.Release == target.Release))
        ?? throw new PilothouseException(ErrorCode.FailedPrecondition, $"{target.Model} no longer serves release {target.Release}: a rollout moved it meanwhile.") { IsPermanent = true };

    private static void Bound(int count)
    {
        if (count > MaxTexts) throw new PilothouseException(ErrorCode.TooLarge, $"{count} texts are too many for one call; send at most {MaxTexts}.");
    }

    private IEngine Engine(InferenceTarget target) => _engines.TryGetValue(target.Engine, out var engine) ? engine
        : throw new PilothouseException(ErrorCode.Unsupported, $"There is no engine '{target.Engine}'; use {string.Join(" or ", _engines.Keys.Order())}.");

    private async Task<EngineModel> ResolveAsync(InferenceTarget target, CancellationToken ct)
    {
        if (target.Engine == "openai") return new EngineModel(target.Model, "", "", 0, target.Url) { KeyVariable = target.KeyVariable };
        if (_resolved.TryGetValue(target.Model, out var known)) return known;
        var version = await models.GetAsync(target.Model, ct);
        var model = new EngineModel(version.Reference, version.RequireDigest(), await models.MaterializeAsync(version, ct), version.Size, null);
        if (!IsNumbered(target.Model, version)) return model;
        if (_resolved.Count >= MaxResolved) _resolved.Clear();
        return _resolved.GetOrAdd(target.Model, model);
    }

    /// <summary>False for <c>models:/NAME@ALIAS</c>, which is a pointer that moves.</summary>
    private static bool IsNumbered(string reference, ModelVersion version) => reference.EndsWith("/" + version.Version.ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal);
}
