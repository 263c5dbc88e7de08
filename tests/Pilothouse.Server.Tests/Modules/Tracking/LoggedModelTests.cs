using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Pilothouse.Data;
using Pilothouse.Server.Modules.Tracking.Api;
using Pilothouse.Server.Platform;
using Pilothouse.Testing;

namespace Pilothouse.Server.Tests.Modules.Tracking;

/// <summary>Logged models beyond what MLflow's recordings show.</summary>
public class LoggedModelTests
{
    private const string Api = "api/2.0/mlflow/";

    [Theory, DatabaseData]
    public async Task A_param_is_written_once(string kind)
    {
        await using var server = await TestServer.StartAsync(kind);
        var model = await CreateAsync(server, new { experiment_id = "0", name = "m", @params = new[] { new { key = "lr", value = "0.1" } } });

        using var same = await server.Http.PostAsJsonAsync($"{Api}logged-models/{model}/params", new { model_id = model, @params = new[] { new { key = "lr", value = "0.1" }, new { key = "new", value = "1" } } });
        using var other = await server.Http.PostAsJsonAsync($"{Api}logged-models/{model}/params", new { model_id = model, @params = new[] { new { key = "more", value = "1" }, new { key = "lr", value = "0.2" } } });

        Assert.Equal(HttpStatusCode.OK, same.StatusCode);
        Assert.Equal(HttpStatusCode.BadRequest, other.StatusCode);
        var found = await server.Service<ILoggedModels>().FindAsync(model, default);
        Assert.Equal(["lr=0.1", "new=1"], found!.Params.Select(p => $"{p.Key}={p.Value}").Order(StringComparer.Ordinal));
    }

    [Theory, DatabaseData]
    public async Task Other_modules_see_the_model_its_metrics_and_its_files(string kind)
    {
        await using var server = await TestServer.StartAsync(kind);
        var run = (await server.Client.CreateRunAsync("0", "r", "ann", 1, [], default)).RunId!;
        var model = await CreateAsync(server, new { experiment_id = "0", name = "m", source_run_id = run });
        await PostAsync(server, "runs/log-metric", new { run_id = run, key = "acc", value = "NaN", timestamp = 5, step = 2, model_id = model, dataset_name = "eval", dataset_digest = "d1" });
        (await server.Http.PutAsync($"api/2.0/mlflow-artifacts/artifacts/0/models/{model}/artifacts/sub/weights.bin", new ByteArrayContent([1, 2, 3]))).EnsureSuccessStatusCode();
        (await server.Http.PutAsync($"api/2.0/mlflow-artifacts/artifacts/0/models/{model}/artifacts/MLmodel", new StringContent("x"))).EnsureSuccessStatusCode();
        var models = server.Service<ILoggedModels>();
        await server.Service<Db>().WriteAsync(session => models.AddVersionAsync(session, model, "triage", 3), default);
        await server.Service<Db>().WriteAsync(session => models.AddVersionAsync(session, "m-none", "triage", 4), default);

        var found = (await models.FindAsync(model, default))!;
        var tree = await server.Service<IArtifacts>().TreeAsync(found.ArtifactUri, default);

        Assert.Equal((run, "LOGGED_MODEL_PENDING"), (found.SourceRunId, found.Status));
        Assert.Equal(("acc", double.NaN, "eval", run), (found.Metrics[0].Key, found.Metrics[0].Value, found.Metrics[0].DatasetName, found.Metrics[0].RunId));
        Assert.Equal("""[{"name":"triage","version":3}]""", found.Tags["mlflow.modelVersions"]);
        Assert.Equal(["MLmodel 1", "sub/weights.bin 3"], tree!.Select(f => $"{f.Path} {f.Size}"));
        Assert.Equal("weights.bin", Assert.Single((await server.Service<IArtifacts>().TreeAsync(found.ArtifactUri + "/sub/weights.bin", default))!).Path);
        Assert.Null(await server.Service<IArtifacts>().TreeAsync("s3://bucket/x", default));
        Assert.Empty((await server.Service<IArtifacts>().TreeAsync("mlflow-artifacts:/0/none", default))!);
        Assert.Null(await models.FindAsync("m-none", default));
    }

    [Fact]
    public async Task A_model_logged_in_the_old_way_stands_in_a_tag()
    {
        await using var server = await TestServer.StartAsync();
        var run = (await server.Client.CreateRunAsync("0", "r", "ann", 1, [], default)).RunId!;
        var model = """{"run_id": "r", "artifact_path": "model", "utc_time_created": "2026", "flavors": {}}""";

        for (var i = 0; i < 2; i++) await PostAsync(server, "runs/log-model", new { run_id = run, model_json = model });

        foreach (var wrong in (string[])["{", "[]", "{}", """{"run_id": "r"}"""])
        {
            using var refused = await server.Http.PostAsJsonAsync(Api + "runs/log-model", new { run_id = run, model_json = wrong });
            Assert.Equal(HttpStatusCode.BadRequest, refused.StatusCode);
        }
        var tags = JsonDocument.Parse(await server.Http.GetStringAsync($"{Api}runs/get?run_id={run}")).RootElement.GetProperty("run").GetProperty("data").GetProperty("tags");
        var history = tags.EnumerateArray().Single(t => t.GetProperty("key").GetString() == "mlflow.log-model.history").GetProperty("value").GetString()!;
        Assert.Equal(2, JsonDocument.Parse(history).RootElement.GetArrayLength());
    }

    [Fact]
    public async Task A_list_can_be_compared_with_a_param_and_a_tag()
    {
        await using var server = await TestServer.StartAsync();
        await CreateAsync(server, new { experiment_id = "0", name = "a", @params = new[] { new { key = "opt", value = "adam" } }, tags = new[] { new { key = "t", value = "1" } } });
        await CreateAsync(server, new { experiment_id = "0", name = "b", @params = new[] { new { key = "opt", value = "sgd" } }, tags = new[] { new { key = "t", value = "2" } } });

        var found = await PostAsync(server, "logged-models/search", new { experiment_ids = new[] { "0" }, filter = "params.opt IN ('adam', 'lion') AND tags.t NOT IN ('2')" });

        Assert.Equal("a", Assert.Single(found.GetProperty("models").EnumerateArray()).GetProperty("info").GetProperty("name").GetString());
    }

    private static async Task<string> CreateAsync(TestServer server, object model) =>
        (await PostAsync(server, "logged-models", model)).GetProperty("model").GetProperty("info").GetProperty("model_id").GetString()!;

    private static async Task<JsonElement> PostAsync(TestServer server, string call, object body)
    {
        using var answer = await server.Http.PostAsJsonAsync(Api + call, body);
        var text = await answer.Content.ReadAsStringAsync();
        Assert.True(answer.IsSuccessStatusCode, text);
        return JsonDocument.Parse(text).RootElement;
    }
}
