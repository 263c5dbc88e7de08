using Pilothouse.Protocols.Artifacts;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Blobs.Api;
using Pilothouse.Server.Modules.Registry.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Registry;

internal sealed class ModelService(RegistryStore store, DatasetStore datasets, IBlobStore blobs, IBlobQuota quota, ModelCache cache, RegistryAnnouncer announcer, TimeProvider time) : IModels
{
    /// <summary>Files of one version.</summary>
    internal const int MaxFiles = 2_000;

    public async Task<ModelVersion> RegisterAsync(string name, NewModelVersion version, string actor, CancellationToken ct)
    {
        RegistryRules.RequireName(name, "model");
        RegistryRules.RequireTexts(version.Description, version.RunId, version.Project, version.Commit, version.BaseModel);
        BaseRelation.Require(version.BaseRelation, version.BaseModel);
        var manifest = Manifest(version.Files);
        ModelFormat.RequireFiles(version.Kind, manifest.Files.Select(f => f.Path).ToHashSet());
        await RegistryRules.RequireBlobsAsync(blobs, manifest.Files.Select(f => (f.Digest.ToString(), f.Size, f.Path)), ct);
        if (await store.FindByDigestAsync(ObjectType.Model, name, manifest.Digest.ToString(), ct) is { } held) return held.ToModel();

        await quota.RequireRoomAsync(version.Project, [.. manifest.Files.Select(f => (f.Digest.ToString(), f.Size))], ct);
        foreach (var file in manifest.Files) await ModelFormat.CheckAsync(file.Path, file.Digest.ToString(), blobs, ct);
        var parents = await ResolveDatasetsAsync(version.Datasets, ct);
        var baseModel = await ResolveBaseAsync(version.BaseModel, ct);
        var (row, newObject, newVersion) = await store.RegisterAsync(new VersionRow
        {
            Type = ObjectType.Model,
            Name = name,
            Kind = version.Kind,
            Digest = manifest.Digest.ToString(),
            Size = manifest.TotalSize,
            Files = WireJson.Write(manifest.Files.Select(f => new ArtifactFile(f.Path, f.Digest.ToString(), f.Size))),
            Description = version.Description,
            RunId = version.RunId,
            Project = version.Project,
            CommitId = version.Commit,
            Datasets = WireJson.Write(parents),
            BaseModel = baseModel,
            BaseRelation = baseModel is null ? null : BaseRelation.Of(version.BaseRelation, [.. manifest.Files.Select(f => f.Path)]),
            CreatedBy = actor,
            CreatedMs = time.NowMs(),
        }, version.Kind, ct);
        if (newVersion) await announcer.RegisteredAsync(row, newObject, ct);
        return row.ToModel();
    }

    public async Task<ModelVersion> GetAsync(string reference, CancellationToken ct)
    {
        if (!RegistryReference.TryParse(reference, RegistryReference.Models, out var parsed))
            throw RegistryRules.Invalid($"'{RegistryRules.Shorten(reference)}' is not a model reference. Write models:/NAME/VERSION or models:/NAME@ALIAS.");
        return (await FindAsync(parsed, ct) ?? throw await NotFoundAsync(parsed, ct)).ToModel();
    }

    public async Task<ModelVersion?> FindByDigestAsync(string name, string digest, CancellationToken ct) => (await store.FindByDigestAsync(ObjectType.Model, name, digest, ct))?.ToModel();

    public async Task<IReadOnlyList<ModelSummary>> ListAsync(CancellationToken ct) => [.. (await store.ListAsync(ObjectType.Model, ct)).Select(o => o.ToSummary())];

    public async Task<ModelSummary?> FindAsync(string name, CancellationToken ct) => (await store.FindAsync(ObjectType.Model, name, ct))?.ToSummary();

    public async Task<IReadOnlyList<ModelVersion>> VersionsAsync(string name, CancellationToken ct)
    {
        var versions = await store.VersionsAsync(ObjectType.Model, name, ct);
        return versions.Count > 0 || await store.FindAsync(ObjectType.Model, name, ct) is not null ? versions.ConvertAll(v => v.ToModel()) : throw await NotFoundAsync(new RegistryReference(RegistryReference.Models, name, null, null), ct);
    }

    public Task SetAliasAsync(string name, string alias, int version, string actor, CancellationToken ct) => SetAliasAsync(name, alias, version, actor, null, ct);

    /// <param name="reason">Why; stands in the history and the audit log. Null = not said.</param>
    public async Task SetAliasAsync(string name, string alias, int version, string actor, string? reason, CancellationToken ct)
    {
        RegistryRules.RequireAlias(alias);
        RegistryRules.RequireTexts(reason);
        if (!await store.SetAliasAsync(ObjectType.Model, name, alias, version, new MoveCause(actor, reason, MoveCause.Set), time.NowMs(), ct))
            throw await NotFoundAsync(new RegistryReference(RegistryReference.Models, name, version, null), ct);
        await announcer.AliasAsync(ObjectType.Model, name, alias, version, ct);
    }

    /// <exception cref="PilothouseException">NotFound.</exception>
    public async Task DeleteAliasAsync(string name, string alias, string actor, string? reason, CancellationToken ct)
    {
        RegistryRules.RequireAlias(alias);
        if (!await store.DeleteAliasAsync(ObjectType.Model, name, alias, new MoveCause(actor, reason, MoveCause.Delete), time.NowMs(), ct))
            throw new PilothouseException(ErrorCode.NotFound, $"The model '{RegistryRules.Shorten(name)}' has no alias '{alias}'.");
        await announcer.AliasAsync(ObjectType.Model, name, alias, null, ct);
    }

    public Task<string> MaterializeAsync(ModelVersion version, CancellationToken ct) => cache.MaterializeAsync(version, ct);

    /// <summary>By the name it has, or had before a rename.</summary>
    private async Task<VersionRow?> FindAsync(RegistryReference reference, CancellationToken ct)
    {
        if (await store.CurrentNameAsync(ObjectType.Model, reference.Name, ct) is not { } name) return null;
        var version = reference.Alias is { } alias ? await store.AliasAsync(ObjectType.Model, name, alias, ct) : reference.Version;
        return reference.Alias is not null && version is null ? null : await store.FindVersionAsync(ObjectType.Model, name, version, ct);
    }

    internal static ContentManifest Manifest(IReadOnlyList<ArtifactFile>? files)
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
        var versions = await store.NumbersAsync(ObjectType.Model, reference.Name, ct);
        if (versions.Count > 0)
            return new PilothouseException(ErrorCode.NotFound, $"There is no {reference}. '{reference.Name}' has the versions {string.Join(", ", versions)}.");
        var names = (await store.ListAsync(ObjectType.Model, ct)).Select(m => m.Name).Take(20).ToList();
        return new PilothouseException(ErrorCode.NotFound, $"There is no model '{RegistryRules.Shorten(reference.Name)}'. {(names.Count == 0 ? "None is registered: pilothouse model register NAME DIR --kind KIND." : $"Registered are: {string.Join(", ", names)}.")}");
    }
}
