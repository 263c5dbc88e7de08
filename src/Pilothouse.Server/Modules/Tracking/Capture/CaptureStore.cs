using Pilothouse.Data;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Tracking.Capture;

/// <summary>SQL of <c>trk_heartbeat</c>, and of what heartbeats change in a run.</summary>
internal sealed class CaptureStore(Db db)
{
    /// <summary>Heartbeats that may be missed before a run counts as killed.</summary>
    public const int MissedLimit = 4;

    /// <summary>How the reason begins by which a later heartbeat recognises that the run was only thought dead.</summary>
    private const string Lost = "heartbeat lost";

    private const int MaxLostPerRound = 500;

    /// <summary>A run thought dead lives again; one that has ended stays so.</summary>
    /// <returns>Its status, and whether that changed.</returns>
    public Task<(string Status, bool Revived)> BeatAsync(string id, long intervalMs, long now, CancellationToken ct) => db.WriteAsync(async session =>
    {
        var run = await RunStore.RequireActiveAsync(session, id);
        var revived = run.Status == MlflowNames.Killed && (await ReasonAsync(session, run.Num))?.StartsWith(Lost, StringComparison.Ordinal) == true;
        if (revived)
        {
            (run.Status, run.EndMs) = (MlflowNames.Running, null);
            await RunStore.UpdateAsync(session, run);
            await RunStore.DeleteTagAsync(session, run.Num, RunTags.EndReason);
        }
        var args = new { run = run.Num, now, intervalMs };
        // MLflow's client inside the command ends the run when it is done with it; the command may go on, and its heartbeats with it.
        if (run.EndMs is not null) await session.ExecuteAsync("UPDATE trk_heartbeat SET last_ms = @now, interval_ms = @intervalMs WHERE run = @run", args);
        else await session.ExecuteAsync("""
            INSERT INTO trk_heartbeat (run, last_ms, interval_ms) VALUES (@run, @now, @intervalMs)
            ON CONFLICT (run) DO UPDATE SET last_ms = excluded.last_ms, interval_ms = excluded.interval_ms
            """, args);
        return (run.Status, revived);
    }, ct);

    public Task EndAsync(string id, RunEnd end, CancellationToken ct) => db.WriteAsync(async session =>
    {
        var run = await RunStore.RequireActiveAsync(session, id);
        (run.Status, run.EndMs) = (end.Status, end.EndMs);
        await RunStore.UpdateAsync(session, run);
        await session.ExecuteAsync("DELETE FROM trk_heartbeat WHERE run = @run", new { run = run.Num });
        if (end.Reason is { Length: > 0 } reason) await RunStore.SetTagsAsync(session, run.Num, [new(RunTags.EndReason, Names.Cut(reason, Names.MaxTagValue))]);
        else await RunStore.DeleteTagAsync(session, run.Num, RunTags.EndReason);
    }, ct);

    /// <summary>Runs that missed too many heartbeats, counted from the start of this server: while it was away none could come.</summary>
    public Task<List<BeatRow>> LostAsync(long now, long since, CancellationToken ct) => db.ReadAsync(session => session.QueryAsync<BeatRow>($"""
        SELECT h.run AS Run, r.id AS Id, h.last_ms AS LastMs, h.interval_ms AS IntervalMs FROM trk_heartbeat h JOIN trk_run r ON r.num = h.run
        WHERE h.last_ms + {MissedLimit} * h.interval_ms < @now AND @since + {MissedLimit} * h.interval_ms < @now ORDER BY h.run LIMIT {MaxLostPerRound}
        """, new { now, since }), ct);

    /// <returns>False when a heartbeat came after all, or the run had ended.</returns>
    public Task<bool> KillAsync(BeatRow lost, CancellationToken ct) => db.WriteAsync(async session =>
    {
        if (await session.ExecuteAsync("DELETE FROM trk_heartbeat WHERE run = @Run AND last_ms = @LastMs", lost) == 0) return false;
        const string kill = "UPDATE trk_run SET status = 'KILLED', end_ms = @LastMs WHERE num = @Run AND status IN ('RUNNING', 'SCHEDULED')";
        if (await session.ExecuteAsync(kill, lost) == 0) return false;
        await RunStore.SetTagsAsync(session, lost.Run, [new(RunTags.EndReason, $"{Lost}: none came for {MissedLimit} times {lost.IntervalMs / 1000.0:0.###} s; the command or its machine was killed or cut off")]);
        return true;
    }, ct);

    /// <summary>Last heartbeat; null for a run that sends none.</summary>
    public Task<long?> LastAsync(string id, CancellationToken ct) => db.ReadAsync(session =>
        session.ScalarAsync<long?>("SELECT h.last_ms FROM trk_heartbeat h JOIN trk_run r ON r.num = h.run WHERE r.id = @id", new { id }), ct);

    private static Task<string?> ReasonAsync(DbSession session, long run) =>
        session.ScalarAsync<string>("SELECT value FROM trk_tag WHERE run = @run AND key = @key", new { run, key = RunTags.EndReason });

    internal sealed class BeatRow
    {
        public long Run { get; set; }
        public string Id { get; set; } = "";
        public long LastMs { get; set; }
        public long IntervalMs { get; set; }
    }
}
