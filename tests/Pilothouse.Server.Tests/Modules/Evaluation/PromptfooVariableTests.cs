using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Pilothouse.Protocols.Promptfoo;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Evaluation;
using Pilothouse.Server.Platform;
using Pilothouse.Testing;

namespace Pilothouse.Server.Tests.Modules.Evaluation;

/// <summary><c>{{env.NAME}}</c> of promptfoo configurations: only what the server allows, only toward the host it allows, and nowhere else.</summary>
public sealed class PromptfooVariableTests : IAsyncLifetime
{
    private const string Variable = "PILOTHOUSE_TEST_PROMPTFOO_KEY", Value = "zebra\"secret\"value";

    private readonly List<string> _seen = [];
    private WebApplication _app = null!;

    private string Authority => new Uri(_app.Urls.First()).Authority;

    public async ValueTask InitializeAsync()
    {
        Environment.SetEnvironmentVariable(Variable, Value);
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        _app = builder.Build();
        _app.Run(async http =>
        {
            using var reader = new StreamReader(http.Request.Body);
            var seen = $"{http.Request.Path} {http.Request.Headers.Authorization} {http.Request.Query["q"]} {await reader.ReadToEndAsync()}";
            lock (_seen) _seen.Add(seen);
            await http.Response.WriteAsync($"You sent {http.Request.Headers.Authorization}.");
        });
        await _app.StartAsync();
    }

    public async ValueTask DisposeAsync() => await _app.DisposeAsync();

    private async Task<(EvaluationDetail Result, string Stored)> RunAsync(string? allowed, string config)
    {
        await using var database = await TestDatabase.CreateAsync("sqlite");
        var bench = new EvaluationBench(database) { Mask = new SecretMask([Value]) };
        if (allowed is not null) bench.Gateway.KeyVariables[Variable] = allowed;
        bench.Repositories.Commit("v1", ("c.yaml", config.Replace("URL", _app.Urls.First(), StringComparison.Ordinal).Replace("KEY", Variable, StringComparison.Ordinal)));
        var result = await bench.RunAsync(new NewEvaluation("shop", "v1", Promptfoo: "c.yaml"));
        return (result, WireJson.Write(result) + WireJson.Write((await bench.Service().CasesAsync(result.Summary.Id, null, null, 100, null, default)).Items));
    }

    private const string Asks = """
        prompts: ['Price?']
        providers:
          - id: URL/ask
            label: bot
            config: { method: POST, headers: { Authorization: 'Bearer {{env.KEY}}', Content-Type: application/json }, queryParams: { q: '{{ env.KEY }}' }, body: '{"key": "{{env.KEY}}", "q": "{{prompt}}"}' }
        tests: [{ assert: [{ type: contains, value: You sent }] }]
        """;

