using Pilothouse.Datasets;
using Pilothouse.Protocols.Artifacts;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Blobs.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Registry.Api;

/// <summary>What is in registered data sets.</summary>
public interface IDatasetContent
{
    Task<DatasetProfile> ProfileAsync(DatasetVersion version, CancellationToken ct);

    /// <param name="split">Null = all files.</param>
    /// <param name="limit">1 to 100.</param>
    Task<DatasetRows> RowsAsync(DatasetVersion version, string? split, long offset, int limit, CancellationToken ct);

    /// <param name="key">Field that names a row in both; null = whole rows.</param>
    /// <param name="kind">added, removed or changed.</param>
    Task<DatasetDiffPage> DiffAsync(DatasetVersion from, DatasetVersion to, string? key, string kind, long offset, int limit, CancellationToken ct);

    /// <summary>Rows that stand in two splits.</summary>
    /// <param name="fields">Fields that make rows the same; empty = all.</param>
    Task<DatasetLeaks> LeaksAsync(DatasetVersion version, IReadOnlyList<string> fields, CancellationToken ct);
}

public static class DatasetVersionExtensions
{
    /// <summary>The version with the files of one split only, and the digest of those.</summary>
    /// <param name="split">Null = the version as it is.</param>
    /// <exception cref="PilothouseException">NotFound, with the splits that it has.</exception>
    public static DatasetVersion OfSplit(this DatasetVersion version, string? split)
    {
        DatasetReader.RequireSplit(version, split);
        if (split is null) return version;
        var files = version.Files.Where(f => DataFiles.SplitOf(f.Path) == split).ToList();
        var found = version.Splits.First(s => s.Name == split);
        var digest = files is [var only] ? only.Digest : ContentManifest.Create(files.Select(f => new ContentFile(f.Path, f.Size, Digest.Parse(f.Digest)))).Digest.ToString();
        return version with { Digest = digest, Size = found.Size, Rows = found.Rows, Files = files, Splits = [found] };
    }

    /// <summary>All rows of a version, file by file; for data sets that are worked on in memory.</summary>
    /// <exception cref="PilothouseException">TooLarge, or a row that cannot be read.</exception>
    public static async Task<IReadOnlyList<DataRow>> ReadRowsAsync(this IBlobStore blobs, DatasetVersion version, long maxBytes, CancellationToken ct)
    {
        if (version.Size > maxBytes) throw new PilothouseException(ErrorCode.TooLarge, $"{version.Reference} has {version.Size} bytes; {maxBytes} is the limit here. Draw a sample: pilothouse dataset sample {version.Name}/{version.Version}.");
        var rows = new List<DataRow>();
        foreach (var file in version.Files.Where(f => RowReader.IsDataFile(f.Path)))
        {
            await using var content = await blobs.OpenReadAsync(file.Digest, ct);
            rows.AddRange(RowReader.Read(content, version.Files.Count == 1 ? version.Reference : $"{version.Reference} {file.Path}", RowReader.FormatOf(file.Path)));
            if (rows.Count > RowReader.MaxRows) throw new PilothouseException(ErrorCode.TooLarge, $"{version.Reference} has more than {RowReader.MaxRows} rows, the limit here. Draw a sample: pilothouse dataset sample {version.Name}/{version.Version}.");
        }
        return rows;
    }
}
