using System.Net;
using System.Text;
using System.Text.Json;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Gateway.Api;
using Pilothouse.Server.Modules.Gateway.Engines;
using Pilothouse.Server.Modules.Traces.Api;
using Pilothouse.Server.Platform;
using Pilothouse.Server.Platform.Inference;
using Pilothouse.Testing;

namespace Pilothouse.Server.Tests.Modules.Gateway;

public class ChatCompletionsTests
{
    [Theory, DatabaseData]
    public async Task An_answer_carries_its_origin_and_becomes_one_trace_and_one_event(string kind)
    {
        await using var gateway = await GatewayServer.StartAsync(kind);
        var events = new TaskCompletionSource<ResponseServed>();
        gateway.Server.Service<IEventBus>().Subscribe<ResponseServed>("test", (e, _) =>
        {
            events.TrySetResult(e);
            return Task.CompletedTask;
        });

        using var response = await gateway.ChatAsync("Where is my lamp?", b => b["metadata"] = new { must_contain = "lamp" }, r => r.Headers.Add("X-Conversation-Id", "c-1"));
        var answer = await response.JsonAsync();
        var served = await events.Task;
        var trace = await gateway.Server.Service<ITraces>().GetAsync(response.Header("x-pilothouse-trace-id"), default);

        Assert.Equal("echo: Where is my lamp?", answer.GetProperty("choices")[0].GetProperty("message").GetProperty("content").GetString());
        Assert.Equal("chat.completion", answer.GetProperty("object").GetString());
        Assert.Equal(5, answer.GetProperty("usage").GetProperty("total_tokens").GetInt32());
        Assert.Equal(("sha256:a", "stable"), (response.Header("x-pilothouse-release"), response.Header("x-pilothouse-arm")));
        Assert.Equal((GatewayServer.Route, "shop/production", "sha256:a", "stable", "models:/a/1"), (served.Route, served.Environment, served.Release, served.Arm, served.Model));
        Assert.Equal(("Where is my lamp?", "echo: Where is my lamp?", false, "lamp"), (served.Input, served.Output, served.Failed, served.Metadata["must_contain"]));
        Assert.Equal(trace.Summary.TraceId, served.TraceId);
        Assert.Equal(("models:/a/1", "sha256:a", "shop/production", 3L, 2L, 1), (trace.Summary.Model, trace.Summary.Release, trace.Summary.Environment, trace.Summary.InputTokens, trace.Summary.OutputTokens, trace.Summary.Spans));
        var span = Assert.Single(trace.Spans);
        Assert.Equal(("c-1", "stop"), ((string)span.Attributes["gen_ai.conversation.id"]!, (string)((object?[])span.Attributes["gen_ai.response.finish_reasons"]!)[0]!));
        Assert.Equal(("Where is my lamp?", "echo: Where is my lamp?"), (trace.Summary.Input, trace.Summary.Output));
    }

    [Fact]
    public async Task A_stream_is_chunks_usage_and_done()
    {
        await using var gateway = await GatewayServer.StartAsync();
        using var response = await gateway.ChatAsync("one two", b => (b["stream"], b["stream_options"]) = (true, new { include_usage = true }));
        var events = await response.EventsAsync();

        Assert.Equal("text/event-stream", response.Content.Headers.ContentType!.MediaType);
        Assert.Equal("[DONE]", events[^1]);
        var chunks = events[..^1].Select(e => JsonDocument.Parse(e).RootElement).ToList();
        Assert.Equal("echo: one two", string.Concat(chunks.Where(c => c.GetProperty("choices").GetArrayLength() > 0).Select(c => c.GetProperty("choices")[0].GetProperty("delta").TryGetProperty("content", out var t) ? t.GetString() : "")));
        Assert.Equal("stop", chunks[^2].GetProperty("choices")[0].GetProperty("finish_reason").GetString());
        Assert.Equal((0, 5), (chunks[^1].GetProperty("choices").GetArrayLength(), chunks[^1].GetProperty("usage").GetProperty("total_tokens").GetInt32()));
        Assert.All(chunks, c => Assert.Equal("chat.completion.chunk", c.GetProperty("object").GetString()));
    }