    [Fact]
    public async Task A_value_goes_to_the_host_it_may_go_to_and_nowhere_else()
    {
        var (result, stored) = await RunAsync($"api.example.com, {Authority}", Asks);

        Assert.True(result.Summary.Verdict == "PASS", result.Summary.Reason);
        Assert.Equal([$$"""/ask Bearer {{Value}} {{Value}} {"key": "zebra\"secret\"value", "q": "Price?"}"""], _seen);
        Assert.DoesNotContain("secret\\\"value", stored, StringComparison.Ordinal);
        Assert.DoesNotContain("zebra", stored, StringComparison.Ordinal);
        Assert.Contains(SecretMask.Mark, stored, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("http://{{env.PILOTHOUSE_TEST_PROMPTFOO_HOST}}.example.org/ask")]
    [InlineData("http://{{env.PILOTHOUSE_TEST_PROMPTFOO_HOST}}.{{domain}}/ask")]
    public async Task A_host_made_of_a_value_is_refused_without_showing_it(string url)
    {
        const string Host = "PILOTHOUSE_TEST_PROMPTFOO_HOST";
        Environment.SetEnvironmentVariable(Host, "Zebra-Crossing");
        await using var database = await TestDatabase.CreateAsync("sqlite");
        var bench = new EvaluationBench(database);
        bench.Gateway.KeyVariables[Host] = "api.example.com";
        bench.Repositories.Commit("v1", ("c.yaml", $"prompts: ['Price?']\nproviders:\n  - id: '{url}'\n    config: {{ method: POST, body: {{ q: '{{{{prompt}}}}' }} }}\ntests: [{{ vars: {{ domain: example.org }}, assert: [{{ type: contains, value: x }}] }}]\n"));

        string told;
        try
        {
            var result = await bench.RunAsync(new NewEvaluation("shop", "v1", Promptfoo: "c.yaml"));
            told = WireJson.Write(result) + WireJson.Write((await bench.Service().CasesAsync(result.Summary.Id, null, null, 100, null, default)).Items);
        }
        catch (PilothouseException e)
        {
            told = e.Message;
        }

        Assert.DoesNotContain("zebra", told, StringComparison.OrdinalIgnoreCase);
        Assert.Contains(Host, told, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(null, "Gateway:KeyVariables:PILOTHOUSE_TEST_PROMPTFOO_KEY = HOST")]
    [InlineData("api.example.com", "may not be sent to 127.0.0.1")]
    public async Task What_the_server_does_not_allow_is_refused_with_its_line_before_anything_is_sent(string? allowed, string expected)
    {
        var error = await Assert.ThrowsAsync<PilothouseException>(() => RunAsync(allowed, Asks));
        Assert.Equal(ErrorCode.FailedPrecondition, error.Code);
        Assert.StartsWith("c.yaml:3: ", error.Message, StringComparison.Ordinal);
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
        Assert.Empty(_seen);
    }

    [Fact]
    public async Task A_host_that_a_test_decides_gets_no_value_that_is_not_for_it()
    {
        var (result, stored) = await RunAsync("api.example.com", Asks.Replace("URL/ask", "'http://{{host}}/ask'", StringComparison.Ordinal).Replace("[{ assert", $"[{{ vars: {{ host: '{Authority}' }}, assert", StringComparison.Ordinal));
        Assert.Equal("INVALID", result.Summary.Verdict);
        Assert.Contains("may not be sent to 127.0.0.1", result.Summary.Reason, StringComparison.Ordinal);
        Assert.DoesNotContain("zebra", stored, StringComparison.Ordinal);
        Assert.Empty(_seen);
    }

    [Theory]
    [InlineData("prompts:\n  - 'a'\n  - 'b {{env.X}}'\nproviders: [echo]\n", "3:1: prompts: A variable of the environment")]
    [InlineData("prompts: ['{{a}}']\nproviders: [echo]\ntests:\n  - vars: { a: 'x {{ env.X }}' }\n", "4:16: vars.a: A variable of the environment")]
    [InlineData("prompts: ['{% if env.X %}a{% endif %}']\nproviders: [echo]\n", "1:1: prompts: A variable of the environment")]
    [InlineData("prompts: ['a']\nproviders: [{ id: openai:m, config: { apiKey: 'x{{env.X}}' } }]\n", "A key does not belong into a file.")]
    public void A_variable_in_another_place_is_a_fault_with_its_line(string config, string expected) =>
        Assert.Contains(PromptfooReader.Parse(config, _ => null).Faults, f => f.ToString().Contains(expected, StringComparison.Ordinal));

    [Fact]
    public void A_key_by_variable_is_read_as_its_name_and_an_assertion_with_one_has_no_score()
    {
        var config = PromptfooReader.Parse("prompts: ['a']\nproviders: [{ id: openai:m, config: { apiBaseUrl: 'http://x/v1', apiKey: '{{ env.MY_KEY }}' } }]\ntests: [{ assert: [{ type: contains, value: '{{env.X}}' }] }]\n", _ => null).Config!;
        Assert.Equal("MY_KEY", config.Providers[0].KeyVariable);
        Assert.Contains("names a variable of the environment", config.Tests[0].Assertions[0].Fault, StringComparison.Ordinal);
    }
}
