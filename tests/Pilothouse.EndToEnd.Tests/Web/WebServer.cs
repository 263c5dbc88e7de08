using System.Net.Http.Json;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Registry.Api;
using Pilothouse.Testing;
using Pilothouse.Web;

namespace Pilothouse.EndToEnd.Tests.Web;

/// <summary>The real server with pages: runs, models, data sets, prompts, projects and the audit log are real and seeded through the public API; the rest is <see cref="SampleWorld"/>.</summary>
public sealed class WebServer : IAsyncLifetime
{
    private TestServer _server = null!;

    public Uri Url => _server.Url;

    public HttpClient Http => _server.Http;

    public string ExperimentId { get; private set; } = "";

    public string RunId { get; private set; } = "";

    /// <summary>The run of <see cref="RunWorld"/>, still under way.</summary>
    public string RichRunId { get; private set; } = "";

    /// <summary>Newest commit of <see cref="RepositoryWorld"/>.</summary>
    public string RepositoryCommit { get; private set; } = "";

    /// <summary>A run with 1,000 metrics.</summary>
    public string ManyRunId { get; private set; } = "";

    internal RunWorld Rich { get; private set; } = null!;

    /// <summary>A server of its own, with pages and an administrator's token.</summary>
    public static Task<TestServer> StartGuardedAsync(string token) => TestServer.StartAsync(customize: builder =>
    {
        builder.Configuration.AddInMemoryCollection(new Dictionary<string, string?> { ["Identity:AdminToken"] = token });
        WebUi.AddServices(builder);
        SampleServices.AddTo(builder.Services);
    }, map: WebUi.Map);

    public async ValueTask InitializeAsync()
    {
        _server = await TestServer.StartAsync(customize: builder =>
        {
            WebUi.AddServices(builder);
            builder.Services.AddSingleton<TimeProvider>(new FakeTimeProvider(SampleWorld.Now) { AutoAdvanceAmount = TimeSpan.FromMilliseconds(1) });
            SampleServices.AddTo(builder.Services);
        }, map: WebUi.Map);
        await SeedAsync();
    }

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    /// <summary>One more point of a metric of the live run, as a client sends it.</summary>
    public Task LogAsync(string runId, string key, double value, long step) =>
        PostAsync("runs/log-metric", new { run_id = runId, key, value, timestamp = SampleWorld.Ago(0), step });

