using Microsoft.Extensions.DependencyInjection;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Gateway.Api;

namespace Pilothouse.EndToEnd.Tests.Evaluation;

/// <summary>The sample project with suites that ask an OpenAI-compatible endpoint (this server's own gateway) and an environment.</summary>
public sealed class TargetProject : SupportAssistant
{
    protected override int Versions => 1;

    protected override string Configure(string yaml, int version) => yaml
        .Replace("models:\n", $"models:\n  remote: {{ kind: generative, engine: openai, url: '{Server.Url}v1', model: 'models:/assistant/1', prompt: prompts/support.yaml, parameters: {{ temperature: 0, max_tokens: 48 }}, requests_per_minute: 100000 }}\n"
            + $"  nowhere: {{ kind: generative, engine: openai, url: 'http://127.0.0.1:1/v1', model: m, prompt: prompts/support.yaml }}\n", StringComparison.Ordinal)
        .Replace("suites:\n", "suites:\n" + Suite("remote", "model: remote") + Suite("down", "model: nowhere") + Suite("served", "model: assistant, target: { environment: production }"), StringComparison.Ordinal);

    private static string Suite(string name, string asks) =>
        $"  {name}: {{ {asks}, data: heldout, input: prompt, expected: expected, cluster: template, looks: [0.5, 1], scorers: [{{ name: exact, type: exact }}], gates: [{{ scorer: exact, type: floor, min: 0.1 }}] }}\n";
}

public sealed class TargetTests(TargetProject sample) : IClassFixture<TargetProject>
{
    [Fact]
    public async Task An_endpoint_is_tested_recorded_and_replayed()
    {
        var directory = Directory.CreateTempSubdirectory("pilothouse-recording-");
        try
        {
            var (code, output, _) = await sample.PilothouseAsync("test", "--commit", sample.Commits[1], "--suite", "remote", "--record", directory.FullName);
            Assert.True(code == 0, output);
            Assert.Contains("Stopped at look 1 of 2", output, StringComparison.Ordinal);
            var lines = await File.ReadAllLinesAsync(Path.Combine(directory.FullName, "recording.jsonl"));
            Assert.InRange(lines.Length, 50, 400);

            (code, output, _) = await sample.PilothouseAsync("test", "--commit", sample.Commits[1], "--suite", "remote", "--replay", directory.FullName);
            Assert.True(code == 0, output);
            Assert.Contains("no model was asked", output, StringComparison.Ordinal);

            await File.WriteAllLinesAsync(Path.Combine(directory.FullName, "recording.jsonl"), lines.Take(10));
            (code, output, _) = await sample.PilothouseAsync("test", "--commit", sample.Commits[1], "--suite", "remote", "--replay", directory.FullName);
            Assert.True(code == 3, output);
            Assert.Contains("The recording has no answer", output, StringComparison.Ordinal);
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }

    [Fact]
    public async Task An_endpoint_that_is_down_is_invalid_with_the_reason()
    {
        var (code, output, junit) = await sample.PilothouseAsync("test", "--commit", sample.Commits[1], "--suite", "down");
        Assert.True(code == 3, output);
        Assert.Contains("INVALID", output, StringComparison.Ordinal);
        Assert.Contains("cannot be reached", output, StringComparison.Ordinal);
        Assert.True(junit.Descendants("error").Any());
    }

    [Fact]
    public async Task An_environment_is_tested_as_it_is_served()
    {
        var (code, output, _) = await sample.PilothouseAsync("test", "--commit", sample.Commits[1], "--suite", "served");
        Assert.True(code != 0, output);
        Assert.Contains("serves nothing as support-assistant/production/assistant", output, StringComparison.Ordinal);

        await sample.Server.Services.GetRequiredService<IGatewayRoutes>().SetAsync(new GatewayRoute("support-assistant/production/assistant", "support-assistant/production", "generative",
            [new GatewayArm("stable", 100, "sha256:" + new string('7', 64), "models:/assistant/1", "onnx", null, null, 0, 48)]), default);
        (code, output, _) = await sample.PilothouseAsync("test", "--commit", sample.Commits[1], "--suite", "served");
        Assert.True(code == 0, output);
        Assert.Contains("support-assistant/production/assistant at release sha256:7777", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_estimate_runs_nothing()
    {
        var (code, output, _) = await sample.PilothouseAsync("test", "--commit", sample.Commits[1], "--suite", "down", "--estimate");
        Assert.True(code == 0, output);
        Assert.Contains("400 of 400 calls to make", output, StringComparison.Ordinal);
    }
}
