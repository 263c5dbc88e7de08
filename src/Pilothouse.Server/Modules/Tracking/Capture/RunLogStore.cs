using Pilothouse.Data;

namespace Pilothouse.Server.Modules.Tracking.Capture;

/// <summary>SQL of <c>trk_log</c>: the output of a run in pieces, each at its place.</summary>
internal sealed class RunLogStore(Db db)
{
    private const string Length = "SELECT COALESCE(MAX(pos + size), 0) FROM trk_log WHERE run = @run AND stream = @stream";

    /// <summary>Stores what is new of a piece: one that came before, or overlaps, or would leave a gap, adds nothing twice and nothing wrong.</summary>
    /// <returns>Bytes stored now, and whether this piece added any.</returns>
    public Task<(long Length, bool Added)> AppendAsync(string id, string stream, long offset, byte[] bytes, long max, CancellationToken ct) => db.WriteAsync(async session =>
    {
        var run = (await RunStore.RequireActiveAsync(session, id)).Num;
        // The row of the run is the lock: two senders of one log are a mistake, but must not corrupt it.
        await session.ScalarAsync<long>("SELECT num FROM trk_run WHERE num = @run" + session.Dialect.ForUpdate, new { run });
        var length = await session.ScalarAsync<long>(Length, new { run, stream });
        var skip = length - offset;
        if (skip < 0 || skip >= bytes.Length || length >= max) return (length, false);
        var fresh = skip == 0 ? bytes : bytes[(int)skip..];
        await session.ExecuteAsync("INSERT INTO trk_log (run, stream, pos, size, bytes) VALUES (@run, @stream, @length, @size, @fresh)", new { run, stream, length, size = (long)fresh.Length, fresh });
        return (length + fresh.Length, true);
    }, ct);

    public Task<long> LengthAsync(long run, string stream, CancellationToken ct) => db.ReadAsync(session => session.ScalarAsync<long>(Length, new { run, stream }), ct);

    /// <summary>Pieces that hold bytes from <paramref name="offset"/> on.</summary>
    public Task<List<Piece>> ReadAsync(long run, string stream, long offset, int limit, CancellationToken ct) => db.ReadAsync(session => session.QueryAsync<Piece>(
        "SELECT pos AS Pos, bytes AS Bytes FROM trk_log WHERE run = @run AND stream = @stream AND pos + size > @offset ORDER BY pos LIMIT @limit", new { run, stream, offset, limit }), ct);

    public Task DeleteAsync(long run, string stream, long upTo, CancellationToken ct) => db.WriteAsync(session =>
        session.ExecuteAsync("DELETE FROM trk_log WHERE run = @run AND stream = @stream AND pos + size <= @upTo", new { run, stream, upTo }), ct);

    internal sealed class Piece
    {
        public long Pos { get; set; }
        public byte[] Bytes { get; set; } = [];
    }
}