    private async Task SeedAsync()
    {
        await Http.PostAsJsonAsync("/api/v1/projects", new { name = SampleWorld.Project });
        RepositoryCommit = await RepositoryWorld.PushAsync(Url, SampleWorld.Project);
        await CiWorld.SeedAsync(_server, SampleWorld.Project, RepositoryCommit);
        var experiment = await PostAsync("experiments/create", new { name = "assistant-finetune" });
        ExperimentId = experiment.GetProperty("experiment_id").GetString()!;
        var builds = await PostAsync("experiments/create", new { name = "builds" });
        await PostAsync("runs/create", new { experiment_id = builds.GetProperty("experiment_id").GetString(), start_time = SampleWorld.Ago(300), run_name = "from-the-repository", tags = new[] { new { key = "mlflow.source.git.commit", value = RepositoryCommit } } });
        for (var i = 0; i < 60; i++) RunId = await SeedRunAsync(i);
        var other = (await PostAsync("experiments/create", new { name = "small-lm" })).GetProperty("experiment_id").GetString()!;
        Rich = new RunWorld(_server, other);
        RichRunId = await Rich.SeedAsync();
        ManyRunId = await RunWorld.ManyMetricsAsync(_server, other, 1000);
        var prompts = _server.Service<IPrompts>();
        var datasets = _server.Service<IDatasets>();
        var dataset = await BlobAsync("{\"input\":\"a\",\"expected\":\"b\"}\n{\"input\":\"c\",\"expected\":\"d\"}\n");
        await datasets.RegisterAsync("support-heldout", new NewDatasetVersion(dataset.Digest, "jsonl", "Held-out questions"), "maria", default);
        await DatasetWorld.SeedAsync(_server);
        await prompts.RegisterAsync("support", new NewPromptVersion("You answer questions of customers.\n\nQuestion: {question}\nAnswer:", "First wording"), "maria", default);
        for (var i = 1; i <= 2; i++)
        {
            var directory = Path.Combine(RepoRoot.Path, "samples", "support-assistant", "models", $"triage-v{i}");
            await _server.Client.RegisterModelDirectoryAsync("triage", directory, files => new NewModelVersion("classifier", files, $"Triage, attempt {i}", RunId, null,
                SampleWorld.Commit, ["datasets:/support-heldout/1"], i > 1 ? $"models:/triage/{i - 1}" : null), default);
        }
        await _server.Client.SetModelAliasAsync("triage", "champion", 1, "first that is good enough", default);
        await _server.Client.SetModelAliasAsync("triage", "champion", 2, "fewer parcels sorted as payments", default);
        await prompts.RegisterAsync("support", new NewPromptVersion("You answer questions of customers. Be {tone}.\n\nQuestion: {question}\nAnswer in one sentence:", "Shorter answers")
        {
            TypedVariables = [new("tone", "enum", Default: System.Text.Json.JsonSerializer.SerializeToElement("kind"), Values: ["kind", "brief"], Description: "how to speak"), new("question")],
            Parameters = new Dictionary<string, System.Text.Json.JsonElement> { ["temperature"] = System.Text.Json.JsonSerializer.SerializeToElement(0.2) },
        }, "maria", default);
        await SeedTunedAsync();
        await _server.Service<ISuites>().RegisterAsync("support.quality", new NewSuiteVersion(System.Text.Json.JsonSerializer.SerializeToElement(new { model = "assistant", scorers = new[] { new { name = "exact", type = "EXACT" } }, gates = new[] { new { scorer = "exact", type = "FLOOR", min = 0.8 } } }),
            "datasets:/support-heldout/1", dataset.Digest, 2, "Held-out questions", SampleWorld.Project, SampleWorld.Commit), "maria", default);
        // What MLflow's client registered: files elsewhere, a stage, tags; and a chat prompt.
        await PostAsync("registered-models/create", new { name = "ranker of answers", description = "Trained outside", tags = new[] { new { key = "team", value = "search" } } });
        await PostAsync("model-versions/create", new { name = "ranker of answers", source = "s3://models/ranker/7", run_id = RunId, description = "Seventh", tags = new[] { new { key = "framework", value = "xgboost" } } });
        await PostAsync("model-versions/transition-stage", new { name = "ranker of answers", version = "1", stage = "Production", archive_existing_versions = false });
        await PostAsync("registered-models/create", new { name = "triage-chat", tags = new[] { new { key = "mlflow.prompt.is_prompt", value = "true" } } });
        await PostAsync("model-versions/create", new
        {
            name = "triage-chat",
            source = "dummy-source",
            tags = new[]
            {
                new { key = "mlflow.prompt.is_prompt", value = "true" },
                new { key = "_mlflow_prompt_type", value = "chat" },
                new { key = "mlflow.prompt.text", value = """[{"role": "system", "content": "You sort messages for {{team}}."}, {"role": "user", "content": "{{message}}"}]""" },
            },
        });
        await PostAsync("registered-models/alias", new { name = "triage-chat", alias = "production", version = "1" });
    }

