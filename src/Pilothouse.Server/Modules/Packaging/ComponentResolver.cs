using System.Text;
using Pilothouse.Protocols.Artifacts;
using Pilothouse.Protocols.Locks;
using Pilothouse.Protocols.ProjectFiles;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Blobs.Api;
using Pilothouse.Server.Modules.Evaluation.Api;
using Pilothouse.Server.Modules.Registry.Api;
using Pilothouse.Server.Modules.Repositories.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Packaging;

/// <summary>A file that travels inside the release.</summary>
/// <param name="Title">Path in the package, such as <c>models/assistant/model.onnx</c>.</param>
internal sealed record PackagedFile(string Title, string Digest, long Size);

/// <summary>Everything a commit's project file names, found and pinned.</summary>
internal sealed record ResolvedProject(IReadOnlyList<ReleaseComponent> Components, IReadOnlyList<PackagedFile> Files);

/// <summary>Turns the names in a project file into digests. What is not there, or is not what was declared, stops the release.</summary>
internal sealed class ComponentResolver(IRepositories repositories, IProjectLocks locks, IModels models, IDatasets datasets, IPrompts prompts, IProjectSuites suites, IBlobStore blobs)
{
    public const string ProjectFileName = "pilothouse.yaml";
    private const int MaxPrompt = 1024 * 1024;
    private const int MaxLock = 64 * 1024 * 1024;
    private const int MaxDataFile = 256 * 1024 * 1024;

    /// <param name="actor">Who registers suites that are not registered yet.</param>
    public async Task<ResolvedProject> ResolveAsync(string project, string commit, string actor, CancellationToken ct)
    {
        var file = await repositories.ReadProjectFileAsync(project, commit, ct);
        var components = new List<ReleaseComponent>();
        var files = new List<PackagedFile>();

        var (_, yaml) = await StoreAsync(project, commit, ProjectFileName, MaxPrompt, "The project file", ct);
        components.Add(new ReleaseComponent("config", ProjectFileName, $"git:{commit}:{ProjectFileName}", yaml.Digest, yaml.Size));
        files.Add(new PackagedFile(ProjectFileName, yaml.Digest, yaml.Size));
        // A Git commit is named by SHA-1; it says so.
        components.Add(new ReleaseComponent("code", project, $"git:{commit}", $"sha1:{commit}", 0));

        if ((await locks.RequireFreshAsync(project, commit, ct)).Lock is not null)
        {
            var (_, pinned) = await StoreAsync(project, commit, LockFile.FileName, MaxLock, "The lock", ct);
            components.Add(new ReleaseComponent("lock", LockFile.FileName, $"git:{commit}:{LockFile.FileName}", pinned.Digest, pinned.Size));
        }

        foreach (var (name, model) in file.Models) await ResolveModelAsync(name, model, components, files, ct);
        foreach (var path in file.Models.Values.Select(m => m.Prompt).OfType<string>().Distinct(StringComparer.Ordinal))
            await ResolvePromptAsync(project, commit, path, components, files, ct);
        await ResolveRegisteredPromptsAsync(file, components, files, ct);
        foreach (var (name, data) in file.Data) components.Add(await ResolveDataAsync(project, commit, name, data, ct));
        foreach (var (name, suite) in file.Suites) components.AddRange(await ResolveSuitesAsync(project, commit, name, suite, actor, ct));
        return new ResolvedProject(
            [.. components.OrderBy(c => c.Type, StringComparer.Ordinal).ThenBy(c => c.Name, StringComparer.Ordinal)],
            [.. files.OrderBy(f => f.Title, StringComparer.Ordinal)]);
    }

    private async Task ResolveModelAsync(string name, ModelEntry model, List<ReleaseComponent> components, List<PackagedFile> files, CancellationToken ct)
    {
        if (model.Engine == ModelEngine.OpenAi)
        {
            // Nothing of a remote model can be pinned but where it is asked for: the digest is that of the address.
            var address = Encoding.UTF8.GetBytes($"{model.Url}\n{model.UpstreamModel}\n");
            components.Add(new ReleaseComponent("model", name, $"{model.Url}#{model.UpstreamModel}", Digest.Of(address).ToString(), 0));
            return;
        }

        var version = await FindModelAsync(name, model, ct);
        components.Add(new ReleaseComponent("model", name, version.Reference, version.RequireDigest(), version.Size));
        foreach (var file in version.Files)
        {
            if (await blobs.FindAsync(file.Digest, ct) is null)
                throw new PilothouseException(ErrorCode.FailedPrecondition, $"{version.Reference} has lost its file {file.Path} ({file.Digest}). Upload it again: pilothouse model register {version.Name} DIR --kind {version.Kind}.");
            files.Add(new PackagedFile($"models/{name}/{file.Path}", file.Digest, file.Size));
        }
    }

    /// <summary>By version, by digest, or by both, which must then agree.</summary>
    private async Task<ModelVersion> FindModelAsync(string name, ModelEntry model, CancellationToken ct)
    {
        var version = model.Version is { } number
            ? await models.GetAsync($"models:/{model.RegisteredName}/{number}", ct)
            : await models.FindByDigestAsync(model.RegisteredName, model.Digest!, ct)
                ?? throw new PilothouseException(ErrorCode.NotFound, $"{ProjectFileName}:{model.Source.Line}: no version of '{model.RegisteredName}' has the digest {model.Digest}. Register it, or correct models.{name}.digest.");
        if (model.Digest is not null && version.Digest != model.Digest)
            throw new PilothouseException(ErrorCode.DigestMismatch, $"{ProjectFileName}:{model.Source.Line}: {version.Reference} has the digest {version.Digest}, models.{name}.digest says {model.Digest}. Correct one of the two.");
        var kind = model.Kind.ToString().ToLowerInvariant();
        if (version.Kind != kind)
            throw new PilothouseException(ErrorCode.FailedPrecondition, $"{ProjectFileName}:{model.Source.Line}: {version.Reference} is a {version.Kind} model, models.{name}.kind says {kind}.");
        return version;
    }

