using Pilothouse.Protocols.Artifacts;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Blobs.Api;
using Pilothouse.Server.Modules.Registry.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Registry;

internal sealed class ModelService(ModelStore store, DatasetStore datasets, IBlobStore blobs, ModelCache cache, TimeProvider time) : IModels
{
    /// <summary>Files of one version.</summary>
    private const int MaxFiles = 2_000;

    public async Task<ModelVersion> RegisterAsync(string name, NewModelVersion version, string actor, CancellationToken ct)
    {
        RegistryRules.RequireName(name, "model");
        RegistryRules.RequireTexts(version.Description, version.RunId, version.Project, version.Commit, version.BaseModel);
        var manifest = Manifest(version.Files);
        ModelFormat.RequireFiles(version.Kind, manifest.Files.Select(f => f.Path).ToHashSet());
        await RegistryRules.RequireBlobsAsync(blobs, manifest.Files.Select(f => (f.Digest.ToString(), f.Size, f.Path)), ct);
        if (await store.FindByDigestAsync(name, manifest.Digest.ToString(), ct) is { } held) return held;

        foreach (var file in manifest.Files) await ModelFormat.CheckAsync(file.Path, file.Digest.ToString(), blobs, ct);
        var parents = await ResolveDatasetsAsync(version.Datasets, ct);
        var baseModel = await ResolveBaseAsync(version.BaseModel, ct);
        return await store.RegisterAsync(new ModelVersion(name, 0, version.Kind, manifest.Digest.ToString(), manifest.TotalSize,
            [.. manifest.Files.Select(f => new ArtifactFile(f.Path, f.Digest.ToString(), f.Size))], [], version.Description, version.RunId, version.Project, version.Commit,
            parents, baseModel, actor, time.NowMs()), ct);
    }

    public async Task<ModelVersion> GetAsync(string reference, CancellationToken ct)
    {
        if (!RegistryReference.TryParse(reference, RegistryReference.Models, out var parsed))
            throw RegistryRules.Invalid($"'{RegistryRules.Shorten(reference)}' is not a model reference. Write models:/NAME/VERSION or models:/NAME@ALIAS.");
        return await store.FindAsync(parsed, ct) ?? throw await NotFoundAsync(parsed, ct);
    }

    public Task<ModelVersion?> FindByDigestAsync(string name, string digest, CancellationToken ct) => store.FindByDigestAsync(name, digest, ct);

    public Task<IReadOnlyList<ModelSummary>> ListAsync(CancellationToken ct) => store.ListAsync(ct);

    public async Task<IReadOnlyList<ModelVersion>> VersionsAsync(string name, CancellationToken ct)
    {
        RegistryRules.RequireName(name, "model");
        var versions = await store.VersionsAsync(name, ct);
        return versions.Count > 0 ? versions : throw await NotFoundAsync(new RegistryReference(RegistryReference.Models, name, null, null), ct);
    }

    public async Task SetAliasAsync(string name, string alias, int version, string actor, CancellationToken ct)
    {
        RegistryRules.RequireName(name, "model");
        RegistryRules.RequireAlias(alias);
        if (!await store.SetAliasAsync(name, alias, version, actor, time.NowMs(), ct))
            throw await NotFoundAsync(new RegistryReference(RegistryReference.Models, name, version, null), ct);
    }

    /// <exception cref="PilothouseException">NotFound.</exception>
    public async Task DeleteAliasAsync(string name, string alias, string actor, CancellationToken ct)
    {
        RegistryRules.RequireName(name, "model");
        RegistryRules.RequireAlias(alias);
        if (!await store.DeleteAliasAsync(name, alias, actor, ct))
            throw new PilothouseException(ErrorCode.NotFound, $"The model '{name}' has no alias '{alias}'.");
    }

    public Task<string> MaterializeAsync(ModelVersion version, CancellationToken ct) => cache.MaterializeAsync(version, ct);

    private static ContentManifest Manifest(IReadOnlyList<ArtifactFile>? files)
    {
        if (files is not { Count: > 0 }) throw RegistryRules.Invalid("A version has files; the list is empty.");
        if (files.Count > MaxFiles) throw new PilothouseException(ErrorCode.TooLarge, $"The version has {files.Count} files; {MaxFiles} is the limit.");
        foreach (var file in files)
        {
            if (file?.Path is null) throw RegistryRules.Invalid("A file has no path.");
            if (!ContentManifest.IsValidPath(file.Path))
                throw RegistryRules.Invalid($"'{RegistryRules.Shorten(file.Path)}' cannot be the path of a file. Use a relative path with '/', without '.' and '..'.");
            RegistryRules.RequireDigest(file.Digest, $"'{file.Path}'");
        }
        var manifest = ContentManifest.Create(files.Select(f => new ContentFile(f.Path, f.Size, Digest.Parse(f.Digest))));
        RequireNoFileAsDirectory(manifest);
        return manifest;
    }

    /// <summary><c>a</c> and <c>a/b</c> cannot both lie on a disk.</summary>
    private static void RequireNoFileAsDirectory(ContentManifest manifest)
    {
        var paths = manifest.Files.Select(f => f.Path).ToHashSet(StringComparer.Ordinal);
        foreach (var path in paths)
        {
            for (var cut = path.LastIndexOf('/'); cut > 0; cut = path.LastIndexOf('/', cut - 1))
            {
                if (paths.Contains(path[..cut]))
                    throw RegistryRules.Invalid($"'{path[..cut]}' is a file and the directory of '{path}'.");
            }
        }
    }

    private async Task<IReadOnlyList<string>> ResolveDatasetsAsync(IReadOnlyList<string>? references, CancellationToken ct)
    {
        var resolved = new List<string>();
        foreach (var text in RegistryRules.RequireList(references, "data sets"))
        {
            if (!RegistryReference.TryParse(text, RegistryReference.Datasets, out var reference) || reference.Alias is not null)
                throw RegistryRules.Invalid($"'{RegistryRules.Shorten(text)}' is not a data set reference. Write datasets:/NAME/VERSION.");
            var found = await datasets.FindAsync(reference.Name, reference.Version, ct)
                ?? throw new PilothouseException(ErrorCode.NotFound, $"The data set {reference} is not registered: lineage must lead somewhere. Register it first.");
            resolved.Add(found.Reference);
        }
        return resolved;
    }

    /// <summary>An alias moves, a version does not: lineage keeps the version. Models from elsewhere are kept as written (<c>hf:org/name@revision</c>).</summary>
    private async Task<string?> ResolveBaseAsync(string? reference, CancellationToken ct) =>
        reference?.StartsWith("models:/", StringComparison.Ordinal) == true ? (await GetAsync(reference, ct)).Reference : reference;

    private async Task<PilothouseException> NotFoundAsync(RegistryReference reference, CancellationToken ct)
    {
        var versions = await store.VersionNumbersAsync(reference.Name, ct);
        if (versions.Count > 0)
            return new PilothouseException(ErrorCode.NotFound, $"There is no {reference}. '{reference.Name}' has the versions {string.Join(", ", versions)}.");
        var names = (await store.ListAsync(ct)).Select(m => m.Name).Take(20).ToList();
        return new PilothouseException(ErrorCode.NotFound, $"There is no model '{reference.Name}'. {(names.Count == 0 ? "None is registered: pilothouse model register NAME DIR --kind KIND." : $"Registered are: {string.Join(", ", names)}.")}");
    }
}