    [Fact]
    public async Task The_prompt_of_the_arm_is_applied_and_its_parameters_are_the_defaults()
    {
        await using var gateway = await GatewayServer.StartAsync();
        await gateway.SetAsync(100, "Customer: {input}");
        var requests = new List<GenerationRequest>();
        gateway.Engine.Answer = (m, r, ct) =>
        {
            requests.Add(r);
            return ScriptedEngine.EchoAsync(m, r, ct);
        };
        using var plain = await gateway.ChatAsync("hi");
        using var asked = await gateway.ChatAsync("hi", b => (b["temperature"], b["max_tokens"], b["seed"], b["stop"]) = (1.0, 1000, 5, "x"));

        Assert.Equal("Customer: hi", requests[0].Messages[0].Content);
        Assert.Equal((0.25, 48), (requests[0].Temperature, requests[0].MaxTokens));
        Assert.Equal((1.0, 48, 5L), (requests[1].Temperature, requests[1].MaxTokens, requests[1].Seed));
        Assert.Equal(["x"], requests[1].Stop);
    }

    [Theory]
    [InlineData("""{"model":"nothing","messages":[{"role":"user","content":"hi"}]}""", 404, "model", "model_not_found", "shop/production/assistant")]
    [InlineData("""{"model":"models:/a/9","messages":[{"role":"user","content":"hi"}]}""", 404, "model", "model_not_found", "9")]
    [InlineData("""{"messages":[{"role":"user","content":"hi"}]}""", 400, "model", null, "model")]
    [InlineData("""{"model":"m","messages":[]}""", 400, "messages", null, "messages")]
    [InlineData("""{"model":"m","messages":[null]}""", 400, "messages[0].role", null, "role")]
    [InlineData("""{"model":"m","messages":[{"role":"robot","content":"hi"}]}""", 400, "messages[0].role", null, "robot")]
    [InlineData("""{"model":"m","messages":[{"role":"user","content":[{"type":"image_url"}]}]}""", 400, "messages[0].content", null, "images")]
    [InlineData("""{"model":"m","messages":[{"role":"user","content":"hi"}],"n":2}""", 400, "n", null, "n = 1")]
    [InlineData("""{"model":"m","messages":[{"role":"user","content":"hi"}],"tools":[{}]}""", 400, "tools", null, "Tools")]
    [InlineData("""{"model":"m","messages":[{"role":"user","content":"hi"}],"temperature":9}""", 400, "temperature", null, "between 0 and 2")]
    [InlineData("""{"model":"m","messages":[{"role":"user","content":"hi"}],"max_tokens":0}""", 400, "max_tokens", null, "token")]
    [InlineData("""{"model":"m","messages":[{"role":"user","content":"hi"}],"metadata":{"a":1}}""", 400, "metadata", null, "texts")]
    [InlineData("""{"model":"m","messages":[{"role":"user","content":"hi"}],"stop":[1]}""", 400, "stop", null, "stop")]
    [InlineData("""{"model":"m","messages":7}""", 400, null, null, "JSON")]
    [InlineData("""{"model":""", 400, null, null, "JSON")]
    [InlineData("null", 400, null, null, "JSON")]
    public async Task A_wrong_request_is_answered_in_OpenAIs_shape(string body, int status, string? param, string? code, string said)
    {
        await using var gateway = await GatewayServer.StartAsync();
        using var response = await gateway.Http.PostAsync("/v1/chat/completions", new StringContent(body, Encoding.UTF8, "application/json"));
        var error = (await response.JsonAsync()).GetProperty("error");

        Assert.Equal(status, (int)response.StatusCode);
        Assert.Equal("invalid_request_error", error.GetProperty("type").GetString());
        Assert.Equal((param, code), (error.GetProperty("param").GetString(), error.GetProperty("code").GetString()));
        Assert.Contains(said, error.GetProperty("message").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_body_beyond_the_bound_is_refused()
    {
        await using var gateway = await GatewayServer.StartAsync();
        using var response = await gateway.ChatAsync(new string('x', 5 * 1024 * 1024));
        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, response.StatusCode);
        Assert.Equal("request_too_large", (await response.JsonAsync()).GetProperty("error").GetProperty("code").GetString());
    }

    [Fact]
    public async Task A_failing_engine_is_a_named_error_counted_and_traced()
    {
        await using var gateway = await GatewayServer.StartAsync();
        gateway.Engine.Answer = (_, _, _) => throw new PilothouseException(ErrorCode.UpstreamFailed, "The engine is on fire.");
        using var response = await gateway.ChatAsync("hi");
        var error = (await response.JsonAsync()).GetProperty("error");

        Assert.Equal((502, "upstream_failed", "The engine is on fire."), ((int)response.StatusCode, error.GetProperty("code").GetString(), error.GetProperty("message").GetString()));
        var seen = gateway.Server.Service<IGatewayRoutes>().Observe(GatewayServer.Route)[0];
        Assert.Equal((1, 1), (seen.Requests, seen.Errors));
    }

    [Fact]
    public async Task A_request_that_the_model_cannot_take_is_not_counted_against_the_arm()
    {
        await using var gateway = await GatewayServer.StartAsync();
        gateway.Engine.Answer = (_, _, _) => throw new PilothouseException(ErrorCode.InvalidArgument, "The prompt is too long.");
        using var response = await gateway.ChatAsync("hi");
        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        Assert.Equal(0, gateway.Server.Service<IGatewayRoutes>().Observe(GatewayServer.Route)[0].Requests);
    }

    [Fact]
    public async Task A_failure_before_the_first_piece_has_its_own_status_and_later_it_is_an_event()
    {
        await using var gateway = await GatewayServer.StartAsync();
        var pieces = 0;
        gateway.Engine.Answer = async (_, r, ct) =>
        {
            for (var i = 0; i < pieces; i++) await r.OnToken!("piece", ct);
            throw new PilothouseException(ErrorCode.UpstreamFailed, "cut off");
        };
        using var early = await gateway.ChatAsync("hi", b => b["stream"] = true);
        pieces = 2;
        using var late = await gateway.ChatAsync("hi", b => b["stream"] = true);
        var events = await late.EventsAsync();

        Assert.Equal(502, (int)early.StatusCode);
        Assert.Equal(200, (int)late.StatusCode);
        Assert.Equal("cut off", JsonDocument.Parse(events[^1]).RootElement.GetProperty("error").GetProperty("message").GetString());
        Assert.DoesNotContain("[DONE]", events);
    }

    [Fact]
    public async Task A_client_that_leaves_cancels_the_generation()
    {
        await using var gateway = await GatewayServer.StartAsync();
        var started = new TaskCompletionSource();
        var cancelled = new TaskCompletionSource();
        gateway.Engine.Answer = async (_, _, ct) =>
        {
            await using var _1 = ct.Register(() => cancelled.TrySetResult());
            started.SetResult();
            await Task.Delay(Timeout.Infinite, ct);
            throw new InvalidOperationException();
        };
        using var client = new CancellationTokenSource();
        var request = gateway.ChatAsync("hi", ct: client.Token);
        await started.Task;
        await client.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => request);
        await cancelled.Task;
        Assert.Equal(0, gateway.Server.Service<IGatewayRoutes>().Observe(GatewayServer.Route)[0].Errors);
    }

