using System.Net;
using System.Net.Http.Json;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;
using Pilothouse.Client;
using Pilothouse.Data;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Audit.Api;
using Pilothouse.Server.Modules.Blobs.Api;
using Pilothouse.Server.Modules.Registry.Api;
using Pilothouse.Server.Modules.Repositories.Api;
using Pilothouse.Server.Tests.Modules.Packaging;
using Pilothouse.Testing;

namespace Pilothouse.Server.Tests.Modules.Registry;

/// <summary>Lineage over the modules' real tables, and what it forbids.</summary>
public class LineageServerTests
{
    [Theory, DatabaseData]
    public async Task Graph_leads_from_data_and_commit_to_the_release_and_back(string kind)
    {
        await using var world = await ReleasedWorld.StartAsync(kind);
        var up = await world.Client.GetLineageAsync(world.Release, "up", 200, default);
        Assert.Equal(world.Release, up.Nodes.Single(n => n.Depth == 0).Id);
        foreach (var key in (string[])["model:assistant/1", "dataset:heldout/1", $"run:{world.RunId}", $"commit:support/{FakeRepositories.CommitId}"]) Assert.Contains(up.Nodes, n => n.Key == key);
        Assert.Contains(up.Edges, e => e.From == "dataset:heldout/1" && e.To == "model:assistant/1" && e.Relation == "trained on");
        Assert.Contains(up.Edges, e => e.From == "dataset:heldout/1" && e.To == $"run:{world.RunId}" && e.Relation == "read for training");
        Assert.Contains(up.Edges, e => e.To == $"run:{world.RunId}" && e.From == $"commit:support/{FakeRepositories.CommitId}");
        var down = await world.Client.GetLineageAsync($"git:{FakeRepositories.CommitId}", "down", 200, default);
        Assert.Contains(down.Nodes, n => n.Id == world.Release);
        Assert.Equal("assistant version 1", down.Nodes.Single(n => n.Key == "model:assistant/1").Title);
        Assert.True((await world.Client.GetLineageAsync(world.Release, "up", 2, default)).Truncated);
    }

    [Theory, DatabaseData]
    public async Task Deletion_of_what_a_release_stands_on_is_refused_by_name_in_MLflows_shape(string kind)
    {
        await using var world = await ReleasedWorld.StartAsync(kind);
        var api = MlflowApi.Of(world.Server);
        foreach (var (method, path, body) in (IEnumerable<(HttpMethod, string, object)>)
        [
            (HttpMethod.Delete, "model-versions/delete", new { name = "assistant", version = "1" }), (HttpMethod.Delete, "registered-models/delete", new { name = "assistant" }),
            (HttpMethod.Post, "runs/delete", new { run_id = world.RunId }), (HttpMethod.Post, "experiments/delete", new { experiment_id = "0" }),
        ])
        {
            var (status, answer) = await api.TryAsync(method, path, body);
            Assert.Equal(400, status);
            Assert.Equal("INVALID_STATE", answer!["error_code"]!.GetValue<string>());
            Assert.Contains($"release {world.Release[..19]}", answer["message"]!.GetValue<string>(), StringComparison.Ordinal);
        }
        Assert.Equal("models:/assistant/1", (await world.Client.GetModelVersionAsync("models:/assistant/1", default)).Reference);

        // What nothing stands on goes.
        await world.Server.Service<IModels>().RegisterAsync("spare", new NewModelVersion("classifier", await world.Server.Service<IBlobStore>().StoreAsync(TestModels.Classifier("spare"))), "ann", default);
        await api.DeleteAsync("model-versions/delete", new { name = "spare", version = "1" });
        Assert.True((await world.Client.GetLineageAsync("models:/spare/1", "both", 10, default)).Nodes.Single().IsDeleted);
    }