    private async Task ResolvePromptAsync(string project, string commit, string path, List<ReleaseComponent> components, List<PackagedFile> files, CancellationToken ct)
    {
        var (content, blob) = await StoreAsync(project, commit, path, MaxPrompt, "The prompt", ct);
        var faults = PromptFileReader.Parse(Encoding.UTF8.GetString(content)).Faults;
        if (faults.Count > 0)
            throw new PilothouseException(ErrorCode.InvalidArgument, $"The prompt {path} of commit {commit} has {faults.Count} fault(s):\n{string.Join('\n', faults.Select(f => $"{path}:{f}"))}");
        components.Add(new ReleaseComponent("prompt", path, $"git:{commit}:{path}", blob.Digest, blob.Size));
        files.Add(new PackagedFile(path, blob.Digest, blob.Size));
    }

    /// <summary>Registered prompts travel as prompt files; a component is named <c>prompts:/NAME</c>, by its version too when a project uses two of one prompt.</summary>
    private async Task ResolveRegisteredPromptsAsync(ProjectFile file, List<ReleaseComponent> components, List<PackagedFile> files, CancellationToken ct)
    {
        var versions = new List<PromptVersion>();
        foreach (var (name, model) in file.Models.Where(m => m.Value.RegisteredPrompt is not null).DistinctBy(m => m.Value.RegisteredPrompt))
        {
            var version = await prompts.GetAsync(model.RegisteredPrompt!, ct);
            version.RequireDigest(model.PromptDigest, name);
            versions.Add(version);
        }
        foreach (var version in versions.DistinctBy(v => v.Reference))
        {
            var blob = await blobs.PutAsync(version.AsFile().Content, ct);
            var isOnly = versions.DistinctBy(v => v.Reference).Count(v => v.Name == version.Name) == 1;
            components.Add(new ReleaseComponent("prompt", isOnly ? $"{RegistryReference.Prompts}:/{version.Name}" : version.Reference, version.Reference, blob.Digest, blob.Size));
            files.Add(new PackagedFile($"prompts/{version.Name}@{version.Version}.json", blob.Digest, blob.Size));
        }
    }

    /// <summary>What the commit promises to test, cases included; it does not travel along. A promptfoo configuration is as many suites as it has providers and prompts.</summary>
    private async Task<IEnumerable<ReleaseComponent>> ResolveSuitesAsync(string project, string commit, string name, SuiteEntry suite, string actor, CancellationToken ct)
    {
        try
        {
            return (await suites.RegisterAsync(project, commit, name, actor, ct)).Select(s => new ReleaseComponent("suite", s.Name, s.Version.Reference, s.Version.Digest, 0));
        }
        catch (PilothouseException e)
        {
            throw new PilothouseException(e.Code, $"{ProjectFileName}:{suite.Source.Line}: the suite '{name}' cannot be pinned: {e.Message}", e);
        }
    }

    private async Task<ReleaseComponent> ResolveDataAsync(string project, string commit, string name, DataEntry data, CancellationToken ct)
    {
        if (data.Path is { } path)
        {
            if (await locks.TrackedAsync(project, commit, path, ct) is { } tracked)
            {
                if (await blobs.FindAsync(tracked.Digest.ToString(), ct) is null)
                    throw new PilothouseException(ErrorCode.NotFound, $"{ProjectFileName}:{data.Source.Line}: the content of {path}, {tracked.Digest}, is not on this server. Send it: pilothouse add {path}");
                return new ReleaseComponent("dataset", name, $"git:{commit}:{path}", tracked.Digest.ToString(), tracked.Size);
            }
            var (content, blob) = await StoreAsync(project, commit, path, MaxDataFile, $"{ProjectFileName}:{data.Source.Line}: the data set '{name}'", ct);
            if (LfsOid(content) is { } oid)
                blob = await blobs.FindAsync(oid, ct)
                    ?? throw new PilothouseException(ErrorCode.NotFound, $"{ProjectFileName}:{data.Source.Line}: {path} is in Git LFS, and its content {oid} is not on this server. Push it: git lfs push --all REMOTE.");
            return new ReleaseComponent("dataset", name, $"git:{commit}:{path}", blob.Digest, blob.Size);
        }
        var version = (await datasets.GetAsync(data.Dataset!, data.Version, ct)).OfSplit(data.Split);
        return new ReleaseComponent("dataset", name, data.Reference!, version.Digest, version.Size);
    }

    // version https://git-lfs.github.com/spec/v1
    // oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393
    // size 12345
    private static string? LfsOid(byte[] content) =>
        content.Length < 1024 && Encoding.UTF8.GetString(content) is var text && text.StartsWith("version https://git-lfs.github.com/spec/v1\n", StringComparison.Ordinal)
            ? text.Split('\n').FirstOrDefault(line => line.StartsWith("oid ", StringComparison.Ordinal))?[4..]
            : null;

    private async Task<(byte[] Content, BlobInfo Blob)> StoreAsync(string project, string commit, string path, int maxBytes, string what, CancellationToken ct)
    {
        var content = await repositories.ReadFileAsync(project, commit, path, maxBytes, ct)
            ?? throw new PilothouseException(ErrorCode.NotFound, $"{what} is not in commit {commit}: there is no {path}. Commit it, then try again.");
        return (content, await blobs.PutAsync(content, ct));
    }
}
