using Pilothouse.Server.Modules.Blobs;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Audit;
using Pilothouse.Server.Modules.Deployments;
using Pilothouse.Server.Modules.Gateway.Api;
using Pilothouse.Server.Modules.Monitoring.Api;
using Pilothouse.Server.Platform;
using Pilothouse.Server.Tests.Modules.Monitoring;
using Pilothouse.Testing;

namespace Pilothouse.Server.Tests.Modules.Deployments;

/// <summary>Deployments and monitoring on a real database with a fake gateway and fake time. <see cref="RestartAsync"/> is a crash.</summary>
internal sealed class DeploymentFixture
{
    public const string Route = "shop/production/assistant";
    private readonly TestDatabase _database;
    private readonly Ids _ids;

    public DeploymentFixture(TestDatabase database)
    {
        _database = database;
        _ids = new Ids(Time);
        Monitoring = new MonitoringFixture(database);
        Audit = new AuditService(new AuditStore(database.Db), database.Time);
        Build();
    }

    public FakeTimeProvider Time => _database.Time;
    public MonitoringFixture Monitoring { get; }
    public AuditService Audit { get; }
    public FakeRoutes Routes { get; } = new();
    public FakeReleases Releases { get; } = new();
    public FakeRepositories Repositories { get; } = new();
    public RolloutController Controller { get; private set; } = null!;
    public DeploymentService Deployments { get; private set; } = null!;
    public DeploymentStore Store { get; private set; } = null!;

    public async Task RestartAsync()
    {
        Monitoring.Restart();
        Build();
        await Controller.ResumeAsync(default);
    }

    /// <summary>Adds a release <c>sha256:NAME...</c> with model version <paramref name="version"/> and the evidence that production demands.</summary>
    public string Release(string name, int version = 1, string? environment = null, params ReleaseEvidence[] evidence)
    {
        var digest = "sha256:" + name.PadRight(8, name[^1]);
        Repositories.Files[name] = $$"""
            apiVersion: pilothouse/v1
            project: shop
            models: { assistant: { kind: generative, engine: onnx, version: {{version}}, prompt: prompts/p.yaml, parameters: { temperature: 0 } } }
            data: { held: { path: d.jsonl } }
            suites: { quality: { model: assistant, data: held, scorers: [{ name: exact, type: exact }], gates: [{ scorer: exact, type: floor, min: 0.8 }] } }
            fairness: { pronouns: { model: assistant, method: pronoun_preference, templates: ["The {group} said"], groups: [nurse, pilot], words: { female: " she", male: " he" }, max_gap: 0.2 } }
            monitors: { grounded-answers: { model: assistant, metric: grounded, reference: 0.9, alpha: 0.01, min_samples: 20 } }
            alerts: [{ webhook: "http://hook/one", monitors: [grounded-answers] }]
            environments:
              production: {{environment ?? "{ target: local, rollout: { steps: [10, 50, 100], interval: 5s, min_requests: 30, monitors: [grounded-answers] } }"}}
            """;
        Releases.All[digest] = new Release(digest, "shop", name, "Change " + name, "ann", 0, [new ReleaseComponent("model", "assistant", $"models:/assistant/{version}", "sha256:m", 1)],
            evidence.Length > 0 ? evidence : [Evidence("evaluation", "quality", "PASS"), Evidence("fairness", "pronouns", "PASS")]);
        return digest;
    }

    /// <param name="name">What it covers.</param>
    public static ReleaseEvidence Evidence(string type, string name, string verdict, long timeMs = 1) => new(type, name, "sha256:e", verdict, $"{type} said {verdict}", "1", "ann", timeMs);

    public Task<Rollout> DeployAsync(string release) => Deployments.DeployAsync("shop", "production", release, "ann", "because", default);

    public Task<Rollout> RollbackAsync(string? to = null) => Deployments.RollbackAsync("shop", "production", to, "bob", "it is bad", default);

    /// <summary>The canary answers; then one look at the clock.</summary>
    public async Task ServeCanaryAsync(string release, int count, bool good = true)
    {
        for (var i = 0; i < count; i++)
            await Controller.OnServedAsync(new ResponseServed(Route, "shop/production", release, "canary", "models:/assistant/2", "t", Time.NowMs(), "Where?", good ? "In Lisbon." : "Somewhere.", false, 10, 5, 5,
                null, new Dictionary<string, string> { ["must_contain"] = "Lisbon" }), default);
    }

    public async Task TickAsync(double afterSeconds)
    {
        Time.Advance(TimeSpan.FromSeconds(afterSeconds));
        await Controller.TickAsync(default);
    }

    /// <summary>Hands alerts on that were raised meanwhile.</summary>
    public async Task PumpAsync()
    {
        foreach (var fired in Monitoring.Bus.Take<AlertFired>()) await Controller.OnAlertAsync(fired, default);
    }

    public async Task<List<string>> AuditAsync() => [.. (await Audit.ListAsync("environments/shop/production", null, 100, default)).Reverse().Select(e => $"{e.Actor} {e.Action}")];

    private void Build()
    {
        Store = new DeploymentStore(_database.Db, Audit, Time);
        var monitors = Monitoring.Monitors;
        var reconciler = new Reconciler(Store, Routes, monitors);
        Controller = new RolloutController(Store, reconciler, monitors, Monitoring.Bus, Time, NullLogger<RolloutController>.Instance);
        var custody = new CustodyService(Store, Controller, Releases, Routes, monitors, Audit, Time);
        Deployments = new DeploymentService(Store, Controller, reconciler, new RoutePlanner(Repositories, BlobStore.OnDisk(new ServerOptions { Data = Path.Combine(Path.GetTempPath(), _ids.New()) }, _ids, Time)), custody, Releases, Repositories, _ids, Time);
    }
}
