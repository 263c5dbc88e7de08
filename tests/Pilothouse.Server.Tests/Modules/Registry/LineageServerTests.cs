using System.Net;
using System.Net.Http.Json;
using Microsoft.Extensions.DependencyInjection;
using Pilothouse.Client;
using Pilothouse.Protocols.V1;
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
            (HttpMethod.Post, "runs/delete", new { run_id = world.RunId }),
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
