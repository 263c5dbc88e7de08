using System.Net.Http.Json;
using System.Text.Json;
using Pilothouse.Client;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Blobs.Api;
using Pilothouse.Server.Modules.Packaging.Api;
using Pilothouse.Server.Modules.Registry.Api;
using Pilothouse.Server.Platform;
using Pilothouse.Server.Tests.Modules.Packaging;
using Pilothouse.Testing;

namespace Pilothouse.Server.Tests.Modules.Registry;

/// <summary>Suites as registered objects, models as relatives of each other, and what two releases differ in.</summary>
public class SuiteAndRelationTests
{
    private const string Suites = """

        suites:
          quality: { model: assistant, data: heldout, input: prompt, expected: answer, scorers: [{ name: exact, type: exact }], gates: [{ scorer: exact, type: floor, min: 0.8 }] }
        """;

    [Theory, DatabaseData]
    public async Task Suite_of_a_commit_is_a_version_with_its_cases_and_the_same_again_is_the_same(string kind)
    {
        var repositories = new FakeRepositories();
        repositories.Files["pilothouse.yaml"] += Suites;
        repositories.Files["data/heldout.jsonl"] = "{\"prompt\":\"a\",\"answer\":\"b\"}\n";
        await using var world = await ReleasedWorld.StartAsync(kind, repositories);
        var first = Assert.Single(await world.Client.RegisterSuitesAsync(new NewSuites("support", "main"), default));
        Assert.Equal(("support.quality", 1, 1, FakeRepositories.CommitId), (first.Name, first.Version, first.Cases, first.Commit));
        Assert.Equal("assistant", first.Definition.GetProperty("model").GetString());
        Assert.Equal(first.Reference, Assert.Single(await world.Client.RegisterSuitesAsync(new NewSuites("support", "main"), default)).Reference);
        repositories.Files["data/heldout.jsonl"] += "{\"prompt\":\"c\",\"answer\":\"d\"}\n";
        var second = Assert.Single(await world.Client.RegisterSuitesAsync(new NewSuites("support", "main", ["quality"]), default));
        Assert.Equal((2, 2), (second.Version, second.Cases));
        Assert.NotEqual(first.Digest, second.Digest);
        Assert.Equal(2, (await world.Client.ListSuitesAsync(default)).Count);
        Assert.Equal(first.DataDigest, (await world.Client.GetSuiteAsync("support.quality", 1, default)).DataDigest);
        Assert.Contains((await world.Client.GetLineageAsync("suites:/support.quality/2", "up", 10, default)).Nodes, n => n.Kind == "commit");
        Assert.Equal(404, (await Assert.ThrowsAsync<PilothouseApiException>(() => world.Client.GetSuiteAsync("support.quality", 9, default))).Status);
        Assert.Equal(404, (int)(await world.Server.Http.PostAsJsonAsync("/api/v1/suites", new { project = "support", commit = "main", suites = new[] { "none" } })).StatusCode);
        // MLflow's registry knows models and prompts only.
        Assert.DoesNotContain("support.quality", (await MlflowApi.Of(world.Server).GetAsync("registered-models/search")).ToString(), StringComparison.Ordinal);
    }

