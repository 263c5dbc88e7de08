using Pilothouse.Data;
using Pilothouse.Protocols.Mlflow;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Traces;

/// <summary><c>traces/search</c>, with pages that go on behind the last trace of the page before.</summary>
internal sealed class TraceSearch(Db db, MlflowTraceStore store)
{
    public const int MaxLimit = 500;
    public const int DefaultLimit = 100;
    public const int MaxExperiments = 1000;

    /// <summary>Spans that one call reads to look into them; a page then ends early, and its token goes on.</summary>
    private const int MaxSpansRead = 50_000;

    /// <summary>Traces that one call looks at one by one.</summary>
    private const int MaxTracesRead = 20_000;

    /// <summary>Ids that a correlation counts.</summary>
    private const int MaxIds = 500_000;

    private const int Batch = 200;

    /// <returns>Traces, and a token when the page is full or the call has looked at as much as it may.</returns>
    public async Task<(List<TraceInfo> Traces, string? NextToken)> SearchAsync(IReadOnlyCollection<string> experimentIds, string? filter, IReadOnlyList<string> orderBy, int limit, string? pageToken, CancellationToken ct)
    {
        var parsed = MlflowFilter.Parse(filter, MlflowGrammar.Traces);
        var orders = MlflowOrder.Parse(orderBy, MlflowGrammar.Traces);
        var found = new List<string>();
        var token = pageToken;
        int spansRead = 0, tracesRead = 0;
        while (true)
        {
            var search = new SortedSearch(db.Dialect);
            TraceFilter.Sort(search, orders);
            search.StartAfter(token);
            var post = Prepare(search, experimentIds, parsed);
            if (post is null)
            {
                var page = experimentIds.Count == 0 ? [] : await PageAsync(search, limit, ct);
                return (await LoadAsync(page.ConvertAll(r => r.Id), ct), page.Count == limit ? page[^1].Token : null);
            }
            var rows = experimentIds.Count == 0 ? [] : await PageAsync(search, Batch, ct);
            var matches = await MatchAsync(rows, post, ct);
            foreach (var row in rows)
            {
                tracesRead++;
                spansRead += matches.Spans.GetValueOrDefault(row.Id);
                token = row.Token;
                if (matches.Ids.Contains(row.Id)) found.Add(row.Id);
                if (found.Count == limit) return (await LoadAsync(found, ct), token);
            }
            if (rows.Count < Batch) return (await LoadAsync(found, ct), null);
            if (spansRead >= MaxSpansRead || tracesRead >= MaxTracesRead) return (await LoadAsync(found, ct), token);
        }
    }

    /// <summary>Ids of all traces that pass.</summary>
    /// <exception cref="PilothouseException">More than can be counted.</exception>
    public async Task<HashSet<string>> IdsAsync(IReadOnlyCollection<string> experimentIds, string? filter, CancellationToken ct)
    {
        var parsed = MlflowFilter.Parse(filter, MlflowGrammar.Traces);
        var ids = new HashSet<string>();
        if (experimentIds.Count == 0) return ids;
        string? token = null;
        var post = default(TracePostFilter);
        do
        {
            var search = new SortedSearch(db.Dialect);
            search.Sort(new SortKey("t.trace_id", null, IsText: true, Descending: false));
            search.StartAfter(token);
            post = Prepare(search, experimentIds, parsed);
            var rows = await PageAsync(search, post is null ? MaxIds + 1 : Batch, ct);
            if (ids.Count + rows.Count > MaxIds) throw new PilothouseException(ErrorCode.InvalidArgument, $"More than {MaxIds} traces: narrow the search, for example by timestamp_ms.");
            if (post is null) ids.UnionWith(rows.Select(r => r.Id));
            else ids.UnionWith((await MatchAsync(rows, post, ct)).Ids);
            token = post is not null && rows.Count == Batch ? rows[^1].Token : null;
        }
        while (token is not null);
        return ids;
    }

    private static TracePostFilter? Prepare(SortedSearch search, IReadOnlyCollection<string> experimentIds, MlflowFilter filter)
    {
        if (experimentIds.Count == 1) search.And($"t.experiment_id = {search.Bind(experimentIds.First())}");
        else search.And(search.Dialect.In("t.experiment_id", search.Bind(experimentIds.ToArray())));
        return TraceFilter.Apply(search, filter);
    }

    private Task<List<(string Id, string Token)>> PageAsync(SortedSearch search, int limit, CancellationToken ct) => db.ReadAsync(async session =>
    {
        var sql = $"SELECT t.trace_id AS id, {search.CursorColumns} FROM trc_trace t WHERE {search.Where} ORDER BY {search.OrderBy} LIMIT {search.Bind(limit)}";
        var rows = await session.QueryAsync<dynamic>(sql, search.Args);
        return rows.ConvertAll(row => ((string)((IDictionary<string, object?>)row)["id"]!, search.TokenOf((IDictionary<string, object?>)row)));
    }, ct);

    private async Task<(HashSet<string> Ids, Dictionary<string, int> Spans)> MatchAsync(List<(string Id, string Token)> rows, TracePostFilter post, CancellationToken ct)
    {
        var ids = rows.ConvertAll(r => r.Id);
        var infos = await store.LoadAsync(ids, ct);
        var runs = await RunsAsync(ids, ct);
        var matching = new HashSet<string>();
        var read = new Dictionary<string, int>();
        foreach (var id in ids.Where(infos.ContainsKey))
        {
            var payloads = post.NeedsSpans ? (await store.SpansAsync([id], ct))[id] : [];
            read[id] = payloads.Count;
            IReadOnlyList<SpanRecord> spans = [.. payloads.Select(p => SpanMapping.ForMlflow(SpanPayload.Read(p)))];
            if (post.Matches(infos[id], runs.GetValueOrDefault(id, []), spans)) matching.Add(id);
        }
        return (matching, read);
    }

    private Task<Dictionary<string, List<string>>> RunsAsync(List<string> ids, CancellationToken ct) => db.ReadAsync(async session =>
    {
        var rows = await session.QueryAsync<RunRow>($"SELECT trace_id AS TraceId, run_id AS RunId FROM trc_run WHERE {session.Dialect.In("trace_id", "@ids")} LIMIT 100000", new { ids = ids.ToArray() });
        return rows.GroupBy(r => r.TraceId).ToDictionary(g => g.Key, g => g.Select(r => r.RunId).ToList());
    }, ct);

    private async Task<List<TraceInfo>> LoadAsync(List<string> ids, CancellationToken ct)
    {
        var found = await store.LoadAsync(ids, ct);
        return [.. ids.Where(found.ContainsKey).Select(id => found[id])];
    }

    private sealed class RunRow
    {
        public string TraceId { get; init; } = "";
        public string RunId { get; init; } = "";
    }
}