    [Fact]
    public async Task Swapping_a_route_under_load_loses_no_request()
    {
        const int Requests = 400;
        await using var gateway = await GatewayServer.StartAsync();
        gateway.Engine.Answer = async (m, r, ct) =>
        {
            await Task.Yield();
            return await ScriptedEngine.EchoAsync(m, r, ct);
        };
        using var done = new CancellationTokenSource();
        var swaps = Task.Run(async () =>
        {
            var count = 0;
            for (; !done.IsCancellationRequested; count++) await gateway.SetAsync(count % 2 == 0 ? 50 : 100);
            return count;
        });
        var answers = new List<(string Text, string Release)>();
        await Parallel.ForEachAsync(Enumerable.Range(0, Requests), new ParallelOptions { MaxDegreeOfParallelism = 16 }, async (i, ct) =>
        {
            using var response = await gateway.ChatAsync($"q{i}", ct: ct);
            var text = (await response.JsonAsync()).GetProperty("choices")[0].GetProperty("message").GetProperty("content").GetString()!;
            lock (answers) answers.Add((text, response.Header("x-pilothouse-release")));
        });
        await done.CancelAsync();

        Assert.True(await swaps > 1);
        Assert.Equal(Enumerable.Range(0, Requests).Select(i => $"echo: q{i}").Order(), answers.Select(a => a.Text).Order());
        Assert.All(answers, a => Assert.Contains(a.Release, (string[])["sha256:a", "sha256:b"]));
    }

