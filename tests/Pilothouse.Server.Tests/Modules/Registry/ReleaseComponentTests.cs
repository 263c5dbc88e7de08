using System.Net.Http.Json;
using Pilothouse.Client;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Blobs.Api;
using Pilothouse.Server.Modules.Registry.Api;
using Pilothouse.Server.Tests.Modules.Packaging;
using Pilothouse.Testing;

namespace Pilothouse.Server.Tests.Modules.Registry;

/// <summary>Suites, registered prompts and splits as components of releases.</summary>
public class ReleaseComponentTests
{
    private const string Project = """
        apiVersion: pilothouse/v1
        project: support
        models:
          assistant: { kind: generative, engine: onnx, version: 1, prompt: "prompts:/support/PROMPT" }
        data:
          held: { dataset: faq, version: 1, split: test }
        suites:
          quality: { model: assistant, data: held, input: prompt, scorers: [{ name: exact, type: exact }], gates: [{ scorer: exact, type: floor, min: MINIMUM }] }
        """;

    [Theory, DatabaseData]
    public async Task Release_pins_suites_registered_prompts_and_splits_and_its_diff_looks_into_them(string kind)
    {
        var repositories = new FakeRepositories();
        await using var world = await ReleasedWorld.StartAsync(kind, repositories);
        var old = await world.Client.GetReleaseAsync(world.Release, default);
        Assert.DoesNotContain(old.Components, c => c.Type == "suite");
        var blobs = world.Server.Service<IBlobStore>();
        var (train, test) = (await blobs.PutAsync("{\"id\":1,\"prompt\":\"a\",\"expected\":\"b\"}\n"u8.ToArray(), default), await blobs.PutAsync("{\"id\":2,\"prompt\":\"c\",\"expected\":\"d\"}\n"u8.ToArray(), default));
        await world.Server.Service<IDatasets>().RegisterAsync("faq", new NewDatasetVersion { Files = [new("train.jsonl", train.Digest, train.Size), new("test.jsonl", test.Digest, test.Size)] }, "ann", default);
        var prompts = world.Server.Service<IPrompts>();
        await prompts.RegisterAsync("support", new NewPromptVersion("Answer {prompt} \"kindly\"\n"), "ann", default);
        await prompts.RegisterAsync("support", new NewPromptVersion("Answer {prompt} {tone}\n") { TypedVariables = [new("tone", Required: false, Default: System.Text.Json.JsonSerializer.SerializeToElement("kindly"))] }, "ann", default);

        var first = await ReleaseAsync(world, repositories, "1", "0.8");
        var suite = first.Components.Single(c => c.Type == "suite");
        Assert.Equal(("quality", "suites:/support.quality/1"), (suite.Name, suite.Reference));
        var prompt = first.Components.Single(c => c.Type == "prompt");
        Assert.Equal(("prompts:/support", "prompts:/support/1"), (prompt.Name, prompt.Reference));
        Assert.Contains("kindly", System.Text.Encoding.UTF8.GetString(await blobs.ReadAsync(prompt.Digest, 10_000, default)), StringComparison.Ordinal);
        var data = first.Components.Single(c => c.Type == "dataset");
        Assert.Equal(("datasets:/faq/1#test", test.Digest), (data.Reference, data.Digest));
        Assert.Equal(first.Digest, (await ReleaseAsync(world, repositories, "1", "0.8")).Digest);

        var up = (await world.Client.GetLineageAsync(first.Digest, "up", 200, default)).Nodes.Select(n => n.Key).ToList();
        foreach (var key in (string[])["suite:support.quality/1", "prompt:support/1", "dataset:faq/1"]) Assert.Contains(key, up);
        foreach (var reference in (string[])["suites:/support.quality/1", "prompts:/support/1", "datasets:/faq/1"])
            Assert.Contains($"release {first.Digest[..19]}", (await Assert.ThrowsAsync<PilothouseApiException>(() => world.Client.DeleteVersionAsync(reference, "old", default))).Message, StringComparison.Ordinal);

        var second = await ReleaseAsync(world, repositories, "2", "0.9");
        var diff = await world.Client.DiffReleasesAsync(first.Digest, second.Digest, default);
        Assert.Contains("0.8 -> 0.9", diff.Components.Single(c => c.Type == "suite").Detail, StringComparison.Ordinal);
        Assert.NotNull(diff.Components.Single(c => c.Type == "prompt").Prompt);
        Assert.Equal("same", diff.Components.Single(c => c.Type == "dataset").Change);
        // A release of before there were such components is read and compared as ever.
        Assert.Contains((await world.Client.DiffReleasesAsync(old.Digest, second.Digest, default)).Components, c => c is { Type: "suite", Change: "added" });

        repositories.Files["pilothouse.yaml"] = repositories.Files["pilothouse.yaml"].Replace("split: test", "split: none", StringComparison.Ordinal);
        using var refused = await world.Server.Http.PostAsJsonAsync("/api/v1/releases", new { project = "support", commit = "main" });
        Assert.Contains("has no split", await refused.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    private static async Task<Release> ReleaseAsync(ReleasedWorld world, FakeRepositories repositories, string prompt, string minimum)
    {
        repositories.Files["pilothouse.yaml"] = Project.Replace("PROMPT", prompt, StringComparison.Ordinal).Replace("MINIMUM", minimum, StringComparison.Ordinal);
        using var made = await world.Server.Http.PostAsJsonAsync("/api/v1/releases", new { project = "support", commit = "main" });
        Assert.True(made.IsSuccessStatusCode, await made.Content.ReadAsStringAsync());
        return (await made.Content.ReadFromJsonAsync<Release>(PilothouseClient.Json))!;
    }
}
