using System.Globalization;
using Pilothouse.Protocols.Lfs;
using Pilothouse.Server.Modules.Audit.Api;
using Pilothouse.Server.Modules.Repositories.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Repositories.Lfs;

/// <summary>Locks on paths: one at a time for a path of a project, whatever the branch. A push that changes another's locked path is refused.</summary>
internal sealed class LfsLockService(IProjects projects, LfsLockStore store, Ids ids, TimeProvider time)
{
    private const int MaxPath = 1024;
    private const int MaxRef = 255;
    private const int DefaultPage = 100;
    private const int MaxPage = 1000;

    /// <returns>The lock, and null or why it is not the caller's: someone holds it already.</returns>
    public async Task<(LfsLock Lock, string? Refused)> TakeAsync(string project, LfsLockRequest request, Caller caller, CancellationToken ct)
    {
        await projects.GetAsync(project, ct);
        var path = CheckPath(request.Path);
        var row = new LockRow(ids.New(), project, path, caller.Name, request.Ref?.Name is { Length: <= MaxRef } name ? name : "", time.NowMs());
        var holder = await store.TakeAsync(row, new AuditEvent(caller.Name, "lfs.lock", $"projects/{project}", new { path }), ct);
        return holder is null ? (Show(row), null) : (Show(holder), $"'{path}' is locked by {holder.Owner} since {At(holder.CreatedMs)}.");
    }

    public async Task<LfsLockList> ListAsync(string project, string? path, string? id, string? cursor, int? limit, CancellationToken ct)
    {
        await projects.GetAsync(project, ct);
        var (page, next) = await PageAsync(project, Given(path), Given(id), cursor, limit, ct);
        return new LfsLockList([.. page.Select(Show)], next);
    }

    /// <summary>What git-lfs asks before each push. One who may not push gets an empty answer: the push itself says why.</summary>
    public async Task<LfsVerifiedLocks> VerifyAsync(string project, LfsVerifyLocksRequest request, Caller caller, CancellationToken ct)
    {
        await projects.GetAsync(project, ct);
        if (caller.Role < Role.Writer) return new LfsVerifiedLocks([], [], null);
        var (page, next) = await PageAsync(project, null, null, request.Cursor, request.Limit, ct);
        return new LfsVerifiedLocks([.. page.Where(l => l.Owner == caller.Name).Select(Show)], [.. page.Where(l => l.Owner != caller.Name).Select(Show)], next);
    }

    /// <exception cref="PilothouseException">NotFound; PermissionDenied: it is another's, and force was not asked for.</exception>
    public async Task<LfsLock> ReleaseAsync(string project, string id, bool force, Caller caller, CancellationToken ct)
    {
        await projects.GetAsync(project, ct);
        if (await store.FindAsync(project, id, ct) is not { } held) throw Gone(id);
        if (held.Owner != caller.Name && !force)
            throw new PilothouseException(ErrorCode.PermissionDenied, $"'{held.Path}' is locked by {held.Owner}. Ask them to unlock it, or take the lock away: git lfs unlock --force");
        var record = new AuditEvent(caller.Name, "lfs.unlock", $"projects/{project}", new { path = held.Path, owner = held.Owner, forced = held.Owner != caller.Name });
        return await store.ReleaseAsync(project, id, record, ct) ? Show(held) : throw Gone(id);
    }

    private async Task<(IReadOnlyList<LockRow> Page, string? Next)> PageAsync(string project, string? path, string? id, string? cursor, int? limit, CancellationToken ct)
    {
        var size = limit is > 0 ? Math.Min(limit.Value, MaxPage) : DefaultPage;
        var rows = await store.ListAsync(project, path, id, cursor ?? "", size + 1, ct);
        return rows.Count <= size ? (rows, null) : ([.. rows.Take(size)], rows[size - 1].Id);
    }

    private static string CheckPath(string? path)
    {
        if (path is not { Length: > 0 and <= MaxPath } || path[0] == '/' || path.Any(char.IsControl) || path.Split('/').Any(part => part is "" or "." or ".." || part.Equals(".git", StringComparison.OrdinalIgnoreCase)))
            throw new PilothouseException(ErrorCode.InvalidArgument, $"A lock is on the path of a file from the root of the repository, of at most {MaxPath} characters, without . and ..");
        return path;
    }

    private static LfsLock Show(LockRow row) => new(row.Id, row.Path, At(row.CreatedMs), new LfsLockOwner(row.Owner));

    private static string At(long ms) => DateTimeOffset.FromUnixTimeMilliseconds(ms).ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);

    private static string? Given(string? text) => text is { Length: > 0 } ? text : null;

    private static PilothouseException Gone(string id) => new(ErrorCode.NotFound, $"There is no lock {(id.Length > 64 ? id[..64] : id)}: it was released already.");
}
