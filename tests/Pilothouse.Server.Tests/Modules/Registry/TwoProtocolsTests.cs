using System.Text;
using System.Text.Json.Nodes;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Audit.Api;
using Pilothouse.Server.Modules.Registry.Api;
using Pilothouse.Server.Platform;
using Pilothouse.Testing;

namespace Pilothouse.Server.Tests.Modules.Registry;

/// <summary>One registry, our own API and MLflow's: what one registers, the other sees and uses.</summary>
public sealed class TwoProtocolsTests
{
    [Theory, DatabaseData]
    public async Task What_our_client_registers_MLflows_client_finds_and_downloads(string kind)
    {
        await using var server = await TestServer.StartAsync(kind);
        var mlflow = MlflowApi.Of(server);
        var files = TestModels.Generative();
        files["notes/readme.md"] = "hello"u8.ToArray();
        await RegisterAsync(server, "assistant", files, "generative");
        await server.Client.SetModelAliasAsync("assistant", "champion", 1, default);

        var model = (await mlflow.GetAsync("registered-models/get?name=assistant"))["registered_model"]!;
        var version = (await mlflow.GetAsync("registered-models/alias?name=assistant&alias=champion"))["model_version"]!;
        var uri = (await mlflow.GetAsync("model-versions/get-download-uri?name=assistant&version=1"))["artifact_uri"]!.GetValue<string>();
        var downloaded = await mlflow.DownloadAsync(uri);

        Assert.Equal(("champion", "1"), (model["aliases"]![0]!["alias"]!.GetValue<string>(), model["aliases"]![0]!["version"]!.GetValue<string>()));
        Assert.Equal(("1", "READY", "None"), (Text(version, "version"), Text(version, "status"), Text(version, "current_stage")));
        Assert.Equal(files.Keys.Order(), downloaded.Keys.Order());
        Assert.All(files, f => Assert.Equal(f.Value, downloaded[f.Key]));
        using var one = await server.Http.GetAsync("/model-versions/get-artifact?name=assistant&version=1&path=notes/readme.md");
        Assert.Equal("hello", await one.Content.ReadAsStringAsync());
        using var overwrite = await server.Http.PutAsync(MlflowApi.Proxy($"{uri}/config.json"), new ByteArrayContent([1]));
        using var delete = await server.Http.DeleteAsync(MlflowApi.Proxy(uri));
        Assert.Equal((400, 400), ((int)overwrite.StatusCode, (int)delete.StatusCode));
    }

    [Theory, DatabaseData]
    public async Task What_MLflows_client_registers_has_the_content_of_its_run(string kind)
    {
        await using var server = await TestServer.StartAsync(kind);
        var mlflow = MlflowApi.Of(server);
        var (run, artifacts) = await mlflow.CreateRunAsync();
        foreach (var (path, content) in TestModels.Classifier("mine")) await mlflow.UploadAsync($"{artifacts}/model", path, content);
        await mlflow.PostAsync("registered-models/create", new { name = "my triage" });

        await mlflow.PostAsync("model-versions/create", new { name = "my triage", source = $"{artifacts}/model", run_id = run });
        await mlflow.PostAsync("model-versions/create", new { name = "my triage", source = $"runs:/{run}/model", run_id = run });
        await mlflow.PostAsync("registered-models/create", new { name = "copy" });
        await mlflow.PostAsync("model-versions/create", new { name = "copy", source = "models:/my triage/2" });
        var versions = await server.Client.ListModelVersionsAsync("my triage", default);
        var copy = await server.Client.GetModelVersionAsync("models:/copy/1", default);

        Assert.Equal([2, 1], versions.Select(v => v.Version)); // MLflow registers the same content as often as it is asked to
        Assert.Equal(versions[0].Digest, versions[1].Digest);
        Assert.Equal((versions[0].Digest, "classifier", run, $"runs:/{run}/model"), (copy.Digest, versions[0].Kind, versions[0].RunId, versions[0].Source));
        Assert.Equal(["config.json", "model.onnx"], versions[0].Files.Select(f => f.Path));
        Assert.True(Directory.Exists(await server.Service<IModels>().MaterializeAsync(versions[0], default)));
        // Our own API knows the content: registering it again gives the version that has it.
        Assert.Equal(1, (await RegisterAsync(server, "copy", TestModels.Classifier("mine"), "classifier")).Version);

        await mlflow.UploadAsync($"{artifacts}/model", "config.json", "{\"changed\":true}"u8.ToArray());
        var held = await server.Http.GetStringAsync("/model-versions/get-artifact?name=my%20triage&version=1&path=config.json");
        Assert.Equal(Encoding.UTF8.GetString(TestModels.Classifier()["config.json"]), held); // as it was registered
    }

