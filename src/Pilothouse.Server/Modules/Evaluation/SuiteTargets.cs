using System.Security.Cryptography;
using System.Text.Json;
using Pilothouse.Protocols.ProjectFiles;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Registry.Api;
using Pilothouse.Server.Modules.Repositories.Api;
using Pilothouse.Server.Platform;
using Pilothouse.Server.Platform.Inference;
using Pilothouse.Server.Platform.Projects;

namespace Pilothouse.Server.Modules.Evaluation;

/// <summary>What a suite asks: a model of the commit, or what its <c>target:</c> names.</summary>
internal sealed class SuiteTargets(IRepositories repositories, IProjectContent content, IPrompts prompts, IReleaseCommits releases, IServedTargets served, EvaluationOptions options)
{
    private const int MaxFileBytes = 16 * 1024 * 1024;

    /// <exception cref="PilothouseException">NotFound or FailedPrecondition, naming the suite and what is missing.</exception>
    public async Task<ModelSubject> SubjectAsync(string project, string commit, ProjectFile file, string suite, SuiteEntry entry, EvaluationPins pins, CancellationToken ct)
    {
        if (entry.Target is not { } target) return await content.ModelAsync(project, commit, entry.Model, file.Models[entry.Model], ct);
        if (target.Command.Count > 0) return await CommandAsync(project, commit, suite, target, ct);
        var model = file.Models[entry.Model];
        if (target.Environment is { } environment) return Served($"{project}/{environment}/{entry.Model}", suite, model, pins);
        if (target.Prompt is { } prompt) return WithPrompt(await content.ModelAsync(project, commit, entry.Model, model, ct), await prompts.GetAsync(prompt, ct), suite);
        var release = await releases.FindAsync(project, pins.Release(target.Release!), ct);
        pins.Releases.TryAdd(target.Release!, new ReleasePin(release.Digest));
        var released = await repositories.ReadProjectFileAsync(project, release.Commit, ct);
        if (!released.Models.TryGetValue(entry.Model, out var then))
            throw new PilothouseException(ErrorCode.NotFound, $"suites.{suite}: the release {Short(release.Digest)} (commit {ProjectContent.Short(release.Commit)}) has no model '{entry.Model}'; it has: {string.Join(", ", released.Models.Keys)}.");
        var subject = await content.ModelAsync(project, release.Commit, entry.Model, then, ct);
        return subject with { Reference = $"{subject.Reference} of release {Short(release.Digest)}" };
    }

    /// <summary>False when base line and candidate would ask the very same thing.</summary>
    public static bool CanCompare(SuiteEntry entry, SuiteEntry baseEntry) => entry.Target?.Environment is not { } environment || environment != baseEntry.Target?.Environment;

    private ModelSubject Served(string route, string suite, ModelEntry model, EvaluationPins pins)
    {
        var found = pins.Served(route, () => served.Find(route)) ?? throw new PilothouseException(ErrorCode.FailedPrecondition, $"suites.{suite}: the gateway serves nothing as {route}. Deploy a release there first, or correct target.environment.");
        var kind = found.Kind == "classifier" ? ModelKind.Classifier : ModelKind.Generative;
        if (kind != model.Kind) throw new PilothouseException(ErrorCode.FailedPrecondition, $"suites.{suite}: {route} serves a {found.Kind}, but the suite's model is of another kind.");
        return new ModelSubject($"{route} at release {Short(found.Release)}", found.IsPinned ? $"{found.Release}/{route}" : null, model, found.Target, null, null, new Dictionary<string, JsonElement>());
    }

    private static ModelSubject WithPrompt(ModelSubject model, PromptVersion version, string suite)
    {
        if (model.Entry.Kind != ModelKind.Generative) throw new PilothouseException(ErrorCode.InvalidArgument, $"suites.{suite}: {model.Reference} is a classifier and takes no prompt.");
        PromptTemplate Template(string text) => version.OfMlflow ? PromptTemplate.ParseMlflow(text) : PromptTemplate.Parse(text);
        var file = new PromptFile
        {
            Template = version.Messages is null ? Template(version.Template) : null,
            Messages = [.. (version.Messages ?? []).Select(m => new Protocols.ProjectFiles.PromptMessage(m.Role, Template(m.Content)))],
            Parameters = version.Parameters ?? new Dictionary<string, JsonElement>(),
            Declared = version.TypedVariables ?? [],
        };
        var parameters = new SortedDictionary<string, JsonElement>(file.Parameters.ToDictionary(), StringComparer.Ordinal);
        foreach (var (key, value) in model.Entry.Parameters) parameters[key] = value;
        return model with { Reference = $"{model.Reference} with {version.Reference}", Prompt = file, PromptDigest = version.Digest, Parameters = parameters };
    }

    private async Task<ModelSubject> CommandAsync(string project, string commit, string suite, TargetEntry target, CancellationToken ct)
    {
        if (!options.AllowProcesses)
            throw new PilothouseException(ErrorCode.Unsupported, $"suites.{suite}: target.command runs a command, and this server runs none: who may push could run anything with its rights. If everyone who may is trusted, set Evaluation:AllowProcesses to true.");
        var files = new List<(string, byte[])>();
        foreach (var path in target.Files)
            files.Add((path, await repositories.ReadFileAsync(project, commit, path, MaxFileBytes, ct)
                ?? throw new PilothouseException(ErrorCode.NotFound, $"suites.{suite}: {path} is not in commit {ProjectContent.Short(commit)} of {project}. Add the file and commit it, or correct the path.")));
        var digest = "sha256:" + Convert.ToHexStringLower(SHA256.HashData(JsonSerializer.SerializeToUtf8Bytes(new { target.Command, Files = files.Select(f => new { Path = f.Item1, Digest = Convert.ToHexStringLower(SHA256.HashData(f.Item2)) }) })));
        var entry = new ModelEntry { Source = target.Source, Kind = ModelKind.Generative, Engine = ModelEngine.OpenAi, RegisteredName = target.Command[0], Parameters = new Dictionary<string, JsonElement>() };
        return new ModelSubject($"command {string.Join(' ', target.Command)} ({Short(digest)})", null, entry, new InferenceTarget(digest, "command"), null, null, entry.Parameters) { Command = new CommandProgram(target.Command, files, target.Timeout) };
    }

    private static string Short(string digest) => digest[..Math.Min(19, digest.Length)];
}
