using System.Globalization;
using System.Text;
using Pilothouse.Protocols.Lfs;
using Pilothouse.Server.Modules.Repositories.Lfs;
using Pilothouse.Server.Platform;
using Pilothouse.Server.Modules.Repositories.Locks;

namespace Pilothouse.Server.Modules.Repositories.Push;

/// <summary>A file that a commit of a push adds, changes or (id of zeros) deletes.</summary>
internal sealed record PushedFile(string Mode, string Id, string Path)
{
    public bool IsDeleted => Id.AsSpan().TrimStart('0').Length == 0;
    public bool IsSymlink => Mode == "120000";
    public bool IsFile => Mode is "100644" or "100755";
}

/// <summary>
/// Looks at what the new commits of a push bring, while git keeps it in quarantine. Every commit must be complete, not only the newest: a checkout of any of them works later.
/// </summary>
internal sealed class PushContent(Git git, LfsService lfs, LfsStore objects, LfsLockStore locks, PushLocks pinned)
{
    private const int Chunk = 4096;
    private const int MaxLocks = 10_000;
    private const int MaxSymlink = 4096;
    private const byte Nul = 0;

    /// <param name="actor">Null = a mirror, whom no lock holds.</param>
    /// <param name="tips">New ids of the refs.</param>
    /// <param name="environment">That of the quarantine.</param>
    /// <param name="requireData">False = LFS objects may be missing.</param>
    public async Task CheckAsync(string project, string? actor, IReadOnlyList<string> tips, IReadOnlyDictionary<string, string> environment, bool requireData, PushFindings findings, CancellationToken ct)
    {
        var locked = actor is null ? [] : (await locks.OthersAsync(project, actor, MaxLocks, ct)).ToDictionary(l => l.Path, l => l.Owner);
        actor ??= Mirrors.MirrorRunner.Actor;
        // Merges too: what only the merge itself changed (-c).
        await using var log = git.Start(project, ["log", "--format=tformat:", "--raw", "-r", "-z", "-c", "--no-abbrev", "--no-renames", .. tips, "--not", $"--exclude={RepositoryService.InternalRefs}*", "--all"], environment);
        log.Input.Close();
        await using var reader = new ObjectReader(git.Start(project, ObjectReader.Arguments, environment));
        var changes = new DelimitedReader(log.Output);
        var chunk = new List<PushedFile>(Chunk);
        while (await NextAsync(changes, ct) is { } file)
        {
            if (locked.TryGetValue(file.Path, out var owner)) findings.Locked(file.Path, owner);
            if (file.IsDeleted || !file.IsFile && !file.IsSymlink) continue;
            chunk.Add(file);
            if (chunk.Count < Chunk) continue;
            await CheckAsync(project, actor, chunk, reader, requireData, findings, ct);
            chunk.Clear();
        }
        await CheckAsync(project, actor, chunk, reader, requireData, findings, ct);
        var (exitCode, error) = await log.ExitAsync(ct);
        if (exitCode != 0) findings.Add($"the commits cannot be read: {error}");
    }

    private async Task CheckAsync(string project, string actor, List<PushedFile> files, ObjectReader reader, bool requireData, PushFindings findings, CancellationToken ct)
    {
        if (files.Count == 0) return;
        await pinned.CheckAsync(project, actor, files, reader, requireData, findings, ct);
        var info = await reader.InfoAsync([.. files.Select(f => f.Id)], ct);
        var small = files.Where((f, i) => info[i] is { } known && known.Size <= (f.IsSymlink ? MaxSymlink : LfsPointer.MaxBytes)).ToList();
        for (var i = 0; i < files.Count; i++)
            if (files[i].IsSymlink && info[i] is { Size: > MaxSymlink }) findings.Symlink(files[i].Path, "...");
        var contents = await reader.ContentsAsync([.. small.Select(f => f.Id)], ct);
        List<(string Path, LfsPointer Pointer)> pointers = [];
        for (var i = 0; i < small.Count; i++)
        {
            if (contents[i] is not { } content) continue;
            if (!small[i].IsSymlink)
            {
                if (requireData && LfsPointer.TryParse(content) is { } pointer) pointers.Add((small[i].Path, pointer));
            }
            else if (Encoding.UTF8.GetString(content) is var target && LeavesTree(small[i].Path, target)) findings.Symlink(small[i].Path, target);
        }
        if (pointers.Count == 0) return;
        var held = await objects.FindAsync(project, [.. pointers.Select(p => p.Pointer.Oid).Distinct()], ct);
        try
        {
            await lfs.LinkAsync(project, pointers.Select(p => p.Pointer), held, actor, ct);
        }
        catch (PilothouseException e) when (e.Code == ErrorCode.StorageFull)
        {
            findings.Add(e.Message);
            return;
        }
        foreach (var (path, pointer) in pointers)
        {
            if (!held.TryGetValue(pointer.Oid, out var size)) findings.Missing(path, pointer);
            else if (size != pointer.Size) findings.WrongSize(path, pointer, size);
        }
    }

    /// <summary>True for a link that leads to an absolute path, or above the root of the tree: whoever follows it in a checkout reads other files than the repository's.</summary>
    internal static bool LeavesTree(string path, string target)
    {
        if (target.Length == 0 || target[0] == '/' || target.Contains('\0', StringComparison.Ordinal)) return true;
        var depth = path.Count(c => c == '/');
        foreach (var part in target.Split('/'))
        {
            depth += part switch { "" or "." => 0, ".." => -1, _ => 1 };
            if (depth < 0) return true;
        }
        return false;
    }

    // :100644 100644 62afc21... 8baef1b... M NUL path NUL; a merge has a colon, a mode and an id more for each parent.
    private static async ValueTask<PushedFile?> NextAsync(DelimitedReader changes, CancellationToken ct)
    {
        while (await changes.ReadAsync(Nul, ct) is { } piece)
        {
            var text = Encoding.UTF8.GetString(piece.Span).TrimStart('\n');
            var parents = text.Length - text.TrimStart(':').Length;
            if (parents == 0) continue;
            var parts = text.TrimStart(':').Split(' ');
            if (parts.Length < 2 * parents + 3) throw new FormatException(string.Create(CultureInfo.InvariantCulture, $"git log answered '{text}'."));
            if (await changes.ReadAsync(Nul, ct) is not { } path) return null;
            return new PushedFile(parts[parents], parts[2 * parents + 1], Encoding.UTF8.GetString(path.Span));
        }
        return null;
    }
}
