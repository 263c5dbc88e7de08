using Pilothouse.Datasets;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Blobs.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Registry;

/// <summary>A file of a version as it is stored.</summary>
/// <param name="Rows">Null = it is not one of rows.</param>
internal sealed record DatasetFile(string Path, string Digest, long Size, long? Rows);

/// <summary>Which files a version has, and how to read them.</summary>
internal static class DatasetFiles
{
    public const string Mixed = "mixed";

    /// <summary>Format of a version: of all its files of rows, or <see cref="Mixed"/>.</summary>
    public static string FormatOf(IEnumerable<ArtifactFile> files) =>
        files.Where(f => RowReader.IsDataFile(f.Path)).Select(f => RowReader.NameOf(RowReader.FormatOf(f.Path))).Distinct().Take(2).ToArray() is [var only] ? only : Mixed;

    /// <summary>The files of a draft, checked: paths, sizes, blobs.</summary>
    /// <param name="empty">There may be no rows yet.</param>
    /// <returns>The files in canonical order, and the digest of the version.</returns>
    public static async Task<(IReadOnlyList<ArtifactFile> Files, string Digest)> RequireAsync(NewDatasetVersion version, bool empty, IBlobStore blobs, CancellationToken ct)
    {
        if (version.Files is not { Count: > 0 }) return await RequireOneAsync(version, blobs, ct);
        var manifest = ModelService.Manifest(version.Files);
        if (!empty && !manifest.Files.Any(f => RowReader.IsDataFile(f.Path))) throw RegistryRules.Invalid("None of the files holds rows. Their names end in .jsonl, .ndjson, .csv or .parquet.");
        if (manifest.Files.Select(f => DataFiles.SplitOf(f.Path)).Distinct().Count() > DataFiles.MaxSplits) throw new PilothouseException(ErrorCode.TooLarge, $"The files name more than {DataFiles.MaxSplits} splits.");
        await RegistryRules.RequireBlobsAsync(blobs, manifest.Files.Select(f => (f.Digest.ToString(), f.Size, f.Path)), ct);
        // The list is a blob itself: who has the digest of the version can fetch what it is made of.
        await blobs.PutAsync(new MemoryStream(System.Text.Encoding.UTF8.GetBytes(manifest.Text), writable: false), manifest.Digest.ToString(), ct);
        return ([.. manifest.Files.Select(f => new ArtifactFile(f.Path, f.Digest.ToString(), f.Size))], manifest.Digest.ToString());
    }

    /// <summary>Files of rows, ready to be read from local disk.</summary>
    public static async Task<IReadOnlyList<DataFile>> OpenAsync(IEnumerable<ArtifactFile> files, IBlobStore blobs, CancellationToken ct)
    {
        var opened = new List<DataFile>();
        foreach (var file in files.Where(f => RowReader.IsDataFile(f.Path)))
        {
            var path = await blobs.LocalPathAsync(file.Digest, ct);
            opened.Add(new DataFile(file.Path, RowReader.FormatOf(file.Path), () => new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, 1 << 16)));
        }
        return opened;
    }

    /// <summary>Rows and sizes by split, train first.</summary>
    public static IReadOnlyList<DatasetSplit> Splits(IEnumerable<DatasetFile> files) =>
        [.. files.Where(f => f.Rows is not null && DataFiles.SplitOf(f.Path) is not null).GroupBy(f => DataFiles.SplitOf(f.Path)!).InOrder(g => g.Key)
            .Select(g => new DatasetSplit(g.Key, g.Sum(f => f.Rows!.Value), g.Sum(f => f.Size), g.Count()))];

    private static async Task<(IReadOnlyList<ArtifactFile>, string)> RequireOneAsync(NewDatasetVersion version, IBlobStore blobs, CancellationToken ct)
    {
        if (!RowReader.TryParse(version.Format, out var format))
            throw new PilothouseException(ErrorCode.Unsupported, $"'{RegistryRules.Shorten(version.Format)}' is not a format of data sets. Accepted are jsonl and csv, in UTF-8, and parquet.");
        var digest = RegistryRules.RequireDigest(version.Digest, "The data set");
        var held = await blobs.FindAsync(digest.ToString(), ct) ?? throw new PilothouseException(ErrorCode.NotFound, $"The blob {digest} is not on this server. Upload it (PUT /api/v1/blobs/DIGEST), then register again. Nothing was registered.");
        return ([new ArtifactFile("data." + RowReader.NameOf(format), held.Digest, held.Size)], held.Digest);
    }
}
