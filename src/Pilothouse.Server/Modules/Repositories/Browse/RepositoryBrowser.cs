using System.Globalization;
using Pilothouse.Protocols.Lfs;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Blobs.Api;
using Pilothouse.Server.Modules.Repositories.Api;
using Pilothouse.Server.Modules.Repositories.Lfs;
using Pilothouse.Server.Modules.Repositories.Push;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Repositories.Browse;

internal sealed class RepositoryBrowser(Git git, IProjects projects, RepositoryService repositories, TreeReader trees, CommitReader commits, DiffReader diffs, BlameReader blames, IBranchRules rules,
    LfsStore objects, IBlobStore blobs) : IRepositoryBrowser
{
    private const int MaxRefs = 1000;
    private const int MaxText = 512 * 1024;
    private const int MaxRaw = 64 * 1024 * 1024;
    private const int MaxBlamed = 4 * 1024 * 1024;
    private const int MaxCompared = 100;
    /// <summary>As git does: a NUL among the first bytes makes a file binary.</summary>
    private const int Sniffed = 8000;

    private static readonly Dictionary<string, string> Pictures = new(StringComparer.OrdinalIgnoreCase)
    {
        [".png"] = "image/png",
        [".jpg"] = "image/jpeg",
        [".jpeg"] = "image/jpeg",
        [".gif"] = "image/gif",
        [".webp"] = "image/webp",
        [".svg"] = "image/svg+xml",
        [".avif"] = "image/avif",
        [".bmp"] = "image/bmp",
    };

    public async Task<IReadOnlyList<RefInfo>> RefsAsync(string project, CancellationToken ct)
    {
        var known = await projects.GetAsync(project, ct);
        var protection = await rules.ListAsync(project, ct);
        var (_, output, _) = await git.RunAsync(project, ["for-each-ref", "--sort=-creatordate", $"--count={MaxRefs}",
            "--format=%(refname)%1f%(objectname)%1f%(*objectname)%1f%(creatordate:unix)%1f%(authorname)%(*authorname)%1f%(contents:subject)", "refs/heads", "refs/tags"], 4 * 1024 * 1024, ct);
        return [.. Git.Text(output).Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => Ref(line.Split('\x1f', 6)))];

        RefInfo Ref(string[] p)
        {
            var isBranch = p[0].StartsWith("refs/heads/", StringComparison.Ordinal);
            var name = p[0][(isBranch ? "refs/heads/" : "refs/tags/").Length..];
            var rule = isBranch ? BranchRules.For(protection, name) : null;
            return new RefInfo(name, isBranch ? "branch" : "tag", p[2].Length > 0 ? p[2] : p[1], long.TryParse(p[3], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var s) ? s * 1000 : 0, p[4], p[5],
                isBranch && name == known.DefaultBranch, rule is null ? null : new BranchRuleInfo(rule.Pattern, rule.AllowForce, rule.AllowDeletion, rule.Pushers, rule.UpdatedBy, rule.UpdatedMs));
        }
    }

    public async Task<bool> IsEmptyAsync(string project, CancellationToken ct)
    {
        await projects.GetAsync(project, ct);
        return (await git.RunAsync(project, ["for-each-ref", "--count=1"], 4096, ct)).Output.Length == 0;
    }

    public async Task<TreeView> TreeAsync(string project, string revision, string path, CancellationToken ct)
    {
        path = TreeReader.CheckPath(path);
        var commit = await repositories.ResolveAsync(project, revision, ct);
        var (items, truncated) = await trees.ListAsync(project, commit, path, ct);
        return new TreeView(project, revision, commit, path, items, truncated);
    }

    public async Task<FileView> FileAsync(string project, string revision, string path, CancellationToken ct)
    {
        var (commit, item) = await FindAsync(project, revision, path, ct);
        var view = new FileView(project, revision, commit, item.Path, item.Id, item.Kind == "file" ? "binary" : item.Kind, item.Size ?? 0, null, false, null, null);
        if (item.Kind == "submodule") return view;
        var content = await HeadAsync(project, item.Id, Math.Min(item.Size ?? 0, MaxText), ct);
        if (item.Kind == "link") return view with { Text = Git.Text(content) };
        if (LfsPointer.TryParse(content) is { } pointer)
        {
            var held = (await objects.FindAsync(project, [pointer.Oid], ct)).ContainsKey(pointer.Oid);
            return view with { Kind = "lfs", Text = Git.Text(content), Lfs = new LfsView(pointer.Oid, pointer.Size, held), MediaType = Picture(item.Path) };
        }
        if (Picture(item.Path) is { } picture) return view with { Kind = "image", MediaType = picture };
        if (content.AsSpan(0, Math.Min(content.Length, Sniffed)).Contains((byte)0)) return view;
        return view with { Kind = "text", Text = Git.Text(content), Truncated = item.Size > content.Length };
    }

    public async Task<RawContent> RawAsync(string project, string revision, string path, CancellationToken ct)
    {
        var (_, item) = await FindAsync(project, revision, path, ct);
        var type = Picture(item.Path) ?? "application/octet-stream";
        if (item.Size is { } small and <= LfsPointer.MaxBytes && LfsPointer.TryParse(await HeadAsync(project, item.Id, small, ct)) is { } pointer && (await objects.FindAsync(project, [pointer.Oid], ct)).ContainsKey(pointer.Oid))
            return new RawContent(await blobs.OpenReadAsync("sha256:" + pointer.Oid, ct), type, pointer.Oid);
        if (item.Size is null) throw new PilothouseException(ErrorCode.InvalidArgument, $"'{item.Path}' is a {item.Kind}.");
        if (item.Size > MaxRaw) throw new PilothouseException(ErrorCode.TooLarge, $"'{item.Path}' has {item.Size} bytes; {MaxRaw} is the limit here. Clone the repository to have it.");
        return new RawContent(new MemoryStream(await HeadAsync(project, item.Id, item.Size.Value, ct), writable: false), type, item.Id);
    }

    public async Task<Page<CommitView>> HistoryAsync(string project, string revision, string path, int limit, string? pageToken, CancellationToken ct) =>
        await commits.PageAsync(project, await repositories.ResolveAsync(project, revision, ct), TreeReader.CheckPath(path), limit, pageToken, ct);

    public async Task<CommitDetail> CommitAsync(string project, string revision, CancellationToken ct)
    {
        var commit = await commits.OneAsync(project, await repositories.ResolveAsync(project, revision, ct), ct);
        return new CommitDetail(commit, await diffs.ReadAsync(project, commit.Parents.Count > 0 ? commit.Parents[0] : null, commit.Id, ct));
    }

    public async Task<ComparisonView> CompareAsync(string project, string from, string to, CancellationToken ct)
    {
        var (before, after) = (await repositories.ResolveAsync(project, from, ct), await repositories.ResolveAsync(project, to, ct));
        var mergeBase = await repositories.MergeBaseAsync(project, before, after, ct);
        var (_, output, _) = await git.RunAsync(project, ["rev-list", "--left-right", "--count", $"{before}...{after}"], 4096, ct);
        var counts = Git.Text(output).Trim().Split('\t').Select(t => long.Parse(t, CultureInfo.InvariantCulture)).ToList();
        return new ComparisonView(from, to, before, after, mergeBase, counts[1], counts[0], await commits.RangeAsync(project, before, after, MaxCompared, ct), await diffs.ReadAsync(project, mergeBase ?? before, after, ct));
    }

    public async Task<BlameView> BlameAsync(string project, string revision, string path, CancellationToken ct)
    {
        var (commit, item) = await FindAsync(project, revision, path, ct);
        if (item.Kind != "file") throw new PilothouseException(ErrorCode.InvalidArgument, $"'{item.Path}' is a {item.Kind}, not a file with lines.");
        if (item.Size > MaxBlamed || (await HeadAsync(project, item.Id, Math.Min(item.Size ?? 0, Sniffed), ct)).Contains((byte)0))
            throw new PilothouseException(ErrorCode.InvalidArgument, $"'{item.Path}' is not a text of at most {MaxBlamed} bytes.");
        var (sections, truncated) = await blames.ReadAsync(project, commit, item.Path, ct);
        return new BlameView(project, revision, commit, item.Path, sections, truncated);
    }

    private async Task<(string Commit, TreeItem Item)> FindAsync(string project, string revision, string path, CancellationToken ct)
    {
        path = TreeReader.CheckPath(path);
        var commit = await repositories.ResolveAsync(project, revision, ct);
        var item = path.Length == 0 ? null : await trees.FindAsync(project, commit, path, ct);
        if (item is null || item.Path != path) throw new PilothouseException(ErrorCode.NotFound, $"'{path}' is not in {project} at {revision}.");
        return item.Kind == "directory" ? throw new PilothouseException(ErrorCode.InvalidArgument, $"'{path}' is a directory.") : (commit, item);
    }

    /// <summary>The first bytes of an object; git is ended when they are there.</summary>
    private async Task<byte[]> HeadAsync(string project, string id, long count, CancellationToken ct)
    {
        if (count == 0) return [];
        await using var process = git.Start(project, ["cat-file", "blob", id], Git.NoEnvironment);
        process.Input.Close();
        var content = new byte[count];
        await process.Output.ReadExactlyAsync(content, ct);
        return content;
    }

    private static string? Picture(string path) => Pictures.GetValueOrDefault(Path.GetExtension(path));
}
