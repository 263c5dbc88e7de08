using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Pilothouse.Datasets.Compare;
using Pilothouse.Protocols;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Blobs.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Registry;

/// <summary>
/// Differences between two versions, computed once and kept under <c>cache/diffs</c> (versions never change, so neither does what differs). The directory may be deleted at any time.
/// </summary>
internal sealed class DatasetDiffs(IBlobStore blobs, ServerOptions options, Ids ids) : IDisposable
{
    public const string Added = "added", Removed = "removed", Changed = "changed";

    /// <summary>Rows of each kind that can be looked at; the counts are of all.</summary>
    public const int Kept = 1_000;

    /// <summary>Comparisons that are kept.</summary>
    private const int MaxFiles = 200;

    /// <summary>Comparisons at one time: each reads two data sets whole.</summary>
    private readonly SemaphoreSlim _slots = new(2);

    private sealed record Stored(DatasetDiff Diff, IReadOnlyList<DatasetDiffRow> AddedRows, IReadOnlyList<DatasetDiffRow> RemovedRows, IReadOnlyList<DatasetDiffRow> ChangedRows);

    public async Task<DatasetDiffPage> PageAsync(DatasetVersion from, DatasetVersion to, string? key, string kind, long offset, int limit, Func<DatasetVersion, CancellationToken, Task<DatasetProfile>> profile, CancellationToken ct)
    {
        if (kind is not (Added or Removed or Changed)) throw RegistryRules.Invalid($"'{RegistryRules.Shorten(kind)}' is not a kind of difference. Use {Added}, {Removed} or {Changed}.");
        var stored = await StoredAsync(from, to, key, profile, ct);
        var (rows, total) = kind switch { Added => (stored.AddedRows, stored.Diff.Added), Removed => (stored.RemovedRows, stored.Diff.Removed), _ => (stored.ChangedRows, stored.Diff.Changed) };
        var page = rows.Skip((int)Math.Min(offset, int.MaxValue)).Take(limit).ToList();
        return new DatasetDiffPage(stored.Diff, kind, offset, total, page, offset + page.Count < rows.Count);
    }

    public void Dispose() => _slots.Dispose();

    private async Task<Stored> StoredAsync(DatasetVersion from, DatasetVersion to, string? key, Func<DatasetVersion, CancellationToken, Task<DatasetProfile>> profile, CancellationToken ct)
    {
        var id = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"1\n{from.Reference}\n{from.Digest}\n{to.Reference}\n{to.Digest}\n{key}")));
        var path = Path.Combine(options.Data, "cache", "diffs", id + ".json");
        if (File.Exists(path)) return WireJson.Read<Stored>(await File.ReadAllTextAsync(path, ct));
        await _slots.WaitAsync(ct);
        try
        {
            if (File.Exists(path)) return WireJson.Read<Stored>(await File.ReadAllTextAsync(path, ct));
            var stored = await CompareAsync(from, to, key, ct);
            stored = stored with { Diff = stored.Diff with { Columns = ColumnChanges(await profile(from, ct), await profile(to, ct)) } };
            await KeepAsync(path, stored, ct);
            return stored;
        }
        catch (ProtocolFormatException e)
        {
            throw RegistryRules.Invalid(e.Message);
        }
        finally
        {
            _slots.Release();
        }
    }

    private async Task<Stored> CompareAsync(DatasetVersion from, DatasetVersion to, string? key, CancellationToken ct)
    {
        var (first, second) = (await DatasetFiles.OpenAsync(from.Files, blobs, ct), await DatasetFiles.OpenAsync(to.Files, blobs, ct));
        return await Task.Run(() =>
        {
            var found = RowDiffer.Compare(first, second, key, Kept, options.TemporaryPath, ct);
            RowChange[] all = [.. found.AddedRows, .. found.RemovedRows, .. found.ChangedRows];
            var before = DatasetReader.Pick(first, all.Select(r => r.From), ct);
            var after = DatasetReader.Pick(second, all.Select(r => r.To), ct);
            IReadOnlyList<DatasetDiffRow> Rows(IReadOnlyList<RowChange> changes) => [.. changes.Select(c => new DatasetDiffRow(before.GetValueOrDefault(c.From), after.GetValueOrDefault(c.To), c.Fields))];
            return new Stored(new DatasetDiff(from.Reference, to.Reference, key, found.Added, found.Removed, found.Changed, found.Unchanged, found.Moved, found.DuplicateKeys, found.WithoutKey, Kept)
            { ChangedFields = found.ChangedFields }, Rows(found.AddedRows), Rows(found.RemovedRows), Rows(found.ChangedRows));
        }, ct);
    }

    private async Task KeepAsync(string path, Stored stored, CancellationToken ct)
    {
        var directory = Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        var part = Path.Combine(options.TemporaryPath, ids.New());
        Directory.CreateDirectory(options.TemporaryPath);
        await File.WriteAllTextAsync(part, WireJson.Write(stored), ct);
        File.Move(part, path, overwrite: true);
        foreach (var old in directory.GetFiles("*.json").OrderByDescending(f => f.LastWriteTimeUtc).Skip(MaxFiles)) old.Delete();
    }

    private static List<ColumnChange> ColumnChanges(DatasetProfile from, DatasetProfile to)
    {
        var (before, after) = (from.Columns.ToDictionary(c => c.Name, StringComparer.Ordinal), to.Columns.ToDictionary(c => c.Name, StringComparer.Ordinal));
        var changes = new List<ColumnChange>();
        changes.AddRange(to.Columns.Where(c => !before.ContainsKey(c.Name)).Select(c => new ColumnChange(c.Name, "added", null, c.Type)));
        changes.AddRange(from.Columns.Where(c => !after.ContainsKey(c.Name)).Select(c => new ColumnChange(c.Name, "removed", c.Type, null)));
        foreach (var (name, old) in before)
        {
            if (!after.TryGetValue(name, out var now)) continue;
            if (old.Type != now.Type) changes.Add(new ColumnChange(name, "type", old.Type, now.Type));
            if (old.Nullable != now.Nullable) changes.Add(new ColumnChange(name, "nullable", old.Nullable ? "nullable" : "never null", now.Nullable ? "nullable" : "never null"));
            if (Summary(old) is var a && Summary(now) is var b && a != b) changes.Add(new ColumnChange(name, "profile", a, b));
        }
        return changes;
    }

    private static string Summary(DatasetColumn column)
    {
        var parts = new List<string> { $"{column.Distinct} different" };
        if (column.Nulls > 0) parts.Add($"{column.Nulls} without");
        if (column.Numbers is { } n) parts.Add(string.Create(CultureInfo.InvariantCulture, $"mean {n.Mean:G6}, {n.Min:G6} to {n.Max:G6}"));
        else if (column.Lengths is { } l) parts.Add(string.Create(CultureInfo.InvariantCulture, $"mean length {l.Mean:G4}"));
        return string.Join(", ", parts);
    }
}
