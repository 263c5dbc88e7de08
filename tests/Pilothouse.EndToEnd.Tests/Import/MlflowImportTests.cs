using System.Text.Json;
using Pilothouse.Import.Mlflow;
using Pilothouse.Protocols.Mlflow;
using Pilothouse.Testing;

namespace Pilothouse.EndToEnd.Tests.Import;

/// <summary><c>pilothouse import mlflow</c>: every kind of source into a real server, everything compared, and imported again.</summary>
public sealed class MlflowImportTests(ITestOutputHelper output)
{
    [Theory, DatabaseData]
    public async Task A_database_comes_over_whole_and_again_without_change(string kind)
    {
        await using var store = await MlflowDatabase.CreateAsync(kind);
        await using var server = await TestServer.StartAsync();

        var first = await ImportAsync(server, store);
        await CheckAsync(server, first, live: false);
        Assert.Equal((1L, 2L), (Line(first, "experiments").Already, Line(first, "experiments").Imported)); // Default is on every server
        Assert.Equal(2, Line(first, "traces").Skipped);
        Assert.Contains(first.Reasons, r => r.Text.Contains("s3://bucket", StringComparison.Ordinal));
        var before = await StateAsync(server);

        var second = await ImportAsync(server, store);
        Assert.Equal(0, second.Lines.Sum(l => l.Imported) - Line(second, "aliases").Imported);
        Assert.Equal((3L, 3L, 1L), (Line(second, "experiments").Already, Line(second, "model versions").Already, Line(second, "logged models").Already));
        Assert.Equal(before, await StateAsync(server));
    }

    [Fact]
    public async Task A_live_server_comes_over_with_its_ids()
    {
        await using var store = await MlflowDatabase.CreateAsync("sqlite");
        await using var old = await TestServer.StartAsync();
        await ImportAsync(old, store);
        await using var server = await TestServer.StartAsync();

        ImportReport report;
        await using (var source = new ServerSource(old.Url)) report = await new MlflowImporter(source, server.Client, output.WriteLine).RunAsync(default);

        Print(report);
        await CheckAsync(server, report, live: true);
    }

    [Fact]
    public async Task An_mlruns_folder_comes_over_with_its_history()
    {
        var root = Directory.CreateTempSubdirectory("pilothouse-mlruns-");
        try
        {
            const string run = MlflowDatabase.Finished;
            var folder = new MlrunsFolder(root.FullName);
            await folder.WriteAsync("5/meta.yaml", "artifact_location: file:///gone/mlruns/5\nexperiment_id: '5'\nname: vision\nlifecycle_stage: active\ncreation_time: 1600000000000\nlast_update_time: 1600000000001\n");
            await folder.WriteAsync("5/tags/team", "nlp");
            await folder.WriteAsync(".trash/7/meta.yaml", "experiment_id: '7'\nname: old\nlifecycle_stage: deleted\n");
            await folder.WriteAsync($"5/{run}/meta.yaml", $"artifact_uri: file:///gone/mlruns/5/{run}/artifacts\nend_time: 1700000009000\nexperiment_id: '5'\nlifecycle_stage: active\nrun_id: {run}\nrun_name: \"first \\xFC\"\nstart_time: 1700000000000\nstatus: 3\ntags: []\nuser_id: ann\n");
            await folder.WriteAsync($"5/{run}/params/lr", "0.1");
            await folder.WriteAsync($"5/{run}/tags/mlflow.runName", "first ü");
            await folder.WriteAsync($"5/{run}/metrics/train/loss", "1700000000000 0.5 0\n1700000000001 1e-05 1\nthis is no point\n1700000000002 nan 2\n");
            await folder.WriteAsync($"5/{run}/artifacts/model/MLmodel", "flavors: {}\n");
            await folder.WriteAsync("5/datasets/h1/meta.yaml", "digest: abc123\nname: corpus\nsource: file:///corpus.csv\nsource_type: local\nschema: the schema\nprofile: null\n");
            await folder.WriteAsync($"5/{run}/inputs/i1/meta.yaml", $"destination_id: {run}\ndestination_type: RUN\nsource_id: h1\nsource_type: DATASET\ntags:\n  mlflow.data.context: train\n");
            await folder.WriteAsync($"5/{new string('f', 32)}/meta.yaml", "{ this is: [ no yaml");
            await folder.WriteAsync("models/shipper/meta.yaml", "name: shipper\ncreation_timestamp: 1\ndescription: Ships.\n");
            await folder.WriteAsync("models/shipper/version-2/meta.yaml", $"name: shipper\nversion: '2'\nsource: file:///gone/mlruns/5/{run}/artifacts/model\nrun_id: {run}\ncurrent_stage: Production\ncreation_timestamp: 1700000000000\n");
            await folder.WriteAsync("models/shipper/aliases/champion", "2");
            await using var server = await TestServer.StartAsync();

            ImportReport report;
            await using (var source = new FolderSource(root.FullName, null)) report = await new MlflowImporter(source, server.Client, output.WriteLine).RunAsync(default);

            Print(report);
            var found = await server.Client.GetRunAsync(run, default);
            Assert.Equal(("first ü", "FINISHED", "ann", 1700000009000L, "vision", "0.1"), (found.Run.Name, found.Run.Status, found.Run.User, found.Run.EndMs, found.ExperimentName, found.Run.Params["lr"]));
            var series = await server.Client.MetricSeriesAsync(run, "train/loss", 100, default);
            Assert.Equal([0.5, 1e-05, double.NaN], series.Values);
            Assert.Equal("flavors: {}\n", await server.Http.GetStringAsync($"get-artifact?run_id={run}&path=model/MLmodel"));
            Assert.Equal("Production", (await VersionAsync(server, "shipper", "2")).CurrentStage);
            Assert.Equal(1, Line(report, "damaged points").Skipped);
            Assert.Equal(1, Line(report, "damaged descriptions").Skipped);
            Assert.Equal((1L, 1L), (Line(report, "dataset inputs").Imported, Line(report, "aliases").Imported));
            Assert.DoesNotContain(report.Lines, l => l.Kind == "files of model versions");
        }
        finally
        {
            root.Delete(recursive: true);
        }
    }

