using Pilothouse.Protocols;
using Pilothouse.Protocols.Artifacts;
using Pilothouse.Protocols.Datasets;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Blobs.Api;
using Pilothouse.Server.Modules.Registry.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Registry;

internal sealed class DatasetService(DatasetStore store, IBlobStore blobs, TimeProvider time) : IDatasets
{
    public async Task<DatasetVersion> RegisterAsync(string name, NewDatasetVersion version, string actor, CancellationToken ct)
    {
        RegistryRules.RequireName(name, "data set");
        RegistryRules.RequireTexts(version.Description, version.Project, version.Source);
        if (version.Format is not (DatasetScan.JsonLines or DatasetScan.Csv))
            throw new PilothouseException(ErrorCode.Unsupported, $"'{RegistryRules.Shorten(version.Format)}' is not a format of data sets. Accepted are {DatasetScan.JsonLines} and {DatasetScan.Csv}, in UTF-8.");
        RegistryRules.RequireDigest(version.Digest, "The data set");
        var parents = await ResolveParentsAsync(version.Parents, ct);
        if (await store.FindByDigestAsync(name, version.Digest, ct) is { } held) return held;

        var (scan, size) = await ScanAsync(version, ct);
        return await store.RegisterAsync(new DatasetVersion(name, 0, version.Digest, version.Format, size, scan.Rows, scan.Columns, version.Description, version.Project, version.Source,
            parents, actor, time.NowMs()), ct);
    }

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

    private async Task<(DatasetScan Scan, long Size)> ScanAsync(NewDatasetVersion version, CancellationToken ct)
    {
        await using var content = await blobs.OpenReadAsync(version.Digest, ct);
        try
        {
            var scan = await DatasetScan.ReadAsync(content, version.Format, ct);
            return scan.Rows > 0 ? (scan, content.Length) : throw RegistryRules.Invalid("The data set has no rows. Nothing was registered.");
        }
        catch (ProtocolFormatException e)
        {
            throw new PilothouseException(ErrorCode.InvalidArgument, $"The data set is not valid {version.Format}: {e.Message} Nothing was registered.", e);
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
