using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Time.Testing;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Audit;
using Pilothouse.Server.Modules.Monitoring;
using Pilothouse.Server.Modules.Monitoring.Api;
using Pilothouse.Server.Modules.Monitoring.Webhooks;
using Pilothouse.Server.Platform;
using Pilothouse.Testing;

namespace Pilothouse.Server.Tests.Modules.Monitoring;

/// <summary>The module on a database; <see cref="Restart"/> is a crash: what was only in memory is gone.</summary>
internal sealed class MonitoringFixture
{
    public const string Environment = "shop/production";
    private readonly TestDatabase _database;
    private readonly Ids _ids;

    public MonitoringFixture(TestDatabase database)
    {
        _database = database;
        _ids = new Ids(Time);
        Alerts = new AlertStore(database.Db);
        var audit = new AuditService(new AuditStore(database.Db), Time);
        Webhooks = new WebhookStore(database.Db, audit);
        var server = new ServerOptions { Data = Path.GetTempPath() };
        Secrets = new WebhookSecrets(server, Options.Create(Settings));
        Poster = new WebhookPoster(Webhooks, Secrets, Time);
        Sender = new WebhookSender(Alerts, Poster, Receiver, Time, Options.Create(Settings), NullLogger<WebhookSender>.Instance);
        Restart();
    }

    public FakeTimeProvider Time => _database.Time;
    public MonitoringOptions Settings { get; } = new() { WebhookAttempts = 4, WebhookKey = Convert.ToBase64String(new byte[32]) };
    public RecordingBus Bus { get; } = new();
    public ScriptedReceiver Receiver { get; } = new();
    public AlertStore Alerts { get; }
    public WebhookSender Sender { get; }
    public WebhookStore Webhooks { get; }
    public WebhookSecrets Secrets { get; }
    public WebhookPoster Poster { get; }
    public MonitorService Monitors { get; private set; } = null!;

    public void Restart()
    {
        Monitors = new MonitorService(new MonitorStore(_database.Db), Alerts, new AlertWriter(_ids, Time, new ServerOptions(), Options.Create(Settings)), Sender, Bus, _ids, Time, Options.Create(Settings),
            NullLogger<MonitorService>.Instance);
    }

    public static MonitorDefinition Grounded(int minSamples = 20) => new("grounded-answers", "grounded", 0.9, 0.01, minSamples, "assistant", null, ["http://hook/one"]);

    public Task StartAsync(string arm = "stable", string release = "sha256:a", params MonitorDefinition[] monitors) =>
        Monitors.StartAsync(new MonitorTarget(Environment, arm, release, []), monitors.Length > 0 ? monitors : [Grounded()], default);

    /// <summary>Serves answers of which every <paramref name="badEvery"/>-th does not name the city; 0 = all good.</summary>
    public async Task ServeAsync(int count, int badEvery = 0, string arm = "stable", string release = "sha256:a", string model = "assistant")
    {
        for (var i = 1; i <= count; i++)
        {
            Time.Advance(TimeSpan.FromMilliseconds(10));
            await Monitors.ObserveAsync(Response(badEvery > 0 && i % badEvery == 0 ? "Somewhere." : "To LISBON.", arm, release, model), default);
        }
    }

    public Observation Response(string output, string arm = "stable", string release = "sha256:a", string model = "assistant", bool failed = false, double latencyMs = 10, double? logProbability = null) =>
        new(Environment, arm, release, "t", Time.NowMs(), "Where is it?", output, failed, latencyMs, logProbability, new Dictionary<string, string> { ["must_contain"] = "Lisbon" }, model);
}