    [Theory, DatabaseData]
    public async Task Deletion_by_our_own_API_names_what_holds_the_version_and_keeps_the_record(string kind)
    {
        await using var world = await ReleasedWorld.StartAsync(kind);
        foreach (var reference in (string[])["models:/assistant/1", "datasets:/heldout/1"])
        {
            var refused = await Assert.ThrowsAsync<PilothouseApiException>(() => world.Client.DeleteVersionAsync(reference, "old", default));
            Assert.Contains($"release {world.Release[..19]}", refused.Message, StringComparison.Ordinal);
        }
        var files = await world.Server.Service<IBlobStore>().StoreAsync(TestModels.Classifier("spare"));
        await world.Server.Service<IModels>().RegisterAsync("spare", new NewModelVersion("classifier", files), "ann", default);
        await world.Client.SetModelAliasAsync("spare", "champion", 1, default);
        Assert.Contains("@champion", (await Assert.ThrowsAsync<PilothouseApiException>(() => world.Client.DeleteVersionAsync("models:/spare/1", "old", default))).Message, StringComparison.Ordinal);
        await world.Client.DeleteModelAliasAsync("spare", "champion", default);
        Assert.Contains("why", (await Assert.ThrowsAsync<PilothouseApiException>(() => world.Client.DeleteVersionAsync("models:/spare/1", " ", default))).Message, StringComparison.Ordinal);

        await world.Client.DeleteVersionAsync("models:/spare/1", "trained on the wrong data", default);
        await Assert.ThrowsAsync<PilothouseApiException>(() => world.Client.GetModelVersionAsync("models:/spare/1", default));
        await Assert.ThrowsAsync<PilothouseApiException>(() => world.Client.DeleteVersionAsync("models:/spare/1", "again", default));
        Assert.True((await world.Client.GetLineageAsync("models:/spare/1", "both", 10, default)).Nodes.Single().IsDeleted);
        var entry = (await world.Server.Service<IAuditLog>().ListAsync("models/spare", null, 10, default))[0];
        Assert.Equal("model_version.delete", entry.Action);
        Assert.Contains("trained on the wrong data", entry.Details, StringComparison.Ordinal);
        // The number is not given again, and nobody names the files any more.
        Assert.Equal(2, (await world.Server.Service<IModels>().RegisterAsync("spare", new NewModelVersion("classifier", files), "ann", default)).Version);
        await world.Client.DeleteVersionAsync("models:/spare/2", "again", default);
        var db = world.Server.Service<Db>();
        Assert.Equal(0, await db.ReadAsync(session => session.ScalarAsync<long>("SELECT COUNT(*) FROM reg_version WHERE name = 'spare' AND files <> '[]'"), default));
    }

    [Theory, DatabaseData]
    public async Task Deleted_data_set_is_gone_from_every_list_and_its_content_from_the_disk(string kind)
    {
        var time = new FakeTimeProvider(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));
        await using var server = await TestServer.StartAsync(kind, builder => builder.Services.AddSingleton<TimeProvider>(time));
        var blobs = server.Service<IBlobStore>();
        var datasets = server.Service<IDatasets>();
        var rows = await blobs.PutAsync("{\"secret\":\"of a person who asked to be forgotten\"}\n"u8.ToArray(), default);
        await datasets.RegisterAsync("people", new NewDatasetVersion(rows.Digest, "jsonl"), "ann", default);
        var other = await blobs.PutAsync("{\"secret\":\"none\"}\n"u8.ToArray(), default);
        await datasets.RegisterAsync("people", new NewDatasetVersion(other.Digest, "jsonl"), "ann", default);

        await server.Client.DeleteVersionAsync("datasets:/people/2", "wrong file", default);
        await server.Client.DeleteVersionAsync("datasets:/people/1", "asked to be forgotten", default);