    [Theory, DatabaseData]
    public async Task A_source_elsewhere_is_recorded_and_what_needs_its_content_is_refused(string kind)
    {
        await using var server = await TestServer.StartAsync(kind);
        var mlflow = MlflowApi.Of(server);
        await mlflow.PostAsync("registered-models/create", new { name = "far" });
        await mlflow.PostAsync("model-versions/create", new { name = "far", source = "s3://bucket/model", tags = new[] { new { key = "team", value = "nlp" } } });

        var version = await server.Client.GetModelVersionAsync("models:/far/1", default);

        Assert.Equal((null, "s3://bucket/model", "nlp", "mlflow"), (version.Digest, version.Source, version.Tags?["team"], version.Kind));
        await ModelRegistryTests.AssertFails(ErrorCode.FailedPrecondition, "s3://bucket/model", () => server.Service<IModels>().MaterializeAsync(version, default));
        using var answer = await server.Http.GetAsync("/model-versions/get-artifact?name=far&version=1&path=MLmodel");
        Assert.Equal(501, (int)answer.StatusCode);
    }

    [Theory, DatabaseData]
    public async Task A_number_is_given_once_whichever_protocol_asks(string kind)
    {
        await using var server = await TestServer.StartAsync(kind);
        var mlflow = MlflowApi.Of(server);
        await RegisterAsync(server, "triage", TestModels.Classifier("a"), "classifier");
        await mlflow.PostAsync("model-versions/create", new { name = "triage", source = "s3://b/2" });
        await mlflow.PostAsync("registered-models/alias", new { name = "triage", alias = "gone", version = "2" });
        await mlflow.DeleteAsync("model-versions/delete", new { name = "triage", version = "2" });
        var listed = Assert.Single(await server.Client.ListModelsAsync(default));
        Assert.Equal((1, 0), (listed.LatestVersion, listed.Aliases.Count)); // an alias that leads nowhere is none to us

        Assert.Equal(3, (await RegisterAsync(server, "triage", TestModels.Classifier("b"), "classifier")).Version);
        await mlflow.DeleteAsync("registered-models/delete", new { name = "triage" });
        Assert.Empty(await server.Client.ListModelsAsync(default));
        Assert.Equal(4, (await RegisterAsync(server, "triage", TestModels.Classifier("a"), "classifier")).Version);
        Assert.Equal([4], (await server.Client.ListModelVersionsAsync("triage", default)).Select(v => v.Version));
    }

    [Theory, DatabaseData]
    public async Task Registrations_at_once_by_both_protocols_get_numbers_without_gaps(string kind)
    {
        await using var server = await TestServer.StartAsync(kind);
        var mlflow = MlflowApi.Of(server);
        await mlflow.PostAsync("registered-models/create", new { name = "m" });

        var numbers = await Task.WhenAll(Enumerable.Range(0, 24).Select(async i => i % 2 == 0
            ? (await RegisterAsync(server, "m", TestModels.Classifier($"model{i}"), "classifier")).Version
            : int.Parse(Text((await mlflow.PostAsync("model-versions/create", new { name = "m", source = $"s3://b/{i}" }))["model_version"]!, "version"), System.Globalization.CultureInfo.InvariantCulture)));

        Assert.Equal(Enumerable.Range(1, 24), numbers.Order());
        Assert.Equal(24, (await mlflow.GetAsync("model-versions/search?max_results=100&filter=" + Uri.EscapeDataString("name = 'm'")))["model_versions"]!.AsArray().Count);
    }

