using Pilothouse.Datasets;
using Pilothouse.Datasets.Profiles;
using Pilothouse.Protocols;
using Pilothouse.Protocols.Artifacts;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Blobs.Api;
using Pilothouse.Server.Modules.Registry.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Registry;

internal sealed class DatasetService(DatasetStore store, IBlobStore blobs, IBlobQuota quota, IEventBus events, ServerOptions options, TimeProvider time) : IDatasets
{
    public Task<DatasetVersion> RegisterAsync(string name, NewDatasetVersion version, string actor, CancellationToken ct) => RegisterAsync(name, version, null, false, actor, ct);

    public Task<DatasetVersion> CommitAsync(string name, NewDatasetVersion version, int expectedLatest, string actor, CancellationToken ct) => RegisterAsync(name, version, expectedLatest, true, actor, ct);

    public async Task<DatasetVersion> GetAsync(string name, int? version, CancellationToken ct)
    {
        RegistryRules.RequireName(name, "data set");
        return await store.FindAsync(name, version, ct) ?? throw await NotFoundAsync(name, version, ct);
    }

    public Task<IReadOnlyList<DatasetVersion>> ListAsync(CancellationToken ct) => store.ListAsync(null, ct);

    public async Task<IReadOnlyList<DatasetVersion>> VersionsAsync(string name, CancellationToken ct)
    {
        RegistryRules.RequireName(name, "data set");
        var versions = await store.ListAsync(name, ct);
        return versions.Count > 0 ? versions : throw await NotFoundAsync(name, null, ct);
    }

    private async Task<DatasetVersion> RegisterAsync(string name, NewDatasetVersion version, int? expectedLatest, bool always, string actor, CancellationToken ct)
    {
        RegistryRules.RequireName(name, "data set");
        RegistryRules.RequireTexts(version.Description, version.Project, version.Source);
        var (files, digest) = await DatasetFiles.RequireAsync(version, always, blobs, ct);
        var parents = await ResolveParentsAsync(version.Parents, ct);
        if (!always && await store.FindByDigestAsync(name, digest, ct) is { } held)
            return held.Format == DatasetFiles.FormatOf(files) ? held : throw RegistryRules.Invalid($"{held.Reference} has this very content, as {held.Format}. The same bytes are not {version.Format} too.");

        await quota.RequireRoomAsync(version.Project, [.. files.Select(f => (f.Digest, f.Size))], ct);
        var found = await ProfileAsync(files, always, ct);
        var rows = files.Select(f => new DatasetFile(f.Path, f.Digest, f.Size, RowReader.IsDataFile(f.Path) ? found.RowsOfFile.GetValueOrDefault(f.Path) : null)).ToList();
        var registered = await store.RegisterAsync(new DatasetVersion(name, 0, digest, DatasetFiles.FormatOf(files), files.Sum(f => f.Size), found.Profile.Rows, [.. found.Profile.Columns.Select(c => c.Name)], version.Description,
            version.Project, version.Source, parents, actor, time.NowMs())
        { Files = files, Splits = DatasetFiles.Splits(rows), Derivation = version.Derivation }, rows, found.Profile, expectedLatest, always, ct);
        await events.PublishAsync(new DatasetVersionAdded(registered.Name, registered.Version), ct);
        return registered;
    }

    /// <summary>Reads every row once.</summary>
    internal async Task<DatasetProfiler.Result> ProfileAsync(IReadOnlyList<ArtifactFile> files, bool empty, CancellationToken ct)
    {
        var opened = await DatasetFiles.OpenAsync(files, blobs, ct);
        try
        {
            var found = await Task.Run(() => DatasetProfiler.Profile(opened, options.TemporaryPath, ct), ct);
            return found.Profile.Rows > 0 || empty ? found : throw RegistryRules.Invalid("The data set has no rows. Nothing was registered.");
        }
        catch (ProtocolFormatException e)
        {
            throw new PilothouseException(ErrorCode.InvalidArgument, $"The data set cannot be read: {e.Message} Nothing was registered.", e);
        }
    }

    private async Task<IReadOnlyList<string>> ResolveParentsAsync(IReadOnlyList<string>? references, CancellationToken ct)
    {
        var resolved = new List<string>();
        foreach (var text in RegistryRules.RequireList(references, "parents"))
        {
            if (!RegistryReference.TryParse(text, RegistryReference.Datasets, out var reference) || reference.Alias is not null)
                throw RegistryRules.Invalid($"'{RegistryRules.Shorten(text)}' is not a data set reference. Write datasets:/NAME/VERSION.");
            resolved.Add((await GetAsync(reference.Name, reference.Version, ct)).Reference);
        }
        return resolved;
    }

    private async Task<PilothouseException> NotFoundAsync(string name, int? version, CancellationToken ct)
    {
        var versions = await store.ListAsync(name, ct);
        return new PilothouseException(ErrorCode.NotFound, versions.Count == 0
            ? $"There is no data set '{name}'. Register it with: pilothouse dataset register {name} FILE."
            : $"There is no version {version} of the data set '{name}'; it has {string.Join(", ", versions.Take(20).Select(v => v.Version))}.");
    }
}