    [Fact]
    public async Task The_verb_reports_in_JSON_and_says_by_its_exit_code_that_something_was_left_out()
    {
        await using var store = await MlflowDatabase.CreateAsync("sqlite");
        await using var server = await TestServer.StartAsync();

        var result = await Shell.RunAsync(Path.GetTempPath(), ServerProcess.Executable, "import", "mlflow", store.Source, "--json", "--server", server.Url.ToString());

        Assert.Equal(3, result.ExitCode);
        using var json = JsonDocument.Parse(result.Output);
        var runs = json.RootElement.GetProperty("lines").EnumerateArray().Single(l => l.GetProperty("kind").GetString() == "runs");
        Assert.Equal((4, 4), (runs.GetProperty("found").GetInt32(), runs.GetProperty("imported").GetInt32()));
    }

    [Theory]
    [InlineData("sqlite:////no/such/file.db", "no file")]
    [InlineData("mysql://host/db", "live server")]
    [InlineData("/no/such/folder", "no folder")]
    public async Task A_source_that_is_not_one_is_refused_with_what_to_write(string source, string said)
    {
        var result = await Shell.RunAsync(Path.GetTempPath(), ServerProcess.Executable, "import", "mlflow", source);

        Assert.Equal(2, result.ExitCode);
        Assert.Contains(said, result.Error, StringComparison.Ordinal);
    }

    private async Task<ImportReport> ImportAsync(TestServer server, MlflowDatabase store)
    {
        var artifacts = new LocalArtifacts(Path.GetTempPath(), store.Artifacts);
        await using var source = store.Source.StartsWith("sqlite", StringComparison.Ordinal) ? await DatabaseSource.OpenSqliteAsync(store.Source["sqlite:///".Length..], artifacts, default)
            : await DatabaseSource.OpenPostgresAsync(new Uri(store.Source), artifacts, default);
        var report = await new MlflowImporter(source, server.Client, output.WriteLine).RunAsync(default);
        Print(report);
        return report;
    }

