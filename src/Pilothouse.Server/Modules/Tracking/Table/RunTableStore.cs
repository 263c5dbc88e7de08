using Pilothouse.Data;
using Pilothouse.Protocols.Mlflow;
using Pilothouse.Server.Modules.Audit.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Tracking.Table;

/// <summary>SQL of the table of runs: counts, runs by id, children, and changes of many runs at once.</summary>
internal sealed class RunTableStore(Db db, IAuditLog audit)
{
    /// <summary>A condition on <c>trk_run r</c>: its parent, if any, is not among the runs of its experiment and stage.</summary>
    public const string TopLevel = """
        NOT EXISTS (SELECT 1 FROM trk_tag f JOIN trk_run p ON p.id = f.value AND p.experiment = r.experiment AND p.lifecycle = r.lifecycle
            WHERE f.run = r.num AND f.key = 'mlflow.parentRunId')
        """;

    /// <returns>At most <paramref name="max"/> + 1.</returns>
    public Task<long> CountAsync(SortedSearch search, int max, CancellationToken ct) => db.ReadAsync(session =>
        session.ScalarAsync<long>($"SELECT COUNT(*) FROM (SELECT 1 AS one FROM trk_run r WHERE {search.Where} LIMIT {search.Bind(max + 1)}) counted", search.Args), ct);

    public Task<List<RunStore.RunRow>> FindAsync(IReadOnlyList<string> ids, CancellationToken ct) => db.ReadAsync(async session =>
    {
        var rows = await session.QueryAsync<RunStore.RunRow>($"SELECT {RunStore.Columns} FROM trk_run r WHERE {session.Dialect.In("r.id", "@ids")}", new { ids = ids.ToArray() });
        await RunStore.AddDataAsync(session, rows, modelInputs: false);
        return rows;
    }, ct);

    public Task<List<(string Parent, long Count)>> ChildCountsAsync(IReadOnlyList<string> parents, string? lifecycle, CancellationToken ct) => db.ReadAsync(async session =>
    {
        var sql = $"""
            SELECT t.value AS Parent, COUNT(*) AS Count FROM trk_tag t JOIN trk_run r ON r.num = t.run
            WHERE t.key = 'mlflow.parentRunId' AND {session.Dialect.In("t.value", "@parents")} AND (CAST(@lifecycle AS TEXT) IS NULL OR r.lifecycle = @lifecycle)
            GROUP BY t.value
            """;
        return (await session.QueryAsync<CountRow>(sql, new { parents = parents.ToArray(), lifecycle })).ConvertAll(r => (r.Parent, r.Count));
    }, ct);

    public Task<List<RunStore.RunRow>> ChildrenAsync(string parent, string? lifecycle, int limit, CancellationToken ct) => db.ReadAsync(async session =>
    {
        const string sql = $"""
            SELECT {RunStore.Columns} FROM trk_tag t JOIN trk_run r ON r.num = t.run
            WHERE t.key = 'mlflow.parentRunId' AND t.value = @parent AND (CAST(@lifecycle AS TEXT) IS NULL OR r.lifecycle = @lifecycle)
            ORDER BY r.start_ms, r.id LIMIT @limit
            """;
        var rows = await session.QueryAsync<RunStore.RunRow>(sql, new { parent, lifecycle, limit });
        await RunStore.AddDataAsync(session, rows, modelInputs: false);
        return rows;
    }, ct);

    /// <returns>The runs that changed.</returns>
    public Task<List<RunStore.RunRow>> MoveAsync(long experiment, IReadOnlyList<string> ids, string from, string to, long now, string actor, CancellationToken ct) => db.WriteAsync(async session =>
    {
        var runs = (await RequireAsync(session, experiment, ids)).FindAll(r => r.Lifecycle == from);
        if (runs.Count == 0) return runs;
        long? deleted = to == Lifecycle.Deleted ? now : null;
        await session.ExecuteAsync($"UPDATE trk_run SET lifecycle = @to, deleted_ms = @deleted WHERE {session.Dialect.In("num", "@nums")}", new { to, deleted, nums = runs.Select(r => r.Num).ToArray() });
        await audit.AppendAsync(session, new AuditEvent(actor, to == Lifecycle.Deleted ? "run.delete" : "run.restore", $"experiments/{experiment}", new { runs = runs.Select(r => r.Id) }));
        return runs;
    }, ct);

    public Task<List<RunStore.RunRow>> TagAsync(long experiment, IReadOnlyList<string> ids, MlflowPair tag, string actor, CancellationToken ct) => db.WriteAsync(async session =>
    {
        var runs = await RequireAsync(session, experiment, ids);
        if (runs.Find(r => r.Lifecycle != Lifecycle.Active) is { } deleted)
            throw new PilothouseException(ErrorCode.InvalidArgument, $"The run {deleted.Id} is deleted: restore it before it is tagged. No run was changed.");
        foreach (var run in runs) await RunStore.SetTagsAsync(session, run.Num, [tag]);
        await audit.AppendAsync(session, new AuditEvent(actor, "run.tag", $"experiments/{experiment}", new { tag = tag.Key, runs = runs.Select(r => r.Id) }));
        return runs;
    }, ct);

    private static async Task<List<RunStore.RunRow>> RequireAsync(DbSession session, long experiment, IReadOnlyList<string> ids)
    {
        var wanted = ids.Distinct(StringComparer.Ordinal).ToArray();
        var runs = await session.QueryAsync<RunStore.RunRow>($"SELECT {RunStore.Columns} FROM trk_run r WHERE r.experiment = @experiment AND {session.Dialect.In("r.id", "@wanted")} ORDER BY r.num", new { experiment, wanted });
        if (runs.Count == wanted.Length) return runs;
        var missing = wanted.Except(runs.Select(r => r.Id), StringComparer.Ordinal).First();
        throw new PilothouseException(ErrorCode.NotFound, $"The experiment {experiment} has no run '{missing}'. No run was changed.");
    }

    private sealed class CountRow
    {
        public string Parent { get; set; } = "";
        public long Count { get; set; }
    }
}
