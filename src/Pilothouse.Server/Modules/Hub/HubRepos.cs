using System.Globalization;
using Pilothouse.Protocols.Hub;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Registry.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Hub;

/// <summary>One revision of a repository: a version of the registry.</summary>
/// <param name="Version">0 = the repository has no file yet.</param>
/// <param name="Sha">40 hex digits, the first of the content digest's.</param>
internal sealed record HubRevision(string Type, string Id, int Version, string Sha, IReadOnlyList<ArtifactFile> Files, string? Description, string CreatedBy, long CreatedMs, string Digest)
{
    public ModelVersion? Model { get; init; }

    public DatasetVersion? Dataset { get; init; }

    /// <summary>The project that it belongs to, whose quota its files count for; null = none.</summary>
    public string? Project => Model?.Project ?? Dataset?.Project;

    /// <summary>When its first version was registered.</summary>
    public long BornMs { get; init; }
}

/// <summary>The registry as repositories: finds revisions by branch, number, alias and id.</summary>
internal sealed class HubRepos(IModels models, IDatasets datasets, HubStore store)
{
    public const string Main = "main";

    /// <summary>Git's id of an empty tree: the revision of a repository without files.</summary>
    public const string EmptySha = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";

    private const int ShaLength = 40;

    /// <summary>All revisions, newest first; empty when the repository was made and has no file yet.</summary>
    /// <exception cref="PilothouseException">NotFound (RepoNotFound).</exception>
    public async Task<IReadOnlyList<HubRevision>> HistoryAsync(string type, string id, CancellationToken ct)
    {
        if (!HubAddress.IsValidId(id)) throw Missing(type, id);
        var name = HubNames.ToRegistry(id);
        var found = type == HubAddress.Model ? await ModelsAsync(id, name, ct) : [.. (await datasets.ListAsync(ct)).Where(d => d.Name == name).Select(d => Of(id, d))];
        if (found.Count > 0) return [.. found.Select(f => f with { BornMs = found[^1].CreatedMs })];
        return await store.CreatedMsAsync(type, id, ct) is not null ? [] : throw Missing(type, id);
    }

    /// <param name="revision">Null, <c>main</c>, <c>HEAD</c>, a number, <c>v3</c>, an alias, or an id.</param>
    /// <exception cref="PilothouseException">NotFound (RepoNotFound, RevisionNotFound).</exception>
    public async Task<HubRevision> FindAsync(string type, string id, string? revision, CancellationToken ct)
    {
        var history = await HistoryAsync(type, id, ct);
        if (revision is null or Main or "HEAD" or "refs/heads/main")
            return history.Count > 0 ? history[0] : new HubRevision(type, id, 0, EmptySha, [], null, "", await store.CreatedMsAsync(type, id, ct) ?? 0, "");
        var name = revision.StartsWith("refs/tags/", StringComparison.Ordinal) ? revision["refs/tags/".Length..] : revision;
        var wanted = name.Length == ShaLength ? history.FirstOrDefault(r => r.Sha == name) : null;
        wanted ??= int.TryParse(name.AsSpan(name.StartsWith('v') ? 1 : 0), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? history.FirstOrDefault(r => r.Version == number) : null;
        wanted ??= history.FirstOrDefault(r => r.Model?.Aliases.Contains(name) == true);
        return wanted ?? throw HubFaults.NotFound(HubFaults.Revision, $"The {type} '{id}' has no revision '{(revision.Length > 100 ? revision[..100] : revision)}'. Write main, a version's number, {(type == HubAddress.Model ? "an alias, " : "")}or the 40 digits of a commit.");
    }

    /// <summary>Repositories with their newest revision, the last changed first.</summary>
    public async Task<IReadOnlyList<HubRevision>> ListAsync(string type, CancellationToken ct)
    {
        if (type == HubAddress.Dataset)
            return [.. (await datasets.ListAsync(ct)).GroupBy(d => d.Name).Select(g => (Id: HubNames.ToId(g.Key), Newest: g.First(), First: g.Last())).Where(g => g.Id is not null)
                .Select(g => Of(g.Id!, g.Newest) with { BornMs = g.First.CreatedMs }).OrderByDescending(r => r.CreatedMs)];
        var listed = new List<HubRevision>();
        foreach (var model in await models.ListAsync(ct))
        {
            if (HubNames.ToId(model.Name) is not { } id || model.LatestVersion == 0) continue;
            if (await ModelsAsync(id, model.Name, ct) is { Count: > 0 } versions) listed.Add(versions[0] with { BornMs = versions[^1].CreatedMs });
        }
        return [.. listed.OrderByDescending(r => r.CreatedMs)];
    }

    public static string ShaOf(string digest) => digest["sha256:".Length..][..ShaLength];

    internal static HubRevision Of(string id, DatasetVersion version) =>
        new(HubAddress.Dataset, id, version.Version, ShaOf(version.Digest), version.Files, version.Description, version.CreatedBy, version.CreatedMs, version.Digest) { Dataset = version };

    /// <summary>What has its files here; a version that MLflow's client registered from elsewhere cannot be served.</summary>
    private async Task<IReadOnlyList<HubRevision>> ModelsAsync(string id, string name, CancellationToken ct)
    {
        if (await models.FindAsync(name, ct) is null) return [];
        return [.. (await models.VersionsAsync(name, ct)).Where(v => v.Digest is not null).Select(v => Of(id, v))];
    }

    internal static HubRevision Of(string id, ModelVersion version) =>
        new(HubAddress.Model, id, version.Version, ShaOf(version.RequireDigest()), version.Files, version.Description, version.CreatedBy, version.CreatedMs, version.RequireDigest()) { Model = version };

    private static PilothouseException Missing(string type, string id) => HubFaults.NotFound(HubFaults.Repository, $"There is no {type} '{(id.Length > HubAddress.MaxId ? id[..HubAddress.MaxId] : id)}' here. Register it, or push a folder: hf upload {id} FOLDER.");
}
