using Pilothouse.Server.Modules.Registry.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Registry;

/// <summary>
/// Deletion of versions by our own API: refused while an alias, a stage, a release or a deployment stands on one. The record stays, with who deleted it and why; the
/// number is not given again; the files are free for <c>pilothouse blobs gc</c>.
/// </summary>
internal sealed class VersionDeletion(RegistryStore store, DatasetStore datasets, ILineage lineage, TimeProvider time) : IVersionDeletion
{
    public async Task DeleteAsync(string type, string name, int version, string? reason, string actor, CancellationToken ct)
    {
        if (string.IsNullOrWhiteSpace(reason)) throw RegistryRules.Invalid("Say why it is deleted (reason=...): a deletion is not taken back, and the audit log keeps who did it and why.");
        RegistryRules.RequireTexts(reason);
        var isDataset = type == LineageKind.Dataset;
        if (!isDataset) name = await store.CurrentNameAsync(type, name, ct) ?? name;
        var node = LineageNode.Version(type, name, version);
        var exists = isDataset ? await datasets.FindAsync(name, version, ct) is not null : await store.FindVersionAsync(type, name, version, ct) is not null;
        if (!exists) throw Missing(type, name, version);
        await lineage.RequireFreeAsync([node], $"Version {version} of the {(isDataset ? "data set" : type)} '{name}'", ct);
        if (!(isDataset ? await datasets.DeleteAsync(name, version, actor, reason, time.NowMs(), ct)
            : await store.DeleteVersionAsync(type, name, version, new MoveCause(actor, reason, MoveCause.Delete), unpointed: true, time.NowMs(), ct))) throw Missing(type, name, version);
    }

    private static PilothouseException Missing(string type, string name, int version) =>
        new(ErrorCode.NotFound, $"There is no version {version} of the {(type == LineageKind.Dataset ? "data set" : type)} '{RegistryRules.Shorten(name)}', or it was deleted already.");
}
