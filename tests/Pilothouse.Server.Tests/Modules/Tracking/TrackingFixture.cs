using Microsoft.Extensions.Logging.Abstractions;
using Pilothouse.Protocols.Mlflow;
using Pilothouse.Server.Modules.Tracking;
using Pilothouse.Server.Platform;
using Pilothouse.Testing;

namespace Pilothouse.Server.Tests.Modules.Tracking;

/// <summary>The module's services on a database of their own.</summary>
internal sealed class TrackingFixture : IAsyncDisposable
{
    private readonly TestDatabase _database;
    private readonly MetricIngest _ingest;

    private TrackingFixture(TestDatabase database)
    {
        _database = database;
        RunStore = new RunStore(database.Db);
        Search = new RunSearch(database.Db, new RunJson(new MetricNames()));
        History = new MetricHistory(database.Db);
        Experiments = new ExperimentService(new ExperimentStore(database.Db), new TrackingHolders(database.Db, new Pilothouse.Server.Platform.Lineage(() => [])), database.Time);
        Metrics = new MetricStore();
        Index = new SeriesIndex(database.Db);
        Indexer = new SeriesIndexer(Index, Metrics, NullLogger<SeriesIndexer>.Instance);
        Series = new SeriesService(new SeriesStore(database.Db), Indexer);
        _ingest = new MetricIngest(database.Db, Metrics, Indexer);
        Runs = new RunService(database.Db, RunStore, _ingest, new EventBus(NullLogger<EventBus>.Instance), new Pilothouse.Server.Platform.Lineage(() => []), new Ids(database.Time), database.Time);
    }

    public RunStore RunStore { get; }

    public RunSearch Search { get; }

    public MetricHistory History { get; }

    public ExperimentService Experiments { get; }

    public RunService Runs { get; }

    public MetricStore Metrics { get; }

    public SeriesIndex Index { get; }

    public SeriesIndexer Indexer { get; }

    public SeriesService Series { get; }

    public static async Task<TrackingFixture> CreateAsync(string kind) => new(await TestDatabase.CreateAsync(kind));

    public async Task<string> CreateRunAsync(string name = "", long startMs = 0) => (await Runs.CreateAsync("0", "ann", name, startMs, [], default)).Id;

    public Task LogAsync(string run, string key, long step, double value) => Runs.LogMetricAsync(run, key, new MlflowPoint(0, 1000 + step, step, value), null, default);

    public async ValueTask DisposeAsync()
    {
        await _ingest.DisposeAsync();
        await _database.DisposeAsync();
    }
}
