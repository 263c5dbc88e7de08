using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Blobs.Api;
using Pilothouse.Server.Modules.Registry.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Registry;

internal sealed class RegistryCommits(RegistryStore store, DatasetService datasets, IBlobStore blobs, RegistryAnnouncer announcer, TimeProvider time) : IRegistryCommits
{
    public async Task<ModelVersion> CommitModelAsync(string name, IReadOnlyList<ArtifactFile> files, string? description, IReadOnlyList<string> trainedOn, string? baseModel, int expectedLatest, string actor, CancellationToken ct)
    {
        RegistryRules.RequireName(name, "model");
        RegistryRules.RequireTexts(description, baseModel);
        var manifest = ModelService.Manifest(files);
        await RegistryRules.RequireBlobsAsync(blobs, manifest.Files.Select(f => (f.Digest.ToString(), f.Size, f.Path)), ct);
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
            Datasets = WireJson.Write(trainedOn),
            BaseModel = baseModel,
            CreatedBy = actor,
            CreatedMs = time.NowMs(),
        }, expectedLatest, ct);
        if (newVersion) await announcer.RegisteredAsync(row, newObject, ct);
        return row.ToModel();
    }

    public Task<DatasetVersion> CommitDatasetAsync(string name, IReadOnlyList<ArtifactFile> files, string? description, int expectedLatest, string actor, CancellationToken ct) =>
        datasets.CommitAsync(name, new NewDatasetVersion(Description: description) { Files = files }, expectedLatest, actor, ct);
}