    [Theory, DatabaseData]
    public async Task No_alias_is_pointed_to_a_version_after_its_deletion(string kind)
    {
        await using var server = await TestServer.StartAsync(kind);
        var mlflow = MlflowApi.Of(server);
        await mlflow.PostAsync("registered-models/create", new { name = "m" });
        for (var i = 0; i < 8; i++) await mlflow.PostAsync("model-versions/create", new { name = "m", source = $"s3://b/{i}" });

        await Task.WhenAll(Enumerable.Range(1, 8).SelectMany(v => (Task[])
        [
            mlflow.TryAsync(HttpMethod.Post, "registered-models/alias", new { name = "m", alias = $"a{v}", version = $"{v}" }),
            mlflow.TryAsync(HttpMethod.Delete, "model-versions/delete", new { name = "m", version = $"{v}" }),
            mlflow.TryAsync(HttpMethod.Post, "registered-models/alias", new { name = "m", alias = "moving", version = $"{v}" }),
        ]));

        var deleted = new HashSet<string>();
        foreach (var entry in (await server.Service<IAuditLog>().ListAsync("models/m", null, 100, default)).Reverse())
        {
            if (entry.Action == "model_version.delete") deleted.Add(entry.Subject["models/m/".Length..]);
            if (entry.Action == "model_alias.set") Assert.DoesNotContain(JsonNode.Parse(entry.Details)!["new_version"]!.ToString(), deleted);
        }
        Assert.Equal(8, deleted.Count);
    }

    [Theory, DatabaseData]
    public async Task Every_move_stands_in_the_log_with_its_old_value(string kind)
    {
        await using var server = await TestServer.StartAsync(kind);
        var mlflow = MlflowApi.Of(server);
        await mlflow.PostAsync("registered-models/create", new { name = "m" });
        foreach (var i in (int[])[1, 2]) await mlflow.PostAsync("model-versions/create", new { name = "m", source = $"s3://b/{i}" });
        await mlflow.PostAsync("model-versions/transition-stage", new { name = "m", version = "1", stage = "production" });
        await mlflow.PostAsync("model-versions/transition-stage", new { name = "m", version = "2", stage = "Production", archive_existing_versions = true });
        await mlflow.PostAsync("registered-models/alias", new { name = "m", alias = "champion", version = "1" });
        await mlflow.PostAsync("registered-models/alias", new { name = "m", alias = "champion", version = "2" });
        await mlflow.PostAsync("registered-models/rename", new { name = "m", new_name = "n" });
        await mlflow.DeleteAsync("model-versions/delete", new { name = "n", version = "2" });

        var moves = (await server.Service<IAuditLog>().ListAsync("models/", null, 100, default)).Reverse().Select(e => $"{e.Action} {e.Subject} {e.Details}").ToList();

        Assert.Contains("""model_version.stage models/m/1 {"old_stage":"None","new_stage":"Production"}""", moves);
        Assert.Contains("""model_version.stage models/m/1 {"old_stage":"Production","new_stage":"Archived"}""", moves);
        Assert.Contains("""model_alias.set models/m@champion {"old_version":1,"new_version":2}""", moves);
        Assert.Contains("""model.rename models/n {"old_name":"m","new_name":"n"}""", moves);
        Assert.Contains("""model_version.delete models/n/2 {"source":"s3://b/2","old_stage":"Production","old_aliases":["champion"]}""", moves);
        Assert.True((await server.Service<IAuditLog>().VerifyAsync(default)).Valid);
    }

    [Theory, DatabaseData]
    public async Task A_renamed_model_is_found_by_its_old_name_in_our_own_references_only(string kind)
    {
        await using var server = await TestServer.StartAsync(kind);
        var mlflow = MlflowApi.Of(server);
        await RegisterAsync(server, "old", TestModels.Classifier("a"), "classifier");
        await server.Client.SetModelAliasAsync("old", "champion", 1, default);
        await mlflow.PostAsync("registered-models/rename", new { name = "old", new_name = "new" });

        Assert.Equal("models:/new/1", (await server.Client.GetModelVersionAsync("models:/old@champion", default)).Reference);
        Assert.Equal(404, (await mlflow.TryAsync(HttpMethod.Get, "registered-models/get?name=old", null)).Status);

        await RegisterAsync(server, "old", TestModels.Classifier("b"), "classifier"); // takes the name over
        Assert.Equal("models:/old/2", (await server.Client.GetModelVersionAsync("models:/old/latest", default)).Reference);
    }

    private static async Task<ModelVersion> RegisterAsync(TestServer server, string name, Dictionary<string, byte[]> files, string kind) =>
        await server.Client.RegisterModelAsync(name, new NewModelVersion(kind, await server.Service<Pilothouse.Server.Modules.Blobs.Api.IBlobStore>().StoreAsync(files)), default);

    private static string Text(JsonNode node, string name) => node[name]!.GetValue<string>();
}
