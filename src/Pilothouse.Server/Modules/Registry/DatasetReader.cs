using System.Buffers;
using System.Text.Json;
using Pilothouse.Datasets;
using Pilothouse.Datasets.Compare;
using Pilothouse.Protocols;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Blobs.Api;
using Pilothouse.Server.Modules.Registry.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Registry;

/// <summary>Looks into registered data sets: profile, pages of rows, leaks between splits.</summary>
internal sealed class DatasetReader(DatasetService service, DatasetStore store, IBlobStore blobs, DatasetDiffs diffs, ServerOptions options) : IDatasetContent
{
    /// <summary>Rows of one page.</summary>
    public const int MaxPage = 100;

    /// <summary>Examples of leaks.</summary>
    private const int MaxExamples = 100;

    public async Task<DatasetProfile> ProfileAsync(DatasetVersion version, CancellationToken ct)
    {
        if (await store.ProfileAsync(version.Name, version.Version, ct) is { } kept) return kept;
        // Registered before profiles were kept.
        var (profile, _) = await service.ProfileAsync(version.Files, true, ct);
        await store.SetProfileAsync(version.Name, version.Version, profile, ct);
        return profile;
    }

    public async Task<DatasetRows> RowsAsync(DatasetVersion version, string? split, long offset, int limit, CancellationToken ct)
    {
        if (offset < 0 || limit is < 1 or > MaxPage) throw RegistryRules.Invalid($"A page begins at 0 or later and has 1 to {MaxPage} rows.");
        RequireSplit(version, split);
        var counts = (await store.FilesAsync(version.Name, version.Version, ct)).ToDictionary(f => f.Path, f => f.Rows ?? 0, StringComparer.Ordinal);
        var files = await DatasetFiles.OpenAsync(version.Files.Where(f => split is null || DataFiles.SplitOf(f.Path) == split), blobs, ct);
        return await Task.Run(() =>
        {
            var (rows, skip) = (new List<DatasetRow>(), offset);
            foreach (var file in files)
            {
                if (skip >= counts.GetValueOrDefault(file.Path))
                {
                    skip -= counts.GetValueOrDefault(file.Path);
                    continue;
                }
                using var content = file.Open();
                foreach (var row in RowReader.Stream(content, file.Path, file.Format, ct, skip))
                {
                    if (rows.Count == limit) return new DatasetRows(offset, version.Columns, rows, true);
                    rows.Add(ToWire(row, file));
                }
                skip = 0;
            }
            return new DatasetRows(offset, version.Columns, rows, false);
        }, ct);
    }

    public Task<DatasetDiffPage> DiffAsync(DatasetVersion from, DatasetVersion to, string? key, string kind, long offset, int limit, CancellationToken ct)
    {
        if (offset < 0 || limit is < 1 or > MaxPage) throw RegistryRules.Invalid($"A page begins at 0 or later and has 1 to {MaxPage} rows.");
        return diffs.PageAsync(from, to, key, kind, offset, limit, ProfileAsync, ct);
    }

    public async Task<DatasetLeaks> LeaksAsync(DatasetVersion version, IReadOnlyList<string> fields, CancellationToken ct)
    {
        if (version.Splits.Count < 2) throw RegistryRules.Invalid($"{version.Reference} has {(version.Splits.Count == 0 ? "no splits" : "one split")}: nothing can leak. Make splits: pilothouse dataset split {version.Name}/{version.Version}.");
        if (fields.Count > RowReader.MaxFields) throw RegistryRules.Invalid("There are too many fields.");
        var files = await DatasetFiles.OpenAsync(version.Files, blobs, ct);
        try
        {
            return await Task.Run(() =>
            {
                var (leaks, pairs) = LeakFinder.Find(files, fields, MaxExamples, options.TemporaryPath, ct);
                var rows = Pick(files, pairs.SelectMany(p => (long[])[p.First, p.Second]), ct);
                return new DatasetLeaks(version.Reference, fields, leaks, [.. pairs.Select(p => new LeakExample(rows[p.First], rows[p.Second]))]);
            }, ct);
        }
        catch (ProtocolFormatException e)
        {
            throw RegistryRules.Invalid(e.Message);
        }
    }

    /// <summary>Rows by their places, read in one pass that ends at the last.</summary>
    internal static Dictionary<long, DatasetRow> Pick(IReadOnlyList<DataFile> files, IEnumerable<long> places, CancellationToken ct)
    {
        var wanted = places.Where(p => p >= 0).ToHashSet();
        var rows = new Dictionary<long, DatasetRow>();
        if (wanted.Count == 0) return rows;
        var last = wanted.Max();
        foreach (var (row, file, ordinal) in DataFiles.Rows(files, ct))
        {
            if (wanted.Contains(ordinal)) rows[ordinal] = ToWire(row, file);
            if (ordinal == last) break;
        }
        return rows;
    }

    internal static void RequireSplit(DatasetVersion version, string? split)
    {
        if (split is not null && version.Splits.All(s => s.Name != split))
            throw new PilothouseException(ErrorCode.NotFound, $"{version.Reference} has no split '{RegistryRules.Shorten(split)}'; {(version.Splits.Count == 0 ? "it has none" : $"it has {string.Join(", ", version.Splits.Select(s => s.Name))}")}.");
    }

    private static DatasetRow ToWire(DataRow row, DataFile file)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer)) RowClipper.Write(json, row);
        var reader = new Utf8JsonReader(buffer.WrittenSpan);
        return new DatasetRow(file.Path, file.Split, row.Line, JsonElement.ParseValue(ref reader));
    }
}
