using System.Formats.Tar;
using System.Text;
using Pilothouse.Client;
using Pilothouse.Commands;
using Pilothouse.Protocols;
using Pilothouse.Protocols.Artifacts;
using Pilothouse.Protocols.Locks;
using Pilothouse.Workspace;

namespace Pilothouse.Reproduce;

/// <summary>Brings code and data of a recorded run back into an empty directory. What cannot be brought back is collected, so that all of it is told at once.</summary>
internal sealed class Restorer(PilothouseClient client, string directory, TimeProvider time)
{
    private const int MaxNamed = 100;

    private readonly List<string> _missing = [];
    private readonly List<string> _notes = [];
    private string _prefix = "";

    public IReadOnlyList<string> Missing => _missing;

    public IReadOnlyList<string> Notes => _notes;

    /// <summary>Digest of the lock that was materialised.</summary>
    public string? LockDigest { get; private set; }

    /// <summary>Where the command runs.</summary>
    public string WorkingDirectory => Path.Combine(directory, _prefix);

    /// <param name="repository">A repository on this disk that may have the commit; null = none.</param>
    public async Task RestoreAsync(RecordedRun run, string? repository, CancellationToken ct)
    {
        if (run.Commit is not { } commit) _missing.Add("commit: the run was not in a Git repository");
        else if (await CheckOutAsync(commit, run.Remote, repository, ct))
        {
            await PatchAsync(run, ct);
            await UnpackAsync(run, ct);
        }
        else _missing.Add($"commit {commit}: neither the repository here nor one on {client.Server} has it{(run.Remote is null ? "" : $" ({run.Remote} was tried too)")}");
        if (run.Prefix.Length > 0 && !LockRules.IsTreePath(run.Prefix)) _missing.Add($"directory: '{run.Prefix}' is not a path inside the repository");
        else _prefix = run.Prefix;
        await MaterialiseAsync(run, ct);
        await InputsAsync(run, ct);
    }

    /// <summary>From the repository here when it has the commit, else from a project on the server, else from where it was cloned from.</summary>
    private async Task<bool> CheckOutAsync(string commit, string? remote, string? repository, CancellationToken ct)
    {
        if (repository is not null && (await GitTree.RunAsync(repository, null, ct, "cat-file", "-e", commit + "^{commit}")).ExitCode == 0
            && await GitTree.RunAsync(repository, null, ct, "rev-parse", "--git-common-dir") is { ExitCode: 0 } found
            // Shares the objects: nothing is copied, nothing is noted in the user's own repository.
            && await CloneAsync(["clone", "--quiet", "--no-checkout", "--shared", Path.GetFullPath(Encoding.UTF8.GetString(found.Output).Trim(), repository), directory], commit, ct)) return true;
        foreach (var project in await client.ListProjectsAsync(ct))
        {
            try
            {
                await client.ListCommitsAsync(project.Name, commit, 1, ct);
            }
            catch (PilothouseApiException e) when (e.Status is >= 400 and < 500)
            {
                continue;
            }
            if (await CloneAsync(["clone", "--quiet", "--no-checkout", new Uri(client.Server, project.GitUrl).ToString(), directory], commit, ct)) return true;
        }
        return remote is not null && !remote.StartsWith('-') && await CloneAsync(["clone", "--quiet", "--no-checkout", "--", remote, directory], commit, ct);
    }

    private async Task<bool> CloneAsync(string[] arguments, string commit, CancellationToken ct)
    {
        if ((await GitTree.RunAtAsync(client.Server, Path.GetTempPath(), ct, arguments)).ExitCode != 0) return false;
        var checkout = await GitTree.RunAsync(directory, null, ct, "-c", "advice.detachedHead=false", "checkout", "--quiet", "--detach", commit);
        if (checkout.ExitCode == 0) return true;
        // A server gives a commit that no branch leads to any more when asked for it by name.
        if ((await GitTree.RunAtAsync(client.Server, directory, ct, "fetch", "--quiet", "origin", commit)).ExitCode == 0
            && (await GitTree.RunAsync(directory, null, ct, "checkout", "--quiet", "--detach", commit)).ExitCode == 0) return true;
        foreach (var entry in new DirectoryInfo(directory).EnumerateFileSystemInfos())
        {
            if (entry is DirectoryInfo folder) folder.Delete(recursive: true);
            else entry.Delete();
        }
        return false;
    }

    private async Task PatchAsync(RecordedRun run, CancellationToken ct)
    {
        if (run.DiffWasCut) _missing.Add("diff: it was longer than is kept, and was cut");
        else if (run.Diff is { Length: > 0 } diff)
        {
            var (code, _, error) = await GitTree.RunAsync(directory, diff, ct, "apply", "--whitespace=nowarn", "-");
            if (code != 0) _missing.Add($"diff: it does not apply to {run.Commit}: {error}");
        }
        else if (run is { IsDirty: true, Untracked.Count: 0 }) _missing.Add("diff: the run was not at a clean commit, and what differed was not recorded");
    }

