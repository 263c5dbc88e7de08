using Pilothouse.Protocols.V1;
using Pilothouse.Server.Platform;
using Pilothouse.Server.Platform.Inference;
using Pilothouse.Testing;

namespace Pilothouse.Server.Tests.Modules.Evaluation;

/// <summary>What suites ask beside models of the commit, and what happens when a remote engine is away, slow or refuses.</summary>
public class SuiteTargetTests
{
    private const string Cases = "[{ id: a, input: one, expected: ONE }, { id: b, input: two, expected: TWO }, { id: c, input: three, expected: THREE }]";

    private static string Project(string suite, string model = "{ kind: generative, engine: onnx, version: 2, prompt: prompts/p.yaml }") => $$"""
        apiVersion: pilothouse/v1
        project: shop
        models:
          assistant: {{model}}
        suites:
          smoke: { {{suite}}, cases: {{Cases}}, scorers: [{ name: exact, type: exact }], gates: [{ scorer: exact, type: every }] }
        """;

    private const string Remote = "{ kind: generative, engine: openai, url: 'http://127.0.0.1:9/v1', model: m, prompt: prompts/p.yaml }";

    private static EvaluationBench Bench(TestDatabase database, string project)
    {
        var bench = new EvaluationBench(database) { Options = { Attempts = 3 } };
        bench.Repositories.Commit("v1", ("pilothouse.yaml", project), ("prompts/p.yaml", "template: 'Q: {input}'"));
        bench.Inference.Generate = (_, text) => text[(text.IndexOf(": ", StringComparison.Ordinal) + 2)..].ToUpperInvariant();
        return bench;
    }

    [Theory, DatabaseData]
    public async Task A_registered_prompt_takes_the_place_of_the_models_own(string kind)
    {
        await using var database = await TestDatabase.CreateAsync(kind);
        var bench = Bench(database, Project("model: assistant, target: { prompt: 'prompts:/terse/1' }"));
        var asked = new List<string>();
        bench.Inference.Asked = (_, request) => { lock (asked) asked.Add(request.Messages[^1].Content); };

        var result = await bench.RunAsync(new NewEvaluation("shop", "v1"));

        Assert.Equal("PASS", result.Summary.Verdict);
        Assert.Contains("Terse: one", asked);
        Assert.Equal("models:/assistant/2 with prompts:/terse/1", result.Suites[0].Model);
        Assert.Equal("sha256:terse", result.Suites[0].PromptDigest);
    }

    [Theory, DatabaseData]
    public async Task An_environment_is_asked_through_the_gateway_with_the_fields_of_the_case(string kind)
    {
        await using var database = await TestDatabase.CreateAsync(kind);
        var bench = Bench(database, Project("model: assistant, target: { environment: production }"));
        bench.Served.Release = "sha256:0123456789abcdef";
        bench.Inference.Generate = (_, text) => text.ToUpperInvariant();
        InferenceTarget? target = null;
        IReadOnlyDictionary<string, string>? fields = null;
        bench.Inference.Asked = (t, request) => (target, fields) = (t, request.Metadata);

        var result = await bench.RunAsync(new NewEvaluation("shop", "v1"));

        Assert.Equal("PASS", result.Summary.Verdict);
        Assert.Equal(("gateway", "shop/production/assistant", "sha256:0123456789abcdef"), (target!.Engine, target.Model, target.Release));
        Assert.True(fields!.ContainsKey("expected"));
        // The release pins everything: the next run asks nothing.
        var calls = bench.Inference.Calls;
        await bench.RunAsync(new NewEvaluation("shop", "v1"));
        Assert.Equal(calls, bench.Inference.Calls);
    }

    [Theory, DatabaseData]
    public async Task An_environment_that_serves_nothing_is_a_named_error(string kind)
    {
        await using var database = await TestDatabase.CreateAsync(kind);
        var bench = Bench(database, Project("model: assistant, target: { environment: staging }"));

        var error = await Assert.ThrowsAsync<PilothouseException>(() => bench.RunAsync(new NewEvaluation("shop", "v1")));

        Assert.Equal(ErrorCode.FailedPrecondition, error.Code);
        Assert.Contains("serves nothing as shop/staging/assistant", error.Message, StringComparison.Ordinal);
    }

    [Theory, DatabaseData]
    public async Task A_release_is_the_model_of_its_commit(string kind)
    {
        await using var database = await TestDatabase.CreateAsync(kind);
        var bench = Bench(database, Project("model: assistant, target: { release: latest }", "{ kind: generative, engine: onnx, version: 9, prompt: prompts/p.yaml }"));
        bench.Repositories.Commit("released", ("pilothouse.yaml", Project("model: assistant")), ("prompts/p.yaml", "template: 'Then: {input}'"));
        (bench.Served.Release, bench.Served.Commit) = ("sha256:0123456789abcdef", "released");
        var models = new HashSet<string>();
        bench.Inference.Asked = (t, request) => { lock (models) models.Add($"{t.Model} {request.Messages[^1].Content[..4]}"); };

        var result = await bench.RunAsync(new NewEvaluation("shop", "v1"));

        Assert.Equal(["models:/assistant/2 Then"], models);
        Assert.Equal("models:/assistant/2 of release sha256:0123456789ab", result.Suites[0].Model);
    }

