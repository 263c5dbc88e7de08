using Pilothouse.Data;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Repositories.Locks;

/// <summary>Which project's locks pin which blobs. The rows keep the blobs from being collected for as long as the project is there, since any of its commits may be checked out.</summary>
internal sealed class LockStore(Db db, TimeProvider time)
{
    public Task ClaimAsync(string project, IReadOnlyCollection<string> digests, string actor, CancellationToken ct)
    {
        if (digests.Count == 0) return Task.CompletedTask;
        var now = time.NowMs();
        return db.WriteAsync(session => session.BulkInsertAsync("rep_lock_blob", ["project", "digest", "created_by", "created_ms"], digests, (row, digest) =>
        {
            row.Text(project);
            row.Text(digest);
            row.Text(actor);
            row.Integer(now);
        }, ignoreDuplicates: true), ct);
    }

    /// <returns>Number of blobs that the project's locks pin.</returns>
    public Task<long> CountAsync(string project, CancellationToken ct) =>
        db.ReadAsync(session => session.ScalarAsync<long>("SELECT COUNT(*) FROM rep_lock_blob WHERE project = @project", new { project }), ct);
}