    [Theory, DatabaseData]
    public async Task Adapter_and_quantisation_are_typed_relatives_and_say_what_they_are(string kind)
    {
        await using var server = await TestServer.StartAsync(kind);
        var (models, blobs) = (server.Service<IModels>(), server.Service<IBlobStore>());
        await models.RegisterAsync("base", new NewModelVersion("generative", await blobs.StoreAsync(TestModels.Generative())), "ann", default);
        var adapter = await models.RegisterAsync("lora", new NewModelVersion("generative", await blobs.StoreAsync(new()
        {
            ["adapter_config.json"] = """{"peft_type":"LORA","r":16,"lora_alpha":32,"target_modules":["q_proj","v_proj"],"base_model_name_or_path":"org/base"}"""u8.ToArray(),
            ["adapter_model.safetensors"] = ModelDiffTests.Safetensors(new() { ["layers.0.lora_A"] = [1, 2] }),
            ["README.md"] = "---\nbase_model: org/base\nbase_model_relation: adapter\n---\n# A card"u8.ToArray(),
        }), BaseModel: "models:/base/1"), "ann", default);
        Assert.Equal("adapter", adapter.BaseRelation);
        var embedding = await models.RegisterAsync("embed", new NewModelVersion("embedding", await blobs.StoreAsync(TestModels.Generative()), BaseModel: "models:/base/1") { BaseRelation = "merge" }, "ann", default);
        Assert.Equal(("embedding", "merge"), (embedding.Kind, embedding.BaseRelation));
        var down = await server.Client.GetLineageAsync("models:/base/1", "down", 10, default);
        Assert.Equal(["model:embed/1 merged from", "model:lora/1 adapter of"], down.Edges.Select(e => $"{e.To} {e.Relation}").Order(StringComparer.Ordinal));
        var facts = await server.Service<IModelFacts>().ReadAsync(adapter, default);
        Assert.Equal(("safetensors", 2L, "LORA", 16L, "org/base", "adapter"), (facts.Format, facts.Parameters, facts.Adapter!.Type, facts.Adapter.Rank, facts.DeclaredBase, facts.DeclaredRelation));
        Assert.Equal(["q_proj", "v_proj"], facts.Adapter.Targets);
        foreach (var (bad, words) in (IEnumerable<(NewModelVersion, string)>)
        [
            (new NewModelVersion("embedding", await blobs.StoreAsync(TestModels.Generative()), BaseModel: "models:/base/1") { BaseRelation = "cousin" }, "is not a relation"),
            (new NewModelVersion("embedding", await blobs.StoreAsync(TestModels.Generative())) { BaseRelation = "adapter" }, "names none"),
            (new NewModelVersion("reranker", await blobs.StoreAsync(TestModels.Classifier())), "tokenizer.json"),
        ])
            Assert.Contains(words, (await Assert.ThrowsAsync<PilothouseException>(() => models.RegisterAsync("bad", bad, "ann", default))).Message, StringComparison.Ordinal);
    }

    [Theory, DatabaseData]
    public async Task Releases_are_compared_by_model_prompt_data_and_settings(string kind)
    {
        var repositories = new FakeRepositories();
        await using var world = await ReleasedWorld.StartAsync(kind, repositories);
        await world.Server.Service<IModels>().RegisterAsync("triage", new NewModelVersion("classifier", await world.Server.Service<IBlobStore>().StoreAsync(TestModels.Classifier("second"))), "ann", default);
        repositories.Files["pilothouse.yaml"] = repositories.Files["pilothouse.yaml"].Replace("triage: { kind: classifier, engine: onnx, version: 1 }", "triage: { kind: classifier, engine: onnx, version: 2, parameters: { threshold: 0.7 } }", StringComparison.Ordinal) + Suites;
        repositories.Files["prompts/support.yaml"] = "template: 'Answer kindly {prompt}'\nparameters: { temperature: 1 }\n";
        var second = await world.Server.Service<IReleases>().CreateAsync("support", "main", "ann", default);
        var diff = await world.Client.DiffReleasesAsync(world.Release, second.Digest, default);
        Assert.StartsWith("1 model changed, 1 prompt changed", diff.Summary, StringComparison.Ordinal);
        Assert.Equal(("models:/triage/1", "models:/triage/2"), diff.Components.Where(c => c.Type == "model" && c.Change == "changed").Select(c => (c.FromReference, c.ToReference)).Single());
        Assert.Contains("    - Answer {prompt}", diff.Lines.Select(l => l.StartsWith("  ", StringComparison.Ordinal) ? l[2..] : l));
        Assert.Contains(diff.Parameters, p => p.Key == "models.triage.parameters.threshold" && p.To == "0.7");
        Assert.Contains(diff.Parameters, p => p.Key.StartsWith("suites.quality", StringComparison.Ordinal) && p.From is null);
        Assert.Equal("The same release.", (await world.Client.DiffReleasesAsync(second.Digest, second.Digest[7..20], default)).Summary);
        Assert.Equal(404, (await Assert.ThrowsAsync<PilothouseApiException>(() => world.Client.DiffReleasesAsync("sha256:00000000", second.Digest, default))).Status);
    }
}