    [Fact]
    public async Task A_conversation_stays_on_its_arm()
    {
        await using var gateway = await GatewayServer.StartAsync();
        await gateway.SetAsync(50);
        foreach (var conversation in Enumerable.Range(0, 12))
        {
            var arms = new HashSet<string>();
            for (var i = 0; i < 3; i++)
            {
                using var byUser = await gateway.ChatAsync("hi", b => b["user"] = $"u{conversation}");
                using var byHeader = await gateway.ChatAsync("hi", null, r => r.Headers.Add("X-Conversation-Id", $"u{conversation}"));
                arms.UnionWith([byUser.Header("x-pilothouse-arm"), byHeader.Header("x-pilothouse-arm")]);
            }
            Assert.Single(arms);
        }
        var seen = gateway.Server.Service<IGatewayRoutes>().Observe(GatewayServer.Route);
        Assert.Equal(72, seen.Sum(a => a.Requests));
        Assert.All(seen, a => Assert.True(a.Requests > 0));
    }

    [Fact]
    public async Task A_callers_trace_is_continued()
    {
        await using var gateway = await GatewayServer.StartAsync();
        using var response = await gateway.ChatAsync("hi", null, r => r.Headers.Add("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"));
        using var odd = await gateway.ChatAsync("hi", null, r => r.Headers.TryAddWithoutValidation("traceparent", "00-ZZZ"));
        Assert.Equal("4bf92f3577b34da6a3ce929d0e0e4736", response.Header("x-pilothouse-trace-id"));
        Assert.Matches("^[0-9a-f]{32}$", odd.Header("x-pilothouse-trace-id"));
    }

    [Fact]
    public async Task Models_are_listed_and_a_version_can_be_asked_directly()
    {
        await using var gateway = await GatewayServer.StartAsync();
        using var list = await gateway.Http.GetAsync("/v1/models");
        using var direct = await gateway.ChatAsync("hi", b => b["model"] = "models:/b/1");
        Assert.Equal([GatewayServer.Route, "models:/a/1", "models:/b/1"], (await list.JsonAsync()).GetProperty("data").EnumerateArray().Select(m => m.GetProperty("id").GetString()));
        Assert.Equal("direct", direct.Header("x-pilothouse-arm"));
    }

    [Fact]
    public async Task Classifications_have_labels_and_probabilities()
    {
        await using var gateway = await GatewayServer.StartAsync();
        await gateway.Server.Service<IGatewayRoutes>().SetAsync(new GatewayRoute("shop/production/triage", "shop/production", "classifier", [new GatewayArm("stable", 100, "sha256:c", "models:/a/1", "onnx", null, null, 0, 1)]), default);
        using var response = await gateway.Http.PostAsync("/v1/classifications", new StringContent("""{"model":"shop/production/triage","input":["now!","later"]}""", Encoding.UTF8, "application/json"));
        using var wrong = await gateway.Http.PostAsync("/v1/classifications", new StringContent($$"""{"model":"{{GatewayServer.Route}}","input":"x"}""", Encoding.UTF8, "application/json"));
        using var chat = await gateway.ChatAsync("hi", b => b["model"] = "shop/production/triage");

        var data = (await response.JsonAsync()).GetProperty("data");
        Assert.Equal(["urgent", "normal"], data.EnumerateArray().Select(d => d.GetProperty("label").GetString()));
        Assert.Equal(0.9, data[0].GetProperty("probabilities").GetProperty("urgent").GetDouble());
        Assert.Equal((400, 400), ((int)wrong.StatusCode, (int)chat.StatusCode));
    }
}