    /// <summary>A small model, and what a fine-tune made of two of its layers.</summary>
    private async Task SeedTunedAsync()
    {
        for (var version = 1; version <= 2; version++)
        {
            var directory = Directory.CreateTempSubdirectory("pilothouse-test-");
            var header = new Dictionary<string, object>();
            var data = new MemoryStream();
            for (var layer = 0; layer < 6; layer++)
            {
                foreach (var part in (string[])["self_attn.q_proj", "mlp.down_proj"])
                {
                    var begin = data.Position;
                    for (var i = 0; i < 64; i++) data.Write(BitConverter.GetBytes(MathF.Sin(i + layer) + (version > 1 && layer >= 4 ? 0.01f * (i % 7) : 0)));
                    header[$"model.layers.{layer}.{part}.weight"] = new { dtype = "F32", shape = new[] { 8, 8 }, data_offsets = new[] { begin, data.Position } };
                }
            }
            var json = System.Text.Json.JsonSerializer.SerializeToUtf8Bytes(header);
            await File.WriteAllBytesAsync(Path.Combine(directory.FullName, "model.safetensors"), [.. BitConverter.GetBytes((ulong)json.Length), .. json, .. data.ToArray()]);
            await File.WriteAllTextAsync(Path.Combine(directory.FullName, "config.json"), $$"""{"architectures":["LlamaForCausalLM"],"num_hidden_layers":6,"hidden_size":8,"max_position_embeddings":{{2048 * version}}}""");
            await File.WriteAllTextAsync(Path.Combine(directory.FullName, "tokenizer.json"), "{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0,\"b\":1" + (version > 1 ? ",\"<|refund|>\":2" : "") + "},\"merges\":[]}}");
            await _server.Client.RegisterModelDirectoryAsync("tuned", directory.FullName, files => new NewModelVersion("generative", files, $"Attempt {version}", BaseModel: version > 1 ? "models:/tuned/1" : null), default);
            directory.Delete(recursive: true);
        }
    }

    private async Task<string> SeedRunAsync(int i)
    {
        var run = await PostAsync("runs/create", new { experiment_id = ExperimentId, start_time = SampleWorld.Ago(7200 - (i * 60)), run_name = $"lr-{i:00}", tags = new[] { new { key = "mlflow.source.git.commit", value = SampleWorld.Commit } } });
        var id = run.GetProperty("run").GetProperty("info").GetProperty("run_id").GetString()!;
        var random = new Random(i);
        var metrics = Enumerable.Range(0, 120).SelectMany(step => new[]
        {
            new { key = "loss", value = (2.5 * Math.Exp(-step / (20.0 + i))) + 0.15 + (random.NextDouble() * 0.05), timestamp = SampleWorld.Ago(7200 - (i * 60) - (step / 4)), step },
            new { key = "eval/accuracy", value = 0.95 - (0.6 * Math.Exp(-step / 30.0)) + (random.NextDouble() * 0.02), timestamp = SampleWorld.Ago(7200 - (i * 60) - (step / 4)), step },
        });
        await PostAsync("runs/log-batch", new { run_id = id, metrics, @params = new[] { new { key = "lr", value = $"{0.001 * (i + 1):0.###}" }, new { key = "seed", value = $"{i}" }, new { key = "batch_size", value = "32" } } });
        if (i < 59) await PostAsync("runs/update", new { run_id = id, status = i % 13 == 5 ? "FAILED" : "FINISHED", end_time = SampleWorld.Ago(7200 - (i * 60) - 45) });
        return id;
    }

    private async Task<System.Text.Json.JsonElement> PostAsync(string path, object body)
    {
        using var response = await Http.PostAsJsonAsync("/api/2.0/mlflow/" + path, body);
        var text = await response.Content.ReadAsStringAsync();
        Assert.True(response.IsSuccessStatusCode, $"{path}: {text}");
        return System.Text.Json.JsonDocument.Parse(text).RootElement;
    }

    private async Task<ArtifactFile> BlobAsync(string text)
    {
        var content = Encoding.UTF8.GetBytes(text);
        var blob = await _server.Service<Pilothouse.Server.Modules.Blobs.Api.IBlobStore>().PutAsync(new MemoryStream(content), null, default);
        return new ArtifactFile("", blob.Digest, blob.Size);
    }
}