        Assert.Empty(await server.Client.ListDatasetsAsync(default));
        await Assert.ThrowsAsync<PilothouseApiException>(() => server.Client.GetDatasetAsync("people", 1, default));
        time.Advance(TimeSpan.FromDays(2));
        var swept = await server.Client.CollectBlobsAsync(new BlobGarbageRequest(false, 24 * 3600), default);
        Assert.Equal(2, swept.Deleted);
        Assert.Null(await blobs.FindAsync(rows.Digest, default));
        var again = await blobs.PutAsync("{\"secret\":\"none\"}\n"u8.ToArray(), default);
        Assert.Equal(3, (await datasets.RegisterAsync("people", new NewDatasetVersion(again.Digest, "jsonl"), "ann", default)).Version);
    }

    [Theory, DatabaseData]
    public async Task Purge_leaves_a_deleted_run_on_which_a_release_stands(string kind)
    {
        await using var world = await ReleasedWorld.StartAsync(kind);
        await world.Server.Service<Db>().WriteAsync(session => session.ExecuteAsync("UPDATE trk_run SET lifecycle = 'deleted', deleted_ms = 1 WHERE id = @RunId", new { world.RunId }), default);

        var report = await world.Client.CollectGarbageAsync(new GarbageRequest { DryRun = false }, default);
        Assert.Equal(0, report.Runs);
        Assert.Equal(world.RunId, report.Held.Single().Id);
        Assert.Contains($"release {world.Release[..19]}", report.Held.Single().By, StringComparison.Ordinal);
        var refused = await Assert.ThrowsAsync<PilothouseApiException>(() => world.Client.CollectGarbageAsync(new GarbageRequest { DryRun = false, RunIds = [world.RunId] }, default));
        Assert.Contains("cannot go", refused.Message, StringComparison.Ordinal);
    }

    [Theory, DatabaseData]
    public async Task Renamed_model_keeps_its_lineage_at_both_ends(string kind)
    {
        await using var world = await ReleasedWorld.StartAsync(kind);
        await world.Server.Service<IModels>().RegisterAsync("tuned", new NewModelVersion("classifier", await world.Server.Service<IBlobStore>().StoreAsync(TestModels.Classifier("tuned")), BaseModel: "models:/triage/1"), "ann", default);
        await MlflowApi.Of(world.Server).PostAsync("registered-models/rename", new { name = "triage", new_name = "sorter" });
        var graph = await world.Client.GetLineageAsync("models:/tuned/1", "up", 10, default);
        Assert.Contains(graph.Edges, e => e.From == "model:sorter/1" && e.To == "model:tuned/1" && e.Relation == "base model");
        Assert.Contains((await world.Client.GetLineageAsync("models:/triage/1", "down", 10, default)).Nodes, n => n.Key == "model:tuned/1");
    }

    [Theory]
    [InlineData("nothing")]
    [InlineData("models:/none/1")]
    [InlineData("models:/none@champion")]
    [InlineData("git:zz")]
    [InlineData("sha256:00000000")]
    [InlineData("support/production")]
    [InlineData("")]
    public async Task Unknown_reference_is_named(string reference)
    {
        await using var server = await TestServer.StartAsync();
        using var response = await server.Http.GetAsync($"/api/v1/lineage?ref={Uri.EscapeDataString(reference)}");
        Assert.Equal(HttpStatusCode.NotFound, response.StatusCode);
        Assert.Contains("names nothing here", await response.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }
}

/// <summary>A server with a run, the model it made, and a release of both; the repository is one commit in memory.</summary>
internal sealed class ReleasedWorld : IAsyncDisposable
{
    private ReleasedWorld(TestServer server, string runId, string release) => (Server, RunId, Release) = (server, runId, release);

    public TestServer Server { get; }

    public PilothouseClient Client => Server.Client;

    public string RunId { get; }

    public string Release { get; }

    public static async Task<ReleasedWorld> StartAsync(string kind = "sqlite", FakeRepositories? repositories = null)
    {
        var server = await TestServer.StartAsync(kind, builder => builder.Services.AddSingleton<IRepositories>(repositories ?? new FakeRepositories()).AddSingleton<IProjectLocks, NoLocks>());
        var blobs = server.Service<IBlobStore>();
        var rows = await blobs.PutAsync("{\"prompt\":\"a\"}\n"u8.ToArray(), default);
        await server.Service<IDatasets>().RegisterAsync("heldout", new NewDatasetVersion(rows.Digest, "jsonl"), "ann", default);
        var api = MlflowApi.Of(server);
        var (run, _) = await api.CreateRunAsync();
        await api.PostAsync("runs/set-tag", new { run_id = run, key = "mlflow.source.git.commit", value = FakeRepositories.CommitId });
        await api.PostAsync("runs/log-inputs", new
        {
            run_id = run,
            datasets = new[] { new { dataset = new { name = "heldout", digest = "1234", source_type = "pilothouse", source = "datasets:/heldout/1" }, tags = new[] { new { key = "mlflow.data.context", value = "training" } } } },
        });
        var models = server.Service<IModels>();
        await models.RegisterAsync("assistant", new NewModelVersion("generative", await blobs.StoreAsync(TestModels.Generative()), RunId: run, Datasets: ["datasets:/heldout/1"]), "ann", default);
        await models.RegisterAsync("triage", new NewModelVersion("classifier", await blobs.StoreAsync(TestModels.Classifier())), "ann", default);
        using var made = await server.Http.PostAsJsonAsync("/api/v1/releases", new { project = "support", commit = "main" });
        Assert.True(made.IsSuccessStatusCode, await made.Content.ReadAsStringAsync());
        var release = (await made.Content.ReadFromJsonAsync<Release>(PilothouseClient.Json))!;
        return new ReleasedWorld(server, run, release.Digest);
    }

    public ValueTask DisposeAsync() => Server.DisposeAsync();
}
