using System.Globalization;
using Pilothouse.Protocols.Mlflow;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Tracking.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Tracking.Table;

/// <summary>Rules of the table of runs.</summary>
internal sealed class RunTableService(RunSearch search, RunTableStore store, RunColumnStore names, RunGroupStore groups, ExperimentStore experiments, IEventBus events, ILineage lineage, TimeProvider time) : IRunTable
{
    public const int MaxPage = 1000;
    public const int MaxCount = 10_000;
    public const int MaxSelected = 1000;
    private const int MaxMetrics = 20;
    private const int MaxPrefix = 200;

    public async Task<ExperimentSummary> ExperimentAsync(string id, CancellationToken ct) =>
        await experiments.SummaryAsync(ExperimentService.ParseId(id), ct) ?? throw ExperimentService.Missing(id);

    public async Task<Page<RunSummary>> SearchAsync(RunQuery query, int limit, string? pageToken, CancellationToken ct)
    {
        var (rows, token) = await search.PageAsync(Compose(query, query.OrderBy, pageToken), Math.Clamp(limit, 1, MaxPage), ct);
        return new Page<RunSummary>(rows.ConvertAll(RunQueries.Summary), token);
    }

    public async Task<BoundedCount> CountAsync(RunQuery query, CancellationToken ct)
    {
        var count = await store.CountAsync(Compose(query, [], null), MaxCount, ct);
        return new BoundedCount((int)Math.Min(count, MaxCount), count > MaxCount);
    }

    public async Task<IReadOnlyList<RunSummary>> FindAsync(IReadOnlyList<string> runIds, CancellationToken ct)
    {
        CheckCount(runIds);
        var rows = (await store.FindAsync(runIds, ct)).ToDictionary(r => r.Id, StringComparer.Ordinal);
        return [.. runIds.Distinct(StringComparer.Ordinal).Where(rows.ContainsKey).Select(id => RunQueries.Summary(rows[id]))];
    }

    public Task<RunColumns> ColumnsAsync(string experimentId, CancellationToken ct) => names.NamesAsync(ExperimentService.ParseId(experimentId), ct);

    public Task<IReadOnlyList<string>> ValuesAsync(string experimentId, string column, string prefix, CancellationToken ct) =>
        names.ValuesAsync(ExperimentService.ParseId(experimentId), MlflowOrder.Parse([column])[0], prefix.Length > MaxPrefix ? prefix[..MaxPrefix] : prefix, ct);

    public Task<RunGroups> GroupAsync(RunQuery query, string by, IReadOnlyList<string> metrics, CancellationToken ct)
    {
        var key = MlflowOrder.Parse([by])[0];
        if (key.Entity == MlflowEntity.Metric || key is { Entity: MlflowEntity.Attribute, Key: not ("status" or "user_id" or "run_name") })
            throw new PilothouseException(ErrorCode.InvalidArgument, $"Runs cannot be grouped by '{by}': choose a param, a tag, or one of status, user_id, run_name.");
        return groups.ReadAsync(Compose(query, [], null), key, [.. metrics.Distinct(StringComparer.Ordinal).Take(MaxMetrics)], ct);
    }

    public async Task<IReadOnlyDictionary<string, int>> ChildCountsAsync(IReadOnlyList<string> runIds, RunStage stage, CancellationToken ct)
    {
        CheckCount(runIds);
        return runIds.Count == 0 ? new Dictionary<string, int>() : (await store.ChildCountsAsync(runIds, LifecycleOf(stage), ct)).ToDictionary(c => c.Parent, c => (int)c.Count, StringComparer.Ordinal);
    }

    public async Task<IReadOnlyList<RunSummary>> ChildrenAsync(string parentRunId, RunStage stage, int limit, CancellationToken ct) =>
        (await store.ChildrenAsync(parentRunId, LifecycleOf(stage), Math.Clamp(limit, 1, MaxPage), ct)).ConvertAll(RunQueries.Summary);

    public async Task ExportAsync(RunQuery query, IReadOnlyList<string> columns, string format, Stream output, CancellationToken ct)
    {
        var all = Compose(query, [], null); // a faulty filter is told before the first byte
        await using var writer = RunExport.Create(format, output);
        if (writer.NeedsColumns && columns.Count == 0) columns = await names.AllAsync(all, ct);
        await writer.BeginAsync(columns);
        await foreach (var page in PagesAsync(query, ct)) await writer.WriteAsync(page);
        await writer.EndAsync();
    }

    public async Task<int> MoveAsync(string experimentId, IReadOnlyList<string> runIds, RunStage to, string actor, CancellationToken ct)
    {
        CheckCount(runIds);
        var (from, target) = to switch
        {
            RunStage.Deleted => (Lifecycle.Active, Lifecycle.Deleted),
            RunStage.Active => (Lifecycle.Deleted, Lifecycle.Active),
            _ => throw new PilothouseException(ErrorCode.InvalidArgument, "Runs are moved to active or to deleted."),
        };
        if (to == RunStage.Deleted) await lineage.RequireFreeAsync([.. runIds.Select(LineageNode.Run)], runIds.Count == 1 ? $"Run {runIds[0]}" : "One of these runs", ct);
        return await AnnounceAsync(await store.MoveAsync(ExperimentService.ParseId(experimentId), runIds, from, target, time.NowMs(), actor, ct), ct);
    }

    public async Task TagAsync(string experimentId, IReadOnlyList<string> runIds, string key, string value, string actor, CancellationToken ct)
    {
        CheckCount(runIds);
        if (key.Length == 0) throw new PilothouseException(ErrorCode.InvalidArgument, "A tag needs a name.");
        Names.CheckKey(key, "key", "key");
        await AnnounceAsync(await store.TagAsync(ExperimentService.ParseId(experimentId), runIds, new MlflowPair(key, Names.Cut(value, Names.MaxTagValue)), actor, ct), ct);
    }

    private async Task<int> AnnounceAsync(List<RunStore.RunRow> runs, CancellationToken ct)
    {
        foreach (var run in runs) await events.PublishAsync(new RunChanged(run.Id, run.Status), ct);
        return runs.Count;
    }

    private async IAsyncEnumerable<IReadOnlyList<RunSummary>> PagesAsync(RunQuery query, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken ct)
    {
        string? token = null;
        do
        {
            var (rows, next) = await search.PageAsync(Compose(query, [], token), MaxPage, ct);
            yield return rows.ConvertAll(RunQueries.Summary);
            token = next;
        }
        while (token is not null);
    }

    private SortedSearch Compose(RunQuery query, IReadOnlyList<string> orderBy, string? token)
    {
        var composed = search.Compose([ExperimentService.ParseId(query.ExperimentId)], query.Filter, orderBy,
            query.Stage switch { RunStage.Active => "ACTIVE_ONLY", RunStage.Deleted => "DELETED_ONLY", _ => "ALL" }, token);
        if (query.TopLevelOnly) composed.And(RunTableStore.TopLevel);
        return composed;
    }

    private static string? LifecycleOf(RunStage stage) => stage switch { RunStage.Active => Lifecycle.Active, RunStage.Deleted => Lifecycle.Deleted, _ => null };

    private static void CheckCount(IReadOnlyList<string> runIds)
    {
        if (runIds.Count > MaxSelected)
            throw new PilothouseException(ErrorCode.InvalidArgument, string.Create(CultureInfo.InvariantCulture, $"At most {MaxSelected} runs can be named at once; there are {runIds.Count}. Do it in parts."));
    }
}
