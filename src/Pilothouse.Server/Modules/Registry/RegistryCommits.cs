using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Blobs.Api;
using Pilothouse.Server.Modules.Registry.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Registry;

internal sealed class RegistryCommits(RegistryStore store, DatasetService datasets, IBlobStore blobs, IBlobQuota quota, RegistryAnnouncer announcer, TimeProvider time) : IRegistryCommits
{
    public async Task<ModelVersion> CommitModelAsync(string name, IReadOnlyList<ArtifactFile> files, string? description, IReadOnlyList<string> trainedOn, string? baseModel, string? project, int expectedLatest, string actor, CancellationToken ct)
    {
        RegistryRules.RequireName(name, "model");
        RegistryRules.RequireTexts(description, baseModel);
        var manifest = ModelService.Manifest(files);
        await RegistryRules.RequireBlobsAsync(blobs, manifest.Files.Select(f => (f.Digest.ToString(), f.Size, f.Path)), ct);
        await quota.RequireRoomAsync(project, [.. manifest.Files.Select(f => (f.Digest.ToString(), f.Size))], ct);
        var kind = await ModelFormat.DetectAsync(files, blobs, ct);
        var (row, newObject, newVersion) = await store.CommitAsync(new VersionRow
        {
            Type = ObjectType.Model,
            Name = name,
            Kind = kind,
            Digest = manifest.Digest.ToString(),
            Size = manifest.TotalSize,
            Files = WireJson.Write(manifest.Files.Select(f => new ArtifactFile(f.Path, f.Digest.ToString(), f.Size))),
            Description = description,
            Project = project,
            Datasets = WireJson.Write(trainedOn),
            BaseModel = baseModel,
            CreatedBy = actor,
            CreatedMs = time.NowMs(),
        }, expectedLatest, ct);
        if (newVersion) await announcer.RegisteredAsync(row, newObject, ct);
        return row.ToModel();
    }

    public Task<DatasetVersion> CommitDatasetAsync(string name, IReadOnlyList<ArtifactFile> files, string? description, string? project, int expectedLatest, string actor, CancellationToken ct) =>
        datasets.CommitAsync(name, new NewDatasetVersion(Description: description, Project: project) { Files = files }, expectedLatest, actor, ct);
}
