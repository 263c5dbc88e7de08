using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Pilothouse.Datasets;
using Pilothouse.Protocols.ProjectFiles;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Blobs.Api;
using Pilothouse.Server.Modules.Registry.Api;
using Pilothouse.Server.Modules.Repositories.Api;
using Pilothouse.Server.Platform;
using Pilothouse.Server.Platform.Inference;
using Pilothouse.Server.Platform.Projects;

namespace Pilothouse.Server.Modules.Evaluation;

internal sealed class ProjectContent(IRepositories repositories, IProjectLocks locks, IModels models, IDatasets datasets, IPrompts prompts, IBlobStore blobs) : IProjectContent
{
    /// <summary>Largest data file, in the repository, in LFS or registered.</summary>
    private const int MaxDataBytes = 256 * 1024 * 1024;

    private const int MaxPromptBytes = 1024 * 1024;

    public async Task<ModelSubject> ModelAsync(string project, string commit, string name, ModelEntry entry, CancellationToken ct)
    {
        var (prompt, promptDigest) = await PromptAsync(project, commit, name, entry, ct);
        var parameters = new SortedDictionary<string, JsonElement>((prompt?.Parameters ?? new Dictionary<string, JsonElement>()).ToDictionary(), StringComparer.Ordinal);
        foreach (var (key, value) in entry.Parameters) parameters[key] = value;
        if (entry.Engine == ModelEngine.OpenAi)
            return new ModelSubject($"{entry.Url}#{entry.UpstreamModel ?? name}", null, entry, new InferenceTarget(entry.UpstreamModel ?? name, "openai", entry.Url) { KeyVariable = entry.ApiKeyEnv, RequestsPerMinute = entry.RequestsPerMinute, TokensPerMinute = entry.TokensPerMinute }, prompt, promptDigest, parameters);

        var version = await VersionAsync(name, entry, ct);
        var kind = entry.Kind == ModelKind.Classifier ? "classifier" : "generative";
        if (version.Kind != kind)
            throw new PilothouseException(ErrorCode.InvalidArgument, $"models.{name} says kind: {kind}, but {version.Reference} is registered as {version.Kind}. Correct one of them.");
        return new ModelSubject(version.Reference, version.RequireDigest(), entry, new InferenceTarget(version.Reference, "onnx"), prompt, promptDigest, parameters);
    }

    public async Task<DataSubject> DataAsync(string project, string commit, string name, DataEntry entry, CancellationToken ct)
    {
        if (entry.Dataset is { } dataset)
        {
            var version = (await datasets.GetAsync(dataset, entry.Version, ct)).OfSplit(entry.Split);
            return new DataSubject(entry.Reference!, version.Digest, await blobs.ReadRowsAsync(version, MaxDataBytes, ct));
        }
        var path = entry.Path ?? throw new PilothouseException(ErrorCode.InvalidArgument, $"data.{name} names neither a path nor a data set.");
        var file = await repositories.ReadFileAsync(project, commit, path, MaxDataBytes, ct) ?? await TrackedAsync(project, commit, path, ct)
            ?? throw new PilothouseException(ErrorCode.NotFound, $"data.{name}: {path} is not in commit {Short(commit)} of {project}. Add the file and commit it, or correct the path.");
        if (LfsOid(file) is { } oid) file = await LfsAsync(path, oid, ct);
        return new DataSubject(path, Sha256(file), RowReader.Read(file, path, RowReader.FormatOf(path)));
    }

    /// <summary>Data that pilothouse itself tracks is not in Git: the lock of the commit says what it is.</summary>
    private async Task<byte[]?> TrackedAsync(string project, string commit, string path, CancellationToken ct) =>
        await locks.TrackedAsync(project, commit, path, ct) is { } tracked ? await blobs.ReadAsync(tracked.Digest.ToString(), MaxDataBytes, ct) : null;

    internal static string Short(string commit) => commit.Length > 10 ? commit[..10] : commit;

    private static string Sha256(byte[] content) => "sha256:" + Convert.ToHexStringLower(SHA256.HashData(content));

    private async Task<ModelVersion> VersionAsync(string name, ModelEntry entry, CancellationToken ct)
    {
        var version = entry.Version is { } number
            ? await models.GetAsync($"models:/{entry.RegisteredName}/{number}", ct)
            : await models.FindByDigestAsync(entry.RegisteredName, entry.Digest ?? "", ct)
                ?? throw new PilothouseException(ErrorCode.NotFound, $"models.{name}: no version of '{entry.RegisteredName}' has the digest {entry.Digest}. Register it: pilothouse model register {entry.RegisteredName} DIRECTORY --kind ...");
        if (entry.Digest is { } digest && digest != version.Digest)
            throw new PilothouseException(ErrorCode.DigestMismatch, $"models.{name}: {version.Reference} has the digest {version.Digest}, but the project file says {digest}.");
        return version;
    }

    private async Task<(PromptFile? Prompt, string? Digest)> PromptAsync(string project, string commit, string name, ModelEntry entry, CancellationToken ct)
    {
        if (entry.RegisteredPrompt is { } registered)
        {
            var version = await prompts.GetAsync(registered, ct);
            version.RequireDigest(entry.PromptDigest, name);
            var (file, bytes) = version.AsFile();
            return (file, Sha256(bytes));
        }
        if (entry.Prompt is not { } path) return (null, null);
        var content = await repositories.ReadFileAsync(project, commit, path, MaxPromptBytes, ct)
            ?? throw new PilothouseException(ErrorCode.NotFound, $"models.{name}: the prompt {path} is not in commit {Short(commit)} of {project}. Add the file and commit it, or correct the path.");
        var result = PromptFileReader.Parse(Encoding.UTF8.GetString(content));
        if (result.File is null) throw new PilothouseException(ErrorCode.InvalidArgument, string.Join('\n', result.Faults.Select(f => $"{path}:{f}")));
        return (result.File, Sha256(content));
    }

    /// <summary>
    /// Git LFS pointer (https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md):
    /// <c>version https://git-lfs.github.com/spec/v1\noid sha256:4d7a...\nsize 12345\n</c>
    /// </summary>
    private static string? LfsOid(byte[] content)
    {
        if (content.Length > 1024 || !content.AsSpan().StartsWith("version https://git-lfs.github.com/spec/"u8)) return null;
        return Encoding.UTF8.GetString(content).Split('\n').FirstOrDefault(l => l.StartsWith("oid sha256:", StringComparison.Ordinal))?["oid ".Length..];
    }

    private async Task<byte[]> LfsAsync(string path, string oid, CancellationToken ct)
    {
        if (await blobs.FindAsync(oid, ct) is null)
            throw new PilothouseException(ErrorCode.NotFound, $"{path} is a Git LFS file whose content {oid} was never pushed. Run: git lfs push --all origin.");
        return await blobs.ReadAsync(oid, MaxDataBytes, ct);
    }
}
