using Pilothouse.Protocols.Artifacts;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Hub;

/// <summary>What of the list of repositories is wanted.</summary>
internal sealed record HubQuery(string? Search, string? Author, IReadOnlyList<string> Filters, string? Task, string? Sort, bool Ascending, bool Full, int Offset, int Limit);

/// <summary>Lists of repositories and of the files in one.</summary>
internal sealed class HubBrowser(HubRepos repos, HubFiles files, HubCards cards, HubViews views)
{
    /// <summary>Entries of one page.</summary>
    public const int MaxPage = 1_000;

    /// <returns>The page, and whether there is more.</returns>
    public async Task<(List<Dictionary<string, object?>> Items, bool More)> ListAsync(string type, HubQuery query, CancellationToken ct)
    {
        var found = new List<HubRevision>();
        foreach (var revision in await repos.ListAsync(type, ct))
        {
            if (query.Search is { Length: > 0 } search && !revision.Id.Contains(search, StringComparison.OrdinalIgnoreCase)) continue;
            if (query.Author is { Length: > 0 } author && !revision.Id.StartsWith(author + "/", StringComparison.Ordinal)) continue;
            if (query.Filters.Count > 0 || query.Task is { Length: > 0 })
            {
                var card = await cards.ReadAsync(revision, ct);
                if (query.Task is { Length: > 0 } task && card.PipelineTag != task || query.Filters.Any(f => !card.Tags.Contains(f))) continue;
            }
            found.Add(revision);
        }
        IEnumerable<HubRevision> sorted = query.Sort switch { "id" => found.OrderBy(r => r.Id, StringComparer.Ordinal), "createdAt" or "created_at" => found.OrderByDescending(r => r.BornMs), _ => found };
        if (query.Ascending) sorted = sorted.Reverse();
        var items = new List<Dictionary<string, object?>>();
        foreach (var revision in sorted.Skip(query.Offset).Take(query.Limit)) items.Add(await views.InfoAsync(revision, query.Full, false, ct));
        return (items, query.Offset + items.Count < found.Count);
    }

    public async Task<(List<Dictionary<string, object?>> Items, bool More)> TreeAsync(HubRevision revision, string path, bool recursive, bool expand, int offset, int limit, CancellationToken ct)
    {
        if (path.Length > 0 && !ContentManifest.IsValidPath(path)) throw NoEntry(path, revision);
        var below = path.Length == 0 ? revision.Files : [.. revision.Files.Where(f => f.Path.StartsWith(path + "/", StringComparison.Ordinal) || f.Path == path)];
        if (below.Count == 0 && path.Length > 0) throw NoEntry(path, revision);
        var entries = await files.EntriesAsync(below, ct);
        var start = path.Length == 0 || below.Any(f => f.Path == path) ? path.Length == 0 ? 0 : path.LastIndexOf('/') + 1 : path.Length + 1;
        var shown = new List<Dictionary<string, object?>>();
        foreach (var folder in entries.SelectMany(e => Folders(e.Path, start, recursive)).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal))
            shown.Add(HubViews.Folder(folder, entries.Where(e => e.Path.StartsWith(folder + "/", StringComparison.Ordinal)), revision, expand));
        shown.AddRange(entries.Where(e => recursive || e.Path.IndexOf('/', start) < 0).Select(e => HubViews.Entry(e, revision, expand)));
        return ([.. shown.Skip(offset).Take(limit)], offset + limit < shown.Count);
    }

    /// <summary>Files and folders by path; what is not there is left out, as the Hub does.</summary>
    public async Task<List<Dictionary<string, object?>>> PathsAsync(HubRevision revision, IReadOnlyCollection<string> paths, bool expand, CancellationToken ct)
    {
        if (paths.Count > MaxPage) throw new PilothouseException(ErrorCode.TooLarge, $"{paths.Count} paths are asked for; {MaxPage} is the limit.");
        var wanted = paths.Select(p => p.Trim('/')).ToHashSet(StringComparer.Ordinal);
        var shown = new List<Dictionary<string, object?>>();
        foreach (var entry in await files.EntriesAsync([.. revision.Files.Where(f => wanted.Contains(f.Path))], ct)) shown.Add(HubViews.Entry(entry, revision, expand));
        foreach (var folder in wanted.Where(w => revision.Files.Any(f => f.Path.StartsWith(w + "/", StringComparison.Ordinal))))
            shown.Add(HubViews.Folder(folder, await files.EntriesAsync([.. revision.Files.Where(f => f.Path.StartsWith(folder + "/", StringComparison.Ordinal))], ct), revision, expand));
        return shown;
    }

    /// <exception cref="PilothouseException">NotFound (EntryNotFound).</exception>
    public async Task<HubEntry> FileAsync(HubRevision revision, string path, CancellationToken ct)
    {
        var file = ContentManifest.IsValidPath(path) ? revision.Files.FirstOrDefault(f => f.Path == path) : null;
        return file is null ? throw NoEntry(path, revision) : (await files.EntriesAsync([file], ct))[0];
    }

    private static IEnumerable<string> Folders(string path, int start, bool recursive)
    {
        for (var cut = path.IndexOf('/', start); cut > 0; cut = path.IndexOf('/', cut + 1))
        {
            yield return path[..cut];
            if (!recursive) yield break;
        }
    }

    private static PilothouseException NoEntry(string path, HubRevision revision) =>
        HubFaults.NotFound(HubFaults.Entry, $"'{new string([.. path.Take(200).Where(c => !char.IsControl(c))])}' is not in {revision.Id} at {revision.Sha}.");
}