    [Theory, DatabaseData]
    public async Task A_command_answers_json_lines(string kind)
    {
        await using var database = await TestDatabase.CreateAsync(kind);
        var bench = Bench(database, Project("target: { command: [sed, -E, -f, bot.sed], files: [bot.sed] }"));
        bench.Repositories.Commit("v1", ("bot.sed", """s/^\{"index":([0-9]+).*"input":"(one|two|three)".*/{"index":\1,"output":"\U\2\E","completion_tokens":1}/"""));
        bench.Options.AllowProcesses = true;

        var result = await bench.RunAsync(new NewEvaluation("shop", "v1"));

        Assert.True(result.Summary.Verdict == "PASS", result.Summary.Reason);
        Assert.Equal(0, bench.Inference.Calls);
        Assert.Equal(3, result.Suites[0].Usage!.CompletionTokens);
    }

    [Theory]
    [InlineData("[cat]", "neither output nor error")]
    [InlineData("[sh, -c, 'exit 3']", "exit code 3")]
    [InlineData("[no-such-program]", "cannot be started")]
    [InlineData("[sh, -c, 'cat > /dev/null']", "no answer to this case")]
    [InlineData("[sh, -c, 'cat > /dev/null; echo nonsense']", "is not a JSON object")]
    public async Task A_command_that_does_not_answer_is_invalid_and_says_why(string command, string why)
    {
        await using var database = await TestDatabase.CreateAsync("sqlite");
        var bench = Bench(database, Project($"target: {{ command: {command} }}"));
        bench.Options.AllowProcesses = true;

        var result = await bench.RunAsync(new NewEvaluation("shop", "v1"));

        Assert.Equal("INVALID", result.Summary.Verdict);
        Assert.Contains(why, result.Summary.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Commands_are_refused_until_the_server_allows_them()
    {
        await using var database = await TestDatabase.CreateAsync("sqlite");
        var error = await Assert.ThrowsAsync<PilothouseException>(() => Bench(database, Project("target: { command: [cat] }")).RunAsync(new NewEvaluation("shop", "v1")));
        Assert.Equal(ErrorCode.Unsupported, error.Code);
    }

    [Theory, DatabaseData]
    public async Task Tools_go_with_every_request(string kind)
    {
        await using var database = await TestDatabase.CreateAsync(kind);
        var bench = Bench(database, Project("model: assistant, tools: [{ name: get_order, parameters: { type: object } }]", Remote));
        string? tools = null;
        bench.Inference.Asked = (_, request) => tools = request.Tools;

        await bench.RunAsync(new NewEvaluation("shop", "v1"));

        Assert.Equal("""[{"type":"function","function":{"name":"get_order","parameters":{"type":"object"}}}]""", tools);
    }

    [Fact]
    public async Task A_limited_engine_is_asked_again_when_it_said_and_a_dead_one_is_invalid()
    {
        await using var database = await TestDatabase.CreateAsync("sqlite");
        var bench = Bench(database, Project("model: assistant", Remote));
        var (answer, limited) = (bench.Inference.Generate, 0);
        bench.Inference.Generate = (model, text) => Interlocked.Increment(ref limited) == 1
            ? throw new PilothouseException(ErrorCode.RateLimited, "slow down") { RetryAfter = TimeSpan.FromMilliseconds(20) } : answer(model, text);

        Assert.Equal("PASS", (await bench.RunAsync(new NewEvaluation("shop", "v1"))).Summary.Verdict);
        Assert.Equal(4, bench.Inference.Calls);

        bench.Inference.Generate = (_, _) => throw new PilothouseException(ErrorCode.UpstreamFailed, "cannot be reached: connection refused");
        var dead = await bench.RunAsync(new NewEvaluation("shop", "v1"));
        Assert.Equal("INVALID", dead.Summary.Verdict);
        Assert.Contains("cannot be reached: connection refused (3 tries)", dead.Summary.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_an_engine_refuses_for_good_is_not_asked_again()
    {
        await using var database = await TestDatabase.CreateAsync("sqlite");
        var bench = Bench(database, Project("model: assistant", Remote));
        bench.Options.RemoteConcurrency = 1;
        bench.Inference.Generate = (_, _) => throw new PilothouseException(ErrorCode.UpstreamFailed, "answered with HTTP 401") { IsPermanent = true };

        var result = await bench.RunAsync(new NewEvaluation("shop", "v1"));

        Assert.Equal("INVALID", result.Summary.Verdict);
        Assert.Equal(1, bench.Inference.Calls);
    }

    [Fact]
    public async Task A_wait_longer_than_the_limit_counts_as_away()
    {
        await using var database = await TestDatabase.CreateAsync("sqlite");
        var bench = Bench(database, Project("model: assistant", Remote));
        bench.Options.RemoteConcurrency = 1;
        bench.Options.MaxRetryAfter = TimeSpan.FromSeconds(1);
        bench.Inference.Generate = (_, _) => throw new PilothouseException(ErrorCode.RateLimited, "quota") { RetryAfter = TimeSpan.FromHours(1) };
        // The pause that was asked for must not hold the test up: the second case is not asked any more.

        var result = await bench.RunAsync(new NewEvaluation("shop", "v1"));

        Assert.Equal("INVALID", result.Summary.Verdict);
        Assert.Contains("asks to come again in 3600 s", result.Summary.Reason, StringComparison.Ordinal);
    }
}
