using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Pilothouse.Server.Modules.Gateway;
using Pilothouse.Server.Modules.Gateway.Engines;
using Pilothouse.Server.Platform;
using Pilothouse.Server.Platform.Inference;

namespace Pilothouse.Server.Tests.Modules.Gateway.Engines;

/// <summary>Upstreams in every state in which they are met: sound, failing, cut, stalled, malformed, gone.</summary>
public sealed class OpenAiEngineTests : IAsyncLifetime
{
    private readonly GatewayOptions _options = new() { UpstreamTimeout = TimeSpan.FromSeconds(30) };
    private RequestDelegate _upstream = _ => Task.CompletedTask;
    private WebApplication _app = null!;

    public async ValueTask InitializeAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        _app = builder.Build();
        _app.Run(http => _upstream(http));
        await _app.StartAsync();
    }

    public async ValueTask DisposeAsync() => await _app.DisposeAsync();

    [Fact]
    public async Task A_whole_answer_is_read_and_the_key_is_sent()
    {
        _options.UpstreamKeys[new Uri(_app.Urls.First()).Authority] = "sk-1";
        var (path, key, body) = ("", "", "");
        _upstream = async http =>
        {
            using var reader = new StreamReader(http.Request.Body);
            (path, key, body) = (http.Request.Path, http.Request.Headers.Authorization.ToString(), await reader.ReadToEndAsync());
            await http.Response.WriteAsync("""{"choices":[{"index":0,"message":{"role":"assistant","content":"Hello"},"finish_reason":"length"}],"usage":{"prompt_tokens":11,"completion_tokens":5,"total_tokens":16}}""");
        };
        var answer = await AskAsync(null);
        Assert.Equal(("Hello", "length", 11, 5), (answer.Text, answer.FinishReason, answer.PromptTokens, answer.CompletionTokens));
        Assert.Equal(("/v1/chat/completions", "Bearer sk-1"), (path, key));
        Assert.Equal("""{"model":"gpt","messages":[{"role":"user","content":"Hi"}],"max_tokens":48,"temperature":0}""", body);
    }

    [Fact]
    public async Task A_stream_is_read_piece_by_piece_with_usage_and_keep_alives()
    {
        _upstream = http => StreamAsync(http, ": keep-alive\n\n", Chunk("Hel"), Chunk("lo"), "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n",
            "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":11,\"completion_tokens\":5,\"total_tokens\":16}}\r\n\r\n", "data: [DONE]\n\n");
        var pieces = new List<string>();
        var answer = await AskAsync(pieces);
        Assert.Equal(["Hel", "lo"], pieces);
        Assert.Equal(("Hello", "stop", 11, 5), (answer.Text, answer.FinishReason, answer.PromptTokens, answer.CompletionTokens));
    }

    [Theory]
    [InlineData(500, """{"error":{"message":"out of memory","type":"server_error"}}""", ErrorCode.UpstreamFailed, "out of memory")]
    [InlineData(502, "<html>bad gateway</html>", ErrorCode.UpstreamFailed, "502")]
    [InlineData(401, """{"error":{"message":"no key","type":"x"}}""", ErrorCode.UpstreamFailed, "no key")]
    [InlineData(429, """{"error":{"message":"slow down","type":"x"}}""", ErrorCode.RateLimited, "slow down")]
    [InlineData(200, "<html>", ErrorCode.UpstreamFailed, "OpenAI's format")]
    [InlineData(200, "{}", ErrorCode.UpstreamFailed, "without a choice")]
    [InlineData(200, """{"choices":[]}""", ErrorCode.UpstreamFailed, "without a choice")]
    [InlineData(200, """{"choices":7}""", ErrorCode.UpstreamFailed, "OpenAI's format")]
    public async Task A_failing_upstream_is_a_named_error(int status, string body, ErrorCode code, string said)
    {
        _upstream = http =>
        {
            http.Response.StatusCode = status;
            return http.Response.WriteAsync(body);
        };
        var error = await Assert.ThrowsAsync<PilothouseException>(() => AskAsync(null));
        Assert.Equal(code, error.Code);
        Assert.Contains(said, error.Message, StringComparison.Ordinal);
        Assert.Contains("gpt", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(429, "7", 7.0, false)]
    [InlineData(503, "0", 0.0, false)]
    [InlineData(429, "Thu, 01 Jan 1970 00:00:00 GMT", 0.0, false)]
    [InlineData(500, null, null, false)]
    [InlineData(429, "soon", null, false)]
    [InlineData(408, null, null, false)]
    [InlineData(401, null, null, true)]
    [InlineData(404, null, null, true)]
    public async Task A_refusal_says_when_to_come_again_or_that_it_is_for_good(int status, string? retryAfter, double? seconds, bool isPermanent)
    {
        _upstream = http =>
        {
            http.Response.StatusCode = status;
            if (retryAfter is not null) http.Response.Headers.RetryAfter = retryAfter;
            return Task.CompletedTask;
        };
        var error = await Assert.ThrowsAsync<PilothouseException>(() => AskAsync(null));
        Assert.Equal((seconds, isPermanent), (error.RetryAfter?.TotalSeconds, error.IsPermanent));
    }

    [Fact]
    public async Task Tools_are_offered_and_calls_come_back_as_the_answer()
    {
        var body = "";
        _upstream = async http =>
        {
            using var reader = new StreamReader(http.Request.Body);
            body = await reader.ReadToEndAsync();
            await http.Response.WriteAsync("""{"choices":[{"index":0,"message":{"role":"assistant","content":null,"tool_calls":[{"id":"1","type":"function","function":{"name":"get_order","arguments":"{\"id\": 17}"}}]},"finish_reason":"tool_calls"}]}""");
        };
        var engine = new OpenAiEngine(new Clients(), _options, TimeProvider.System);
        var answer = await engine.GenerateAsync(new EngineModel("gpt", "", "", 0, _app.Urls.First() + "/v1"), new GenerationRequest([new ChatTurn("user", "Hi")], 48, 0) { Tools = """[{"type":"function","function":{"name":"get_order"}}]""" }, default);
        Assert.Contains("\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"get_order\"}}]", body, StringComparison.Ordinal);
        var call = Assert.Single(Pilothouse.Server.Modules.Evaluation.Scoring.ToolCalls.Find(answer.Text));
        Assert.Equal(("get_order", 17), (call.Name, call.Arguments.GetProperty("id").GetInt32()));
    }

    [Fact]
    public async Task The_key_of_a_variable_goes_only_where_the_server_allows()
    {
        var (name, sent) = ("PILOTHOUSE_TEST_KEY_" + Guid.NewGuid().ToString("N"), "");
        Environment.SetEnvironmentVariable(name, "sk-2");
        _upstream = http =>
        {
            sent = http.Request.Headers.Authorization.ToString();
            return http.Response.WriteAsync("""{"choices":[{"index":0,"message":{"role":"assistant","content":"Hello"}}]}""");
        };
        var engine = new OpenAiEngine(new Clients(), _options, TimeProvider.System);
        Task<Generation> Ask(string variable) => engine.GenerateAsync(new EngineModel("gpt", "", "", 0, _app.Urls.First() + "/v1") { KeyVariable = variable }, new GenerationRequest([new ChatTurn("user", "Hi")], 48, 0), default);

        var refused = await Assert.ThrowsAsync<PilothouseException>(() => Ask(name));
        Assert.Equal((ErrorCode.FailedPrecondition, true, ""), (refused.Code, refused.IsPermanent, sent));
        Assert.Contains($"Gateway:KeyVariables:{name}", refused.Message, StringComparison.Ordinal);

        _options.KeyVariables[name] = $"api.example.com, {new Uri(_app.Urls.First()).Authority}";
        await Ask(name);
        Assert.Equal("Bearer sk-2", sent);

        Environment.SetEnvironmentVariable(name, null);
        Assert.Contains("is not set", (await Assert.ThrowsAsync<PilothouseException>(() => Ask(name))).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hel\"}}]}\n\n", "cut its answer off")]
    [InlineData("data: {\"choices\n\n", "OpenAI's format")]
    [InlineData("data: {\"error\":{\"message\":\"overloaded\",\"type\":\"x\"}}\n\n", "overloaded")]
    [InlineData("", "cut its answer off")]
    public async Task A_stream_that_is_cut_malformed_or_fails_is_a_named_error(string body, string said)
    {
        _upstream = http => StreamAsync(http, body);
        var error = await Assert.ThrowsAsync<PilothouseException>(() => AskAsync([]));
        Assert.Equal(ErrorCode.UpstreamFailed, error.Code);
        Assert.Contains(said, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_aborted_connection_is_a_named_error()
    {
        _upstream = async http =>
        {
            await StreamAsync(http, Chunk("Hel"));
            http.Abort();
        };
        var error = await Assert.ThrowsAsync<PilothouseException>(() => AskAsync([]));
        Assert.Equal(ErrorCode.UpstreamFailed, error.Code);
    }

    [Fact]
    public async Task A_stalled_upstream_ends_at_the_timeout_and_the_callers_own_cancellation_is_not_an_upstream_fault()
    {
        _options.UpstreamTimeout = TimeSpan.FromMilliseconds(200);
        _upstream = http => Task.Delay(Timeout.Infinite, http.RequestAborted);
        var error = await Assert.ThrowsAsync<PilothouseException>(() => AskAsync(null));
        Assert.Contains("Gateway:UpstreamTimeout", error.Message, StringComparison.Ordinal);

        _options.UpstreamTimeout = TimeSpan.FromMinutes(5);
        using var cancel = new CancellationTokenSource();
        _upstream = async http =>
        {
            await cancel.CancelAsync();
            await Task.Delay(Timeout.Infinite, http.RequestAborted);
        };
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => AskAsync(null, ct: cancel.Token));
    }

    [Theory]
    [InlineData("http://127.0.0.1:1/v1", ErrorCode.UpstreamFailed)]
    [InlineData("file:///etc/passwd", ErrorCode.InvalidArgument)]
    [InlineData("nonsense", ErrorCode.InvalidArgument)]
    [InlineData(null, ErrorCode.InvalidArgument)]
    public async Task An_address_where_nobody_is_or_that_is_none_is_a_named_error(string? url, ErrorCode code) =>
        Assert.Equal(code, (await Assert.ThrowsAsync<PilothouseException>(() => AskAsync(null, url))).Code);

    private Task<Generation> AskAsync(List<string>? pieces, string? url = "here", CancellationToken ct = default) =>
        new OpenAiEngine(new Clients(), _options, TimeProvider.System).GenerateAsync(new EngineModel("gpt", "", "", 0, url == "here" ? _app.Urls.First() + "/v1" : url), new GenerationRequest([new ChatTurn("user", "Hi")], 48, 0, null, pieces is null ? null : (piece, _) =>
        {
            pieces.Add(piece);
            return ValueTask.CompletedTask;
        }), ct);

    private static string Chunk(string text) => "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"" + text + "\"},\"finish_reason\":null}]}\n\n";

    private static async Task StreamAsync(HttpContext http, params string[] events)
    {
        http.Response.ContentType = "text/event-stream";
        foreach (var e in events)
        {
            await http.Response.Body.WriteAsync(Encoding.UTF8.GetBytes(e));
            await http.Response.Body.FlushAsync();
        }
    }

    private sealed class Clients : IHttpClientFactory
    {
        public HttpClient CreateClient(string name) => new();
    }
}
