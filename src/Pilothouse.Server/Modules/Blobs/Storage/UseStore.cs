using Pilothouse.Data;
using Pilothouse.Protocols.Artifacts;

namespace Pilothouse.Server.Modules.Blobs.Storage;

/// <summary>SQL of <c>blb_use</c>: when objects of an object store were last looked for. Digests as bytes: a note is no claim.</summary>
internal sealed class UseStore(Db db)
{
    public Task NoteAsync(Digest digest, BlobForm form, long now, CancellationToken ct) => db.WriteAsync(session => session.ExecuteAsync(
        "INSERT INTO blb_use (digest, form, used_ms) VALUES (@digest, @form, @now) ON CONFLICT (digest, form) DO UPDATE SET used_ms = excluded.used_ms", Key(digest, form, now)), ct);

    /// <returns>Epoch milliseconds, 0 = never noted.</returns>
    public Task<long> LastAsync(Digest digest, BlobForm form, CancellationToken ct) =>
        db.ReadAsync(session => session.ScalarAsync<long>("SELECT COALESCE(MAX(used_ms), 0) FROM blb_use WHERE digest = @digest AND form = @form", Key(digest, form, 0)), ct);

    public Task RemoveAsync(Digest digest, BlobForm form, CancellationToken ct) => db.WriteAsync(session => session.ExecuteAsync("DELETE FROM blb_use WHERE digest = @digest AND form = @form", Key(digest, form, 0)), ct);

    private static object Key(Digest digest, BlobForm form, long now) => new { digest = digest.ToBytes(), form = (long)form, now };
}