    private async Task UnpackAsync(RecordedRun run, CancellationToken ct)
    {
        var there = new HashSet<string>(StringComparer.Ordinal);
        if (run.UntrackedContent is { } archive)
        {
            await using var tar = new TarReader(new MemoryStream(archive));
            while (await tar.GetNextEntryAsync(copyData: false, ct) is { } entry)
            {
                // The archive is an artifact like any other: only regular files inside the tree.
                if (entry.EntryType is not (TarEntryType.RegularFile or TarEntryType.V7RegularFile) || !LockRules.IsTreePath(entry.Name)) continue;
                new WorkTree(directory).RequireNoLinkAbove(entry.Name);
                var target = Path.Combine(directory, entry.Name);
                Directory.CreateDirectory(Path.GetDirectoryName(target)!);
                await entry.ExtractToFileAsync(target, overwrite: true, ct);
                there.Add(entry.Name);
            }
        }
        var prefix = run.Prefix.Length == 0 ? "" : run.Prefix + "/";
        var lost = run.Untracked.Where(u => !there.Contains(prefix + u)).ToList();
        if (lost.Count > 0) _notes.Add($"{lost.Count} file(s) that Git did not know were there, and their content was not recorded: {string.Join(", ", lost.Take(5))}{(lost.Count > 5 ? ", ..." : "")}");
    }

    /// <summary>Everything that the recorded lock puts into the tree.</summary>
    private async Task MaterialiseAsync(RecordedRun run, CancellationToken ct)
    {
        if (run.LockText is null) return;
        if (run.Lock() is not { } file)
        {
            _missing.Add("lock: the recorded pilothouse.lock cannot be read");
            return;
        }
        var root = new DirectoryInfo(WorkingDirectory);
        while (root.FullName != directory && root.Parent is { } parent && !File.Exists(Path.Combine(root.FullName, LockFile.FileName))) root = parent;
        var tree = new WorkTree(root.FullName);
        Directory.CreateDirectory(tree.Root);
        await File.WriteAllTextAsync(tree.LockPath, run.LockText, ct);
        LockDigest = Digest.Of(Encoding.UTF8.GetBytes(run.LockText)).ToString();
        var cache = ContentCache.Default();
        try
        {
            var plan = await TreePlan.ExpandAsync(file, cache, client, toWrite: true, ct);
            foreach (var unknown in plan.Unknown) _missing.Add($"content {unknown.Digest}: the list of files of {unknown.Name}");
            var byDigest = plan.Files.GroupBy(f => f.Value.Content).ToDictionary(g => g.Key.ToDigest().ToString(), g => g.First().Key);
            foreach (var lost in (await client.MissingBlobsAsync(byDigest.Keys, ct)).Order(StringComparer.Ordinal).Take(MaxNamed))
                if (await cache.FindAsync(Digest.Parse(lost), ct) is null) _missing.Add($"content {lost}: {byDigest[lost]}");
            if (_missing.Count == 0) await new Syncer(tree, cache, client, time).RunAsync(file, new SyncOptions(LinkMode.Auto, Force: true, Parallel: 8), _ => { }, ct);
        }
        catch (Exception e) when (e is UsageException or ProtocolFormatException)
        {
            _missing.Add("lock: " + e.Message);
        }
    }

    /// <summary>What the run said it reads: by digest, wherever it lay.</summary>
    private async Task InputsAsync(RecordedRun run, CancellationToken ct)
    {
        // Recorded relative to the project, wherever in it the command ran.
        var root = WorkTree.TryFind(WorkingDirectory)?.Root is { } found && found.StartsWith(directory, StringComparison.Ordinal) ? found : WorkingDirectory;
        foreach (var input in run.Inputs?.Files ?? [])
        {
            if (!Digest.TryParse(input.Digest, out var digest))
            {
                _missing.Add($"input {input.Path}: '{input.Digest}' is not a digest");
                continue;
            }
            var isInside = LockRules.IsTreePath(input.Path);
            var path = isInside ? Path.Combine(root, input.Path) : input.Path;
            if (await HoldsAsync(path, digest, input.Size, ct)) continue;
            if (!isInside) _missing.Add($"content {digest}: {input.Path} lay outside of the repository, and is not here with this digest");
            else if (await FetchAsync(digest, ct) is not { } content) _missing.Add($"content {digest}: {input.Path}");
            else
            {
                new WorkTree(root).RequireNoLinkAbove(input.Path);
                Directory.CreateDirectory(Path.GetDirectoryName(path)!);
                Linking.Copy(content, path + ".part", path);
            }
        }
    }

    private async Task<string?> FetchAsync(Digest digest, CancellationToken ct)
    {
        try
        {
            return await ContentCache.Default().FetchAsync(client, digest, _ => { }, ct);
        }
        catch (PilothouseApiException e) when (e.Status == 404)
        {
            return null;
        }
    }

    private static async Task<bool> HoldsAsync(string path, Digest digest, long size, CancellationToken ct)
    {
        if (new FileInfo(path) is not { Exists: true } file || file.Length != size) return false;
        await using var content = file.OpenRead();
        return await Digest.OfAsync(content, ct) == digest;
    }
}
