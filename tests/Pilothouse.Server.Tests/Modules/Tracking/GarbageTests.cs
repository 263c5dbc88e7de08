using System.Globalization;
using System.Net;
using System.Text;
using Dapper;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;
using Pilothouse.Client;
using Pilothouse.Data;
using Pilothouse.Protocols.Mlflow;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Blobs.Api;
using Pilothouse.Server.Modules.Tracking.Garbage;
using Pilothouse.Testing;

namespace Pilothouse.Server.Tests.Modules.Tracking;

/// <summary><c>pilothouse gc</c> over HTTP.</summary>
public class GarbageTests
{
    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));

    [Theory, DatabaseData]
    public async Task A_purged_run_leaves_nothing_behind(string kind)
    {
        await using var server = await StartAsync(kind);
        var (run, kept) = (await FullRunAsync(server, "0", "gone"), await FullRunAsync(server, "0", "kept"));
        await PostAsync(server, "runs/delete", new { run_id = run.RunId });

        var report = await server.Client.CollectGarbageAsync(new GarbageRequest { DryRun = false }, default);

        Assert.Equal((1, 1L), (report.Runs, report.Files));
        Assert.Equal(HttpStatusCode.NotFound, (await server.Http.GetAsync($"api/2.0/mlflow/runs/get?run_id={run.RunId}")).StatusCode);
        await using var scope = server.Services.CreateAsyncScope();
        var db = server.Service<Db>();
        foreach (var table in await RunTablesAsync(db))
        {
            var runs = await db.ReadAsync(session => session.QueryAsync<long>($"SELECT DISTINCT run FROM {table}"), default);
            Assert.True(runs.All(r => r == 2), $"{table} still has rows of the purged run");
        }
        Assert.Equal(1.5, (await server.Client.SendAsyncRun(kept.RunId!)).GetProperty("run").GetProperty("data").GetProperty("metrics")[0].GetProperty("value").GetDouble());
    }

    [Theory, DatabaseData]
    public async Task Every_table_of_runs_is_purged(string kind)
    {
        await using var database = await TestDatabase.CreateAsync(kind);
        Assert.Equal(PurgeStore.TablesOfRuns.Append("trk_metric").Order(StringComparer.Ordinal), (await RunTablesAsync(database.Db)).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task By_default_it_only_says_what_would_go()
    {
        await using var server = await StartAsync("sqlite");
        var run = await FullRunAsync(server, "0", "gone");
        await PostAsync(server, "runs/delete", new { run_id = run.RunId });

        var report = await server.Client.CollectGarbageAsync(new GarbageRequest(), default);

        Assert.True(report.DryRun);
        Assert.Equal(("run", run.RunId, "gone", 1L, 5L), (report.Items[0].Kind, report.Items[0].Id, report.Items[0].Name, report.Items[0].Files, report.Items[0].FileBytes));
        await PostAsync(server, "runs/restore", new { run_id = run.RunId });
        Assert.Equal("hello", await server.Http.GetStringAsync($"api/2.0/mlflow-artifacts/artifacts/0/{run.RunId}/artifacts/note.txt"));
    }

    [Fact]
    public async Task Only_what_was_deleted_long_enough_ago_goes()
    {
        await using var server = await StartAsync("sqlite");
        var (old, young) = (await FullRunAsync(server, "0", "old"), await FullRunAsync(server, "0", "young"));
        await PostAsync(server, "runs/delete", new { run_id = old.RunId });
        _time.Advance(TimeSpan.FromDays(2));
        await PostAsync(server, "runs/delete", new { run_id = young.RunId });

        var report = await server.Client.CollectGarbageAsync(new GarbageRequest { DryRun = false, OlderThanSeconds = 24 * 3600 }, default);

        Assert.Equal(old.RunId, Assert.Single(report.Items).Id);
        Assert.Equal(HttpStatusCode.OK, (await server.Http.GetAsync($"api/2.0/mlflow/runs/get?run_id={young.RunId}")).StatusCode);
        var refused = await Assert.ThrowsAsync<PilothouseApiException>(() => server.Client.CollectGarbageAsync(new GarbageRequest { DryRun = false, OlderThanSeconds = 24 * 3600, RunIds = [young.RunId!] }, default));
        Assert.Equal(400, refused.Status);
    }

    [Theory, DatabaseData]
    public async Task A_blob_goes_after_its_time_of_grace_unless_something_names_it(string kind)
    {
        await using var server = await StartAsync(kind);
        var blobs = server.Service<IBlobStore>();
        var run = await CreateRunAsync(server, "0", "r");
        foreach (var (name, text) in (KeyValuePair<string, string>[])[new("lonely", "nobody names me"), new("shared", "another run has me"), new("listed", "a document lists me"), new("tagged", "a tag names me"), new("again", "I am stored again")])
            await server.Client.PutArtifactAsync(run, name, text);
        var other = await CreateRunAsync(server, "0", "other");
        await server.Client.PutArtifactAsync(other, "copy", "another run has me");
        // A manifest that a data set version names, which lists a blob.
        var manifest = Encoding.UTF8.GetBytes($"[\"{Digest("a document lists me")}\"]");
        var document = (await blobs.PutAsync(manifest, default)).Digest;
        await PostAsync(server, "runs/set-tag", new { run_id = other.RunId, key = "manifest", value = document });
        await PostAsync(server, "runs/set-tag", new { run_id = other.RunId, key = "names", value = $"see {Digest("a tag names me")}" });
        await PostAsync(server, "runs/delete", new { run_id = run.RunId });

        var first = await server.Client.CollectGarbageAsync(new GarbageRequest { DryRun = false }, default);
        Assert.Equal((0, 5), (first.Blobs.Deleted, first.Blobs.Waiting));
        _time.Advance(TimeSpan.FromHours(25));
        await blobs.PutAsync(Encoding.UTF8.GetBytes("I am stored again"), default);
        var preview = await server.Client.CollectGarbageAsync(new GarbageRequest(), default);
        var second = await server.Client.CollectGarbageAsync(new GarbageRequest { DryRun = false }, default);

        Assert.Equal((1, 15L, 3, 1), (preview.Blobs.Deleted, preview.Blobs.Bytes, preview.Blobs.Needed, preview.Blobs.Waiting));
        Assert.Equal((1, 15L, 3, 1), (second.Blobs.Deleted, second.Blobs.Bytes, second.Blobs.Needed, second.Blobs.Waiting));
        Assert.Null(await blobs.FindAsync(Digest("nobody names me"), default));
        foreach (var text in (string[])["another run has me", "a document lists me", "a tag names me", "I am stored again"]) Assert.NotNull(await blobs.FindAsync(Digest(text), default));
        Assert.True((await server.Client.VerifyAuditAsync(default)).Valid);
    }

    [Theory, DatabaseData]
    public async Task An_experiment_goes_with_its_runs_and_models_and_frees_its_name(string kind)
    {
        await using var server = await StartAsync(kind);
        var experiment = await server.Client.EnsureExperimentAsync("short-lived", default);
        await FullRunAsync(server, experiment, "r");
        await PostAsync(server, "experiments/delete", new { experiment_id = experiment });

        var report = await server.Client.CollectGarbageAsync(new GarbageRequest { DryRun = false }, default);

        Assert.Equal((1, 1, 1), (report.Experiments, report.Runs, report.Models));
        Assert.NotEqual(experiment, await server.Client.EnsureExperimentAsync("short-lived", default));
        Assert.Equal(HttpStatusCode.NotFound, (await server.Http.GetAsync($"api/2.0/mlflow/experiments/get?experiment_id={experiment}")).StatusCode);
    }

    [Theory, DatabaseData]
    public async Task The_traces_of_an_experiment_go_with_it(string kind)
    {
        await using var server = await StartAsync(kind);
        var experiment = await server.Client.EnsureExperimentAsync("short-lived", default);
        foreach (var (id, owner) in (KeyValuePair<string, string>[])[new("1", experiment), new("2", "0")])
        {
            await PostRawAsync(server, "api/3.0/mlflow/traces", new
            {
                trace = new { trace_info = new { trace_id = $"tr-{id.PadLeft(32, '0')}", trace_location = new { type = "MLFLOW_EXPERIMENT", mlflow_experiment = new { experiment_id = owner } }, request_time = "2026-01-01T00:00:00Z", state = "OK" } },
            });
        }
        await PostAsync(server, "experiments/delete", new { experiment_id = experiment });

        await server.Client.CollectGarbageAsync(new GarbageRequest { DryRun = false }, default);

        await Eventually.TrueAsync(async () => (await server.Http.GetAsync($"api/3.0/mlflow/traces/get?trace_id=tr-{"1".PadLeft(32, '0')}")).StatusCode == HttpStatusCode.NotFound);
        Assert.Equal(HttpStatusCode.OK, (await server.Http.GetAsync($"api/2.0/mlflow/traces/tr-{"2".PadLeft(32, '0')}/info")).StatusCode);
    }

    [Fact]
    public async Task An_abandoned_upload_is_forgotten_after_a_week()
    {
        await using var server = await StartAsync("sqlite");
        await PostRawAsync(server, "api/2.0/mlflow-artifacts/mpu/create/0", new { path = "a.bin", num_parts = 1 });
        _time.Advance(TimeSpan.FromDays(8));

        var report = await server.Client.CollectGarbageAsync(new GarbageRequest { DryRun = false }, default);

        Assert.Equal(1, report.Uploads);
    }

    private Task<TestServer> StartAsync(string kind) => TestServer.StartAsync(kind, builder => builder.Services.AddSingleton<TimeProvider>(_time));

    /// <summary>A run with a row in every table that has rows of runs by MLflow's calls.</summary>
    private static async Task<MlflowRunInfo> FullRunAsync(TestServer server, string experiment, string name)
    {
        var run = await CreateRunAsync(server, experiment, name);
        var model = await PostRawAsync(server, "api/2.0/mlflow/logged-models", new { experiment_id = experiment, name = "m", source_run_id = run.RunId });
        var modelId = model.GetProperty("model").GetProperty("info").GetProperty("model_id").GetString();
        await PostAsync(server, "runs/log-batch", new
        {
            run_id = run.RunId,
            metrics = new[] { new { key = "loss", value = 1.5, timestamp = 1L, step = 1L, model_id = modelId, dataset_name = "d", dataset_digest = "1" } },
            @params = new[] { new { key = "p", value = "1" } },
        });
        await PostAsync(server, "runs/log-inputs", new { run_id = run.RunId, datasets = new[] { new { tags = new[] { new { key = "mlflow.data.context", value = "train" } }, dataset = new { name = "d", digest = "1", source_type = "code", source = "{}" } } }, models = new[] { new { model_id = modelId } } });
        await PostAsync(server, "runs/outputs", new { run_id = run.RunId, models = new[] { new { model_id = modelId, step = 1 } } });
        await server.Client.PutArtifactAsync(run, "note.txt", "hello");
        return run;
    }

    private static Task<MlflowRunInfo> CreateRunAsync(TestServer server, string experiment, string name) => server.Client.CreateRunAsync(experiment, name, "ann", 1, [], default);

    private static async Task<IReadOnlyList<string>> RunTablesAsync(Db db)
    {
        const string sqlite = "SELECT t.name FROM sqlite_master t JOIN pragma_table_info(t.name) c WHERE t.type = 'table' AND t.name LIKE 'trk_%' AND c.name = 'run'";
        const string postgres = "SELECT table_name::text FROM information_schema.columns WHERE table_schema = current_schema() AND table_name LIKE 'trk_%' AND column_name = 'run'";
        return await db.ReadAsync(session => session.QueryAsync<string>(db.Dialect.Name == "sqlite" ? sqlite : postgres), default);
    }

    private static Task<System.Text.Json.JsonElement> PostAsync(TestServer server, string call, object body) => PostRawAsync(server, "api/2.0/mlflow/" + call, body);

    private static async Task<System.Text.Json.JsonElement> PostRawAsync(TestServer server, string path, object body)
    {
        using var answer = await System.Net.Http.Json.HttpClientJsonExtensions.PostAsJsonAsync(server.Http, path, body);
        var text = await answer.Content.ReadAsStringAsync();
        Assert.True(answer.IsSuccessStatusCode, text);
        return System.Text.Json.JsonDocument.Parse(text).RootElement;
    }

    private static string Digest(string text) => "sha256:" + Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(Encoding.UTF8.GetBytes(text)));
}

internal static class GarbageTestExtensions
{
    public static async Task PutArtifactAsync(this PilothouseClient client, MlflowRunInfo run, string name, string text) =>
        (await client.Http.PutAsync(string.Create(CultureInfo.InvariantCulture, $"api/2.0/mlflow-artifacts/artifacts/{run.ArtifactUri!["mlflow-artifacts:/".Length..]}/{name}"), new StringContent(text))).EnsureSuccessStatusCode();

    public static async Task<System.Text.Json.JsonElement> SendAsyncRun(this PilothouseClient client, string runId) =>
        System.Text.Json.JsonDocument.Parse(await client.Http.GetStringAsync($"api/2.0/mlflow/runs/get?run_id={runId}")).RootElement;
}
