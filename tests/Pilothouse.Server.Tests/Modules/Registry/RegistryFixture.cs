using Microsoft.Extensions.Time.Testing;
using Pilothouse.Data;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Audit;
using Pilothouse.Server.Modules.Audit.Api;
using Pilothouse.Server.Modules.Blobs;
using Pilothouse.Server.Modules.Registry;
using Pilothouse.Server.Platform;
using Pilothouse.Server.Tests.Modules.Blobs;
using Pilothouse.Server.Tests.Modules.Monitoring;
using Pilothouse.Testing;

namespace Pilothouse.Server.Tests.Modules.Registry;

/// <summary>The registry's services on a database and a blob directory of their own.</summary>
internal sealed class RegistryFixture : IAsyncDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("pilothouse-test-");
    private readonly TestDatabase _database;

    private RegistryFixture(TestDatabase database)
    {
        _database = database;
        var options = new ServerOptions { Data = _directory.FullName };
        Directory.CreateDirectory(options.TemporaryPath);
        var ids = new Ids(database.Time);
        Blobs = BlobStore.OnDisk(options, ids, database.Time);
        Audit = new AuditService(new AuditStore(database.Db), database.Time);
        var datasets = new DatasetStore(database.Db, Audit);
        Datasets = new DatasetService(datasets, Blobs, new NoQuota(), Events, options, database.Time);
        Content = new DatasetReader(Datasets, datasets, Blobs, new DatasetDiffs(Blobs, options, ids), options);
        Maker = new DatasetMaker(Datasets, Blobs, options, ids);
        Store = new RegistryStore(database.Db, Audit);
        var announcer = new RegistryAnnouncer(Events);
        Models = new ModelService(Store, datasets, Blobs, new NoQuota(), new ModelCache(Blobs, options, ids), announcer, database.Time);
        Prompts = new PromptService(Store, announcer, database.Time);
    }

    public Db Db => _database.Db;

    public FakeTimeProvider Time => _database.Time;

    public string BlobsPath => Path.Combine(_directory.FullName, "blobs");

    public BlobStore Blobs { get; }

    public AuditService Audit { get; }

    public ModelService Models { get; }

    public DatasetService Datasets { get; }

    public DatasetReader Content { get; }

    public DatasetMaker Maker { get; }

    public PromptService Prompts { get; }

    public RegistryStore Store { get; }

    public RecordingBus Events { get; } = new();

    public static async Task<RegistryFixture> CreateAsync(string kind = "sqlite") => new(await TestDatabase.CreateAsync(kind));

    public async Task<ModelVersion> RegisterAsync(string name, Dictionary<string, byte[]> files, string kind = "classifier", Func<NewModelVersion, NewModelVersion>? with = null)
    {
        var version = new NewModelVersion(kind, await Blobs.StoreAsync(files));
        return await Models.RegisterAsync(name, with?.Invoke(version) ?? version, "ann", default);
    }

    public Task<IReadOnlyList<AuditEntry>> AuditAsync(string subject) => Audit.ListAsync(subject, null, 100, default);

    public async ValueTask DisposeAsync()
    {
        await _database.DisposeAsync();
        _directory.Delete(recursive: true);
    }
}
