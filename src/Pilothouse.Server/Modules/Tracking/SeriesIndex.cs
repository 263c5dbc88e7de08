using System.Data.Common;
using Dapper;
using Pilothouse.Data;

namespace Pilothouse.Server.Modules.Tracking;

/// <summary>
/// SQL of <c>trk_series_index</c>: chunks of long series, made once and read instead of the points. It covers a prefix of the history up to a point; what is logged
/// before that point drops the parts behind it, in the same transaction, and they are made anew.
/// </summary>
internal sealed class SeriesIndex(Db db)
{
    private const int PartChunks = 512;

    /// <summary>Chunks added by one transaction: on SQLite it holds up the other writes for about 20 ms.</summary>
    private const int ChunksPerWrite = 32;

    private const string PositionColumns = "last_ms AS TimeMs, last_step AS Step, last_value AS Value, last_nan AS IsNan";

    /// <summary>The indexed chunks in order, and the point where they end (null = nothing is indexed).</summary>
    public static async Task<(List<SeriesChunk> Chunks, MetricRow? End)> LoadAsync(DbSession session, long run, long key)
    {
        var parts = await session.QueryAsync<PartRow>($"SELECT part AS Part, chunks AS Chunks, {PositionColumns} FROM trk_series_index WHERE run = @run AND key = @key ORDER BY part", new { run, key });
        return ([.. parts.SelectMany(p => SeriesChunk.Decode(p.Chunks))], parts.LastOrDefault());
    }

    /// <summary>Drops what lies behind the given points; for use inside the write that adds them.</summary>
    /// <param name="first">The first new point of each run and metric, in the order of the history.</param>
    public static async Task DropBehindAsync(DbSession session, IReadOnlyList<StoredPoint> first)
    {
        // On PostgreSQL the index is extended by other transactions: the lock keeps them from reading the history before these points are in it.
        var runs = first.Select(p => p.Run).Distinct().Order().ToArray();
        await session.ShareLocksAsync(Locks(runs));
        var indexed = (await session.QueryAsync<long>($"SELECT DISTINCT run FROM trk_series_index WHERE {session.Dialect.In("run", "@runs")}", new { runs })).ToHashSet();
        foreach (var point in first.Where(p => indexed.Contains(p.Run)))
        {
            await session.ExecuteAsync("""
                DELETE FROM trk_series_index WHERE run = @Run AND key = @Key AND (last_ms, last_step, last_value, last_nan) > (@TimeMs, @Step, @Value, @IsNan)
                """, point);
        }
    }

    /// <summary>Adds the next whole chunks to the index.</summary>
    /// <returns>True when there may be more.</returns>
    public Task<bool> ExtendAsync(long run, long key, CancellationToken ct) => db.WriteAsync(async session =>
    {
        await session.LockAsync(Locks([run])[0]);
        var last = await session.FirstOrDefaultAsync<PartRow>(
            $"SELECT part AS Part, chunks AS Chunks, {PositionColumns} FROM trk_series_index WHERE run = @run AND key = @key ORDER BY part DESC LIMIT 1", new { run, key });
        var chunker = new SeriesChunker();
        var end = last is null ? null : (MetricRow)last;
        await foreach (var row in ReadAsync(session, run, key, end, ChunksPerWrite * SeriesChunk.Size, ct))
            if (chunker.Add(row.ToSeries())) end = row;
        if (chunker.Whole.Count == 0) return false;
        var chunks = chunker.Whole;
        if (last is not null && last.Chunks.Length / SeriesChunk.Bytes + chunks.Count <= PartChunks)
        {
            await session.ExecuteAsync("""
                UPDATE trk_series_index SET chunks = @chunks, last_ms = @TimeMs, last_step = @Step, last_value = @Value, last_nan = @IsNan WHERE run = @run AND key = @key AND part = @Part
                """, new { run, key, last.Part, chunks = (byte[])[.. last.Chunks, .. SeriesChunk.Encode(chunks)], end!.TimeMs, end.Step, end.Value, end.IsNan });
        }
        else
        {
            await session.ExecuteAsync("""
                INSERT INTO trk_series_index (run, key, part, chunks, last_ms, last_step, last_value, last_nan) VALUES (@run, @key, @part, @chunks, @TimeMs, @Step, @Value, @IsNan)
                """, new { run, key, part = (last?.Part ?? -1) + 1, chunks = SeriesChunk.Encode(chunks), end!.TimeMs, end.Step, end.Value, end.IsNan });
        }
        return chunks.Count == ChunksPerWrite;
    }, ct);

    /// <summary>Points in the order of the history, behind the given one.</summary>
    public static async IAsyncEnumerable<MetricRow> ReadAsync(DbSession session, long run, long key, MetricRow? after, int limit, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken ct)
    {
        var behind = after is null ? "" : "AND (time_ms, step, value, is_nan) > (@TimeMs, @Step, @Value, @IsNan)";
        var sql = $"SELECT time_ms, step, value, is_nan FROM trk_metric WHERE run = @run AND key = @key {behind} ORDER BY time_ms, step, value, is_nan LIMIT @limit";
        await using var reader = (DbDataReader)await session.Connection.ExecuteReaderAsync(new CommandDefinition(sql,
            new { run, key, limit, TimeMs = after?.TimeMs ?? 0, Step = after?.Step ?? 0, Value = after?.Value ?? 0, IsNan = after?.IsNan ?? 0 }, session.Transaction, cancellationToken: ct));
        while (await reader.ReadAsync(ct))
            yield return new MetricRow { TimeMs = reader.GetInt64(0), Step = reader.GetInt64(1), Value = reader.GetDouble(2), IsNan = reader.GetInt64(3) };
    }

    private static long[] Locks(long[] runs) => [.. runs.Select(run => (1L << 62) + run)];

    private sealed class PartRow : MetricRow
    {
        public long Part { get; init; }
        public byte[] Chunks { get; init; } = [];
    }
}