    /// <param name="live">From a live server, where the point of a model is one of its run too.</param>
    private static async Task CheckAsync(TestServer server, ImportReport report, bool live)
    {
        var first = await server.Client.GetRunAsync(MlflowDatabase.Finished, default);
        Assert.Equal(("first ü", "FINISHED", "ann", 1700000000000L, 1700000009000L, "vision"), (first.Run.Name, first.Run.Status, first.Run.User, first.Run.StartMs, first.Run.EndMs, first.ExperimentName));
        Assert.Equal(("0.1", 7000, "good", ""), (first.Run.Params["lr"], first.Run.Params["text"].Length, first.Run.Tags["quality"], first.Run.Tags["note"]));
        Assert.True(double.IsNaN(first.Run.Metrics["not finite"]));
        var series = await server.Client.MetricSeriesAsync(MlflowDatabase.Finished, "train/loss", 20_000, default);
        Assert.Equal(MlflowDatabase.Points, series.Steps.Count);
        for (var i = 0; i < MlflowDatabase.Points; i++) Assert.Equal((i, 1_700_000_000_000 + i, 1.0 / (i + 1)), (series.Steps[i], series.TimesMs[i], series.Values[i]));
        Assert.Equal("weights", await server.Http.GetStringAsync($"get-artifact?run_id={MlflowDatabase.Finished}&path={Uri.EscapeDataString("model/data/weights ü.bin")}"));

        var deleted = await server.Client.GetRunAsync(MlflowDatabase.Deleted, default);
        Assert.Equal(("deleted", "FAILED", "0.2", 0.5), (deleted.Run.LifecycleStage, deleted.Run.Status, deleted.Run.Params["lr"], deleted.Run.Metrics["acc"]));
        Assert.Equal("deleted", (await server.Client.GetRunAsync(MlflowDatabase.OfDeletedExperiment, default)).Run.LifecycleStage);
        var elsewhere = await server.Client.GetRunAsync(MlflowDatabase.Bucket, default);
        Assert.Equal(("KILLED", null), (elsewhere.Run.Status, elsewhere.Run.EndMs));
        Assert.StartsWith("s3://bucket/", elsewhere.ArtifactUri, StringComparison.Ordinal);

        var run = (await MlflowAsync<MlflowRunResponse>(server, $"runs/get?run_id={MlflowDatabase.Finished}")).Run;
        var input = Assert.Single(run.Inputs!.DatasetInputs!);
        Assert.Equal(("corpus", "abc123", "the schema", "train"), (input.Dataset!.Name, input.Dataset.Digest, input.Dataset.Schema, Assert.Single(input.Tags!).Value));
        Assert.Equal((MlflowDatabase.Model, 4L), (Assert.Single(run.Outputs!.ModelOutputs!).ModelId, run.Outputs.ModelOutputs![0].Step));
        var model = (await MlflowAsync<MlflowLoggedModelResponse>(server, $"logged-models/{MlflowDatabase.Model}")).Model;
        Assert.Equal(("classifier", "LOGGED_MODEL_READY", "agent", 1700000000000L), (model.Info.Name, model.Info.Status, model.Info.ModelType, model.Info.CreationTimestampMs));
        Assert.Equal(("3", 0.75, "corpus"), (Assert.Single(model.Data.Params!).Value, Assert.Single(model.Data.Metrics!).Value, model.Data.Metrics![0].DatasetName));

        var one = await VersionAsync(server, "shipper", "1");
        var three = await VersionAsync(server, "shipper", "3");
        Assert.Equal(("Archived", "one", 1700000000000L), (one.CurrentStage, one.Description, one.CreationTimestamp));
        Assert.Equal(("Production", "fine", "champion"), (three.CurrentStage, three.Tags!.Single(t => t.Key == "quality").Value, Assert.Single(three.Aliases!)));
        Assert.Equal("flavors: {}\n", await server.Http.GetStringAsync("model-versions/get-artifact?name=shipper&version=1&path=MLmodel"));
        Assert.Contains("python_function", await server.Http.GetStringAsync("model-versions/get-artifact?name=shipper&version=3&path=MLmodel"), StringComparison.Ordinal);
        Assert.Equal(404, (int)(await server.Http.GetAsync("api/2.0/mlflow/model-versions/get?name=shipper&version=2")).StatusCode);
        var prompt = await VersionAsync(server, "greeting", "1");
        Assert.Equal("Hello {{name}}!", prompt.Tags!.Single(t => t.Key == "mlflow.prompt.text").Value);

        Assert.Equal((4L, (long)MlflowDatabase.Points + 2), (Line(report, "runs").Imported, Line(report, "metrics").Imported - (live ? 1 : 0)));
        var audit = await server.Client.VerifyAuditAsync(default);
        Assert.True(audit.Valid);
    }

    private static async Task<string> StateAsync(TestServer server) => string.Join('\n',
        await server.Http.GetStringAsync($"api/2.0/mlflow/runs/get?run_id={MlflowDatabase.Finished}"), await server.Http.GetStringAsync($"api/2.0/mlflow/runs/get?run_id={MlflowDatabase.Deleted}"),
        await server.Http.GetStringAsync($"api/2.0/mlflow/runs/get?run_id={MlflowDatabase.Bucket}"), await server.Http.GetStringAsync("api/2.0/mlflow/model-versions/search?max_results=100"),
        await server.Http.GetStringAsync($"api/2.0/mlflow/logged-models/{MlflowDatabase.Model}"), await server.Http.GetStringAsync("api/v1/experiments"));

    private void Print(ImportReport report)
    {
        foreach (var line in report.Lines) output.WriteLine($"{line.Kind}: {line.Found} found, {line.Imported} imported, {line.Already} already, {line.Skipped} left out");
        foreach (var reason in report.Reasons) output.WriteLine($"  {reason.Kind} {reason.Count}: {reason.Text}");
    }

    private static ImportReport.Line Line(ImportReport report, string kind) => report.Lines.SingleOrDefault(l => l.Kind == kind) ?? new ImportReport.Line(kind, 0, 0, 0);

    private static async Task<MlflowModelVersion> VersionAsync(TestServer server, string name, string version) => (await MlflowAsync<MlflowModelVersionResponse>(server, $"model-versions/get?name={name}&version={version}")).ModelVersion;

    private static async Task<T> MlflowAsync<T>(TestServer server, string path) => JsonSerializer.Deserialize<T>(await server.Http.GetStringAsync("api/2.0/mlflow/" + path), MlflowJson.Options)!;

    private sealed class MlrunsFolder(string root)
    {
        public async Task WriteAsync(string path, string text)
        {
            var file = Path.Combine(root, path);
            Directory.CreateDirectory(Path.GetDirectoryName(file)!);
            await File.WriteAllTextAsync(file, text);
        }
    }
}
