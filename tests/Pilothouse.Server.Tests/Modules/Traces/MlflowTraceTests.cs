using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using CsCheck;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Traces.Api;
using Pilothouse.Testing;

namespace Pilothouse.Server.Tests.Modules.Traces;

/// <summary>Traces by MLflow's protocol, over HTTP.</summary>
public class MlflowTraceTests
{
    private const string Search = "/api/3.0/mlflow/traces/search";
    private static readonly string[] Noise = ["", "\"", "null", "[", "}", "1e999", "\\u0000", "\\ud800", "'", "%", "-1", "{}", "[[[[[[[[", ","];

    /// <summary>One store: what came by OTLP without an experiment is in the default one, with everything MLflow's clients read.</summary>
    [Theory, DatabaseData]
    public async Task A_trace_of_any_sender_is_seen_by_MLflows_clients(string kind)
    {
        await using var server = await TestServer.StartAsync(kind);
        await server.Service<ISpanSink>().WriteAsync([Span(1, 1, null, 0, 100, "ask", ("session.id", "s-1")), Span(1, 2, 1, 10, 50, "chat", ("gen_ai.operation.name", "chat"), ("gen_ai.request.model", "m"),
            ("gen_ai.usage.input_tokens", 11L), ("gen_ai.usage.output_tokens", 5L), ("gen_ai.input.messages", """[{"role":"user","content":"hi"}]"""))], default);

        Assert.Equal([Id(1)], await FindAsync(server, "span.type = 'CHAT_MODEL' AND span.name = 'chat'"));
        Assert.Equal([Id(1)], await FindAsync(server, "metadata.`mlflow.trace.session` = 's-1'"));
        Assert.Empty(await FindAsync(server, "span.type = 'CHAT_MODEL' AND span.name = 'ask'")); // not the same span
        var trace = (await server.Http.GetFromJsonAsync<JsonElement>($"/api/3.0/mlflow/traces/get?trace_id={Id(1)}")).GetProperty("trace");
        Assert.Equal("""{"input_tokens": 11, "output_tokens": 5, "total_tokens": 16}""", trace.GetProperty("trace_info").GetProperty("trace_metadata").GetProperty("mlflow.trace.tokenUsage").GetString());
        Assert.Equal(Convert.ToBase64String(Convert.FromHexString($"{1:x16}")), trace.GetProperty("spans")[0].GetProperty("span_id").GetString());
        Assert.Contains(trace.GetProperty("spans")[1].GetProperty("attributes").EnumerateArray(), a => a.GetProperty("key").GetString() == "mlflow.llm.model");
    }

    [Theory, DatabaseData]
    public async Task Info_before_or_after_the_spans_makes_the_same_trace(string kind)
    {
        await using var server = await TestServer.StartAsync(kind);
        var sink = server.Service<ISpanSink>();
        await sink.WriteAsync([Span(1, 1, null, 0, 100, "root")], default);
        await StartAsync(server, 1, "OK", new { team = "a" });
        await StartAsync(server, 2, "OK", new { team = "a" });
        await sink.WriteAsync([Span(2, 1, null, 0, 100, "root") with { Status = "error" }], default);

        var first = (await InfoAsync(server, 1)).GetRawText();
        Assert.Equal(first, (await InfoAsync(server, 2)).GetRawText().Replace(Id(2), Id(1), StringComparison.Ordinal).Replace(".002Z", ".001Z", StringComparison.Ordinal)); // the client's state is final
        Assert.Contains("\"execution_duration\":\"0.250s\"", first, StringComparison.Ordinal);
        Assert.Contains("TRACKING_STORE", first, StringComparison.Ordinal);
    }

    [Theory, DatabaseData]
    public async Task Searches_find_what_they_name(string kind)
    {
        await using var server = await TestServer.StartAsync(kind);
        for (var i = 1; i <= 6; i++)
        {
            await server.Service<ISpanSink>().WriteAsync([Span(i, 1, null, i, 10, i % 2 == 0 ? "even" : "odd", ("question", $"What is {i}?"), ("n", (long)i))], default);
            await StartAsync(server, i, i == 3 ? "ERROR" : "OK", new { n = $"{i}", env = i <= 3 ? "dev" : "prod", long_one = new string('x', 3000) + i });
        }
        await PostAsync(server, $"/api/3.0/mlflow/traces/{Id(4)}/assessments", new { assessment = new { assessment_name = "quality", feedback = new { value = 0.5 } } });

        async Task<string> Found(string filter) => string.Concat((await FindAsync(server, filter)).Select(id => id[^1]));
        Assert.Equal("654321", await Found(""));
        Assert.Equal("642", await Found("span.name RLIKE '^ev'"));
        Assert.Equal("5", await Found("span.content LIKE '%What is 5%'"));
        Assert.Equal("54", await Found("trace.text ILIKE '%WHAT%' AND tags.n RLIKE '^[45]$'"));
        Assert.Equal("2", await Found($"tags.long_one = '{new string('x', 3000)}2'"));
        Assert.Equal("321", await Found("tags.env != 'prod'"));
        Assert.Equal("", await Found("tags.none != 'x'"));
        Assert.Equal("4", await Found("feedback.quality = '0.5'"));
        Assert.Equal("65321", await Found("feedback.quality IS NULL"));
        Assert.Equal("3", await Found("status = 'ERROR' AND timestamp_ms > 0"));
        Assert.Equal("1", await Found($"request_id = '{Id(1)}'"));
        Assert.Equal("65432", await Found($"request_id != '{Id(1)}'"));
        Assert.Equal(HttpStatusCode.BadRequest, (await server.Http.PostAsJsonAsync(Search, Body("tags.n RLIKE '('", 10, null))).StatusCode);
        Assert.Equal(HttpStatusCode.BadRequest, (await server.Http.PostAsJsonAsync(Search, Body("tags.n RLIKE '(a)\\1'", 10, null))).StatusCode); // needs backtracking
    }

    [Theory, DatabaseData]
    public async Task Pages_show_every_trace_once_whatever_the_order(string kind)
    {
        await using var server = await TestServer.StartAsync(kind);
        await server.Service<ISpanSink>().WriteAsync([.. Enumerable.Range(1, 23).Select(i => Span(i, 1, null, i / 4, 5, $"t{i}"))], default); // four share a start
        for (var i = 1; i <= 12; i++) await StartAsync(server, i, "OK", new Dictionary<string, string> { ["mlflow.traceName"] = $"n{i % 3}" });
        foreach (var order in (string[])["timestamp_ms", "timestamp_ms DESC", "name", "name DESC", "execution_time_ms", "status DESC", "tags.none", "request_id DESC"])
        {
            var seen = new List<string>();
            string? token = null;
            do
            {
                var answer = await PostAsync(server, Search, Body("span.name RLIKE 't'", 4, token, order));
                seen.AddRange(Ids(answer));
                token = answer.TryGetProperty("next_page_token", out var next) ? next.GetString() : null;
            }
            while (token is not null);
            Assert.True(23 == seen.Distinct().Count() && seen.Count == 23, $"{order}: {seen.Count} rows, {seen.Distinct().Count()} traces");
        }
    }

    /// <summary>MLflow's TypeScript client announces the trace, then uploads the spans as an artifact.</summary>
    [Theory, DatabaseData]
    public async Task A_trace_whose_spans_came_as_an_artifact_is_whole(string kind)
    {
        await using var server = await TestServer.StartAsync(kind);
        var experiment = (await PostAsync(server, "/api/2.0/mlflow/experiments/create", new { name = "ts" })).GetProperty("experiment_id").GetString()!;
        var info = (await StartAsync(server, 7, "OK", new { a = "b" }, experiment)).GetProperty("trace").GetProperty("trace_info");
        var location = info.GetProperty("tags").GetProperty("mlflow.artifactLocation").GetString()!;
        Assert.False(info.GetProperty("tags").TryGetProperty("mlflow.trace.spansLocation", out _)); // by which the client knows that it must upload
        var file = new { spans = new[] { new { trace_id = Convert.ToBase64String(Convert.FromHexString($"{7:x32}")), span_id = "7IO14OSfcV4=", parent_span_id = (string?)null, name = "add", start_time_unix_nano = 1_795_426_678_605_183_024, end_time_unix_nano = 1_795_426_678_709_377_804, attributes = new Dictionary<string, object> { ["mlflow.spanType"] = "\"LLM\"", ["mlflow.spanInputs"] = "{\"x\": 1}" }, status = new { code = "STATUS_CODE_OK", message = "" }, events = Array.Empty<object>() } } };
        await server.Http.PutAsync($"/api/2.0/mlflow-artifacts/artifacts/{location["mlflow-artifacts:/".Length..]}/traces.json", JsonContent.Create(file));

        var trace = (await server.Http.GetFromJsonAsync<JsonElement>($"/api/3.0/mlflow/traces/get?trace_id={Id(7)}")).GetProperty("trace");
        Assert.Equal("7IO14OSfcV4=", trace.GetProperty("spans")[0].GetProperty("span_id").GetString());
        Assert.Equal([Id(7)], await FindAsync(server, "span.type = 'LLM'", experiment));
        Assert.Equal("add", Assert.Single((await server.Service<ITraces>().GetAsync($"{7:x32}", default)).Spans).Name);
    }

    [Theory, DatabaseData]
    public async Task Our_own_view_has_what_clients_said(string kind)
    {
        await using var server = await TestServer.StartAsync(kind);
        await StartAsync(server, 1, "OK", new Dictionary<string, string> { ["mlflow.linkedPrompts"] = """[{"name": "support", "version": "3"}]""" });
        await PostAsync(server, "/api/2.0/mlflow/traces/link-to-run", new { trace_ids = new[] { Id(1) }, run_id = "r1" });
        await PostAsync(server, "/api/2.0/mlflow/traces/link-prompts", new { trace_id = Id(1), prompt_versions = new[] { new { name = "other", version = "1" } } });
        var old = (await PostAsync(server, $"/api/3.0/mlflow/traces/{Id(1)}/assessments", new { assessment = new { assessment_name = "q", feedback = new { value = "good" } } })).GetProperty("assessment").GetProperty("assessment_id").GetString();
        await PostAsync(server, $"/api/3.0/mlflow/traces/{Id(1)}/assessments", new { assessment = new { assessment_name = "q", feedback = new { value = new[] { 1 } }, overrides = old } });

        var context = (await server.Client.GetTraceAsync(Id(1), default)).Context!;
        Assert.Equal(("0", "Default", "OK"), (context.ExperimentId, context.ExperimentName, context.State));
        Assert.Equal(["r1"], context.Runs);
        Assert.Equal([new TracePrompt("other", "1"), new TracePrompt("support", "3")], context.Prompts);
        Assert.Equal([("good", false), ("[1]", true)], context.Assessments.Select(a => (a.Value!, a.Valid)));
        Assert.Single((await server.Client.ListTracesAsync(new TraceQuery { Experiment = "0" }, default)).Items);
        Assert.Empty((await server.Client.ListTracesAsync(new TraceQuery { Session = "none" }, default)).Items);
    }

    [Theory, DatabaseData]
    public async Task A_deleted_trace_leaves_nothing(string kind)
    {
        await using var server = await TestServer.StartAsync(kind);
        await server.Service<ISpanSink>().WriteAsync([.. Enumerable.Range(1, 5).Select(i => Span(i, 1, null, i, 5, "x"))], default);
        await StartAsync(server, 1, "OK", new { a = "b" });
        await PostAsync(server, $"/api/3.0/mlflow/traces/{Id(1)}/assessments", new { assessment = new { assessment_name = "q", feedback = new { value = 1 } } });
        Assert.Equal(1, (await PostAsync(server, "/api/3.0/mlflow/traces/delete-traces", new { experiment_id = "0", request_ids = new[] { Id(1) } })).GetProperty("traces_deleted").GetInt32());
        await server.Service<ISpanSink>().WriteAsync([Span(1, 2, null, 0, 5, "new")], default);
        var info = await InfoAsync(server, 1);
        Assert.False(info.TryGetProperty("assessments", out _));
        Assert.False(info.GetProperty("tags").TryGetProperty("a", out _));
        Assert.Equal(2, (await PostAsync(server, "/api/2.0/mlflow/traces/delete-traces", new { experiment_id = "0", max_timestamp_millis = 10_000, max_traces = 2 })).GetProperty("traces_deleted").GetInt32());
        Assert.Equal(3, (await PostAsync(server, "/api/2.0/mlflow/traces/delete-traces", new { experiment_id = "0", max_timestamp_millis = 10_000 })).GetProperty("traces_deleted").GetInt32());
    }

    [Theory, DatabaseData]
    public async Task Metrics_count_sum_and_take_percentiles_by_time(string kind)
    {
        await using var server = await TestServer.StartAsync(kind);
        for (var i = 1; i <= 4; i++) await server.Service<ISpanSink>().WriteAsync([Span(i, 1, null, i * 1000, i * 10, "call", ("mlflow.spanType", "LLM"), ("mlflow.llm.model", "m"), ("mlflow.chat.tokenUsage", """{"input_tokens": 3, "output_tokens": 1}"""), ("mlflow.llm.cost", """{"input_cost": 0.5, "output_cost": 0.25}"""))], default);
        async Task<JsonElement[]> Points(object query) => [.. (await PostAsync(server, "/api/3.0/mlflow/traces/metrics", query)).GetProperty("data_points").EnumerateArray()];
        string[] all = ["0"];

        var latency = Assert.Single(await Points(new { experiment_ids = all, view_type = "TRACES", metric_name = "latency", aggregations = new object[] { new { aggregation_type = "AVG" }, new { aggregation_type = "PERCENTILE", percentile_value = 50 } } }));
        Assert.Equal((25, 25), (latency.GetProperty("values").GetProperty("AVG").GetDouble(), latency.GetProperty("values").GetProperty("P50.0").GetDouble()));
        var buckets = await Points(new { experiment_ids = all, view_type = "TRACES", metric_name = "trace_count", aggregations = new[] { new { aggregation_type = "COUNT" } }, time_interval_seconds = 2, start_time_ms = 0, end_time_ms = 10_000 });
        Assert.Equal(["1970-01-01T00:00:00+00:00", "1970-01-01T00:00:02+00:00", "1970-01-01T00:00:04+00:00"], buckets.Select(b => b.GetProperty("dimensions").GetProperty("time_bucket").GetString()));
        var cost = Assert.Single(await Points(new { experiment_ids = all, view_type = "SPANS", metric_name = "total_cost", aggregations = new[] { new { aggregation_type = "SUM" } }, dimensions = new[] { "span_model_name" }, filters = new[] { "span.type = 'LLM'" } }));
        Assert.Equal(("m", 3.0), (cost.GetProperty("dimensions").GetProperty("span_model_name").GetString(), cost.GetProperty("values").GetProperty("SUM").GetDouble()));
        Assert.Equal(16, Assert.Single(await Points(new { experiment_ids = all, view_type = "TRACES", metric_name = "total_tokens", aggregations = new[] { new { aggregation_type = "SUM" } } })).GetProperty("values").GetProperty("SUM").GetDouble());
    }

    /// <summary>Whatever a client sends, it gets an answer that it does not repeat, and the server goes on.</summary>
    [Theory, DatabaseData]
    public async Task Mutilated_bodies_never_fail_the_server(string kind)
    {
        await using var server = await TestServer.StartAsync(kind);
        await StartAsync(server, 1, "OK", new { a = "b" });
        (string Method, string Path, string Body)[] calls =
        [
            ("POST", "/api/3.0/mlflow/traces", """{"trace":{"trace_info":{"trace_id":"tr-00000000000000000000000000000002","trace_location":{"type":"MLFLOW_EXPERIMENT","mlflow_experiment":{"experiment_id":"0"}},"request_time":"2026-01-02T03:04:05Z","execution_duration":"1.5s","state":"OK","trace_metadata":{"a":"b"},"tags":{"c":"d"},"assessments":[{"assessment_name":"x","feedback":{"value":1}}]}}}"""),
            ("POST", Search, """{"locations":[{"type":"MLFLOW_EXPERIMENT","mlflow_experiment":{"experiment_id":"0"}}],"filter":"status = 'OK' AND span.name LIKE '%a%' AND tags.c IS NOT NULL","max_results":5,"order_by":["timestamp_ms DESC","tags.c"]}"""),
            ("POST", $"/api/3.0/mlflow/traces/{Id(1)}/assessments", """{"assessment":{"assessment_name":"x","source":{"source_type":"HUMAN","source_id":"a"},"expectation":{"serialized_value":{"serialization_format":"JSON_FORMAT","value":"[1, 2]"}},"metadata":{"k":"v"}}}"""),
            ("POST", "/api/3.0/mlflow/traces/metrics", """{"experiment_ids":["0"],"view_type":"SPANS","metric_name":"latency","aggregations":[{"aggregation_type":"PERCENTILE","percentile_value":95}],"dimensions":["span_name"],"filters":["trace.tag.a = 'b'"]}"""),
            ("POST", "/api/2.0/mlflow/traces/link-prompts", $$"""{"trace_id":"{{Id(1)}}","prompt_versions":[{"name":"a","version":"1"}]}"""),
            ("POST", "/api/3.0/mlflow/datasets/create", """{"name":"d","experiment_ids":["0"],"tags":"{\"a\": \"b\"}"}"""),
            ("POST", "/api/3.0/mlflow/datasets/d-1/records", """{"records":"[{\"inputs\": {\"q\": 1}, \"expectations\": {\"a\": [1]}, \"source\": {\"source_type\": \"TRACE\", \"source_data\": {\"trace_id\": \"t\"}}}]"}"""),
            ("POST", "/api/3.0/mlflow/scorers/register", """{"experiment_id":"0","name":"s","serialized_scorer":"{}"}"""),
            ("POST", "/api/3.0/mlflow/issues", """{"experiment_id":"0","name":"n","description":"d","root_causes":["a"]}"""),
        ];
        var mutation = Gen.Select(Gen.Int[0, calls.Length - 1], Gen.Int[0, 400], Gen.Int[0, Noise.Length - 1].Select(i => Noise[i]), Gen.Int[0, 12]);
        await mutation.SampleAsync(async m =>
        {
            var (method, path, body) = calls[m.Item1];
            var at = m.Item2 % body.Length;
            var mutated = body[..at] + m.Item3 + body[Math.Min(body.Length, at + m.Item4)..];
            using var request = new HttpRequestMessage(new HttpMethod(method), path) { Content = new StringContent(mutated, Encoding.UTF8, "application/json") };
            using var response = await server.Http.SendAsync(request);
            Assert.True(response.StatusCode is HttpStatusCode.OK or HttpStatusCode.BadRequest or HttpStatusCode.NotFound, $"{(int)response.StatusCode} for {path} {mutated}");
            return true;
        }, iter: 400, threads: 1);
    }

    private static string Id(int trace) => $"tr-{trace:x32}";

    private static object Body(string filter, int limit, string? token, string order = "timestamp_ms DESC", string experiment = "0") => new
    {
        locations = new[] { new { type = "MLFLOW_EXPERIMENT", mlflow_experiment = new { experiment_id = experiment } } },
        filter,
        max_results = limit,
        page_token = token,
        order_by = new[] { order },
    };

    private static async Task<List<string>> FindAsync(TestServer server, string filter, string experiment = "0") => Ids(await PostAsync(server, Search, Body(filter, 100, null, experiment: experiment)));

    private static List<string> Ids(JsonElement answer) => answer.TryGetProperty("traces", out var traces) ? [.. traces.EnumerateArray().Select(t => t.GetProperty("trace_id").GetString()!)] : [];

    private static async Task<JsonElement> InfoAsync(TestServer server, int trace) => (await server.Http.GetFromJsonAsync<JsonElement>($"/api/3.0/mlflow/traces/{Id(trace)}")).GetProperty("trace").GetProperty("trace_info");

    private static Task<JsonElement> StartAsync(TestServer server, int trace, string state, object tags, string experiment = "0") => PostAsync(server, "/api/3.0/mlflow/traces", new
    {
        trace = new { trace_info = new { trace_id = Id(trace), trace_location = new { type = "MLFLOW_EXPERIMENT", mlflow_experiment = new { experiment_id = experiment } }, request_time = $"1970-01-01T00:00:00.{trace:000}Z", execution_duration = "0.25s", state, tags } },
    });

    private static async Task<JsonElement> PostAsync(TestServer server, string path, object body)
    {
        using var response = await server.Http.PostAsJsonAsync(path, body);
        Assert.True(response.IsSuccessStatusCode, $"{(int)response.StatusCode} for {path}: {await response.Content.ReadAsStringAsync()}");
        return await response.Content.ReadFromJsonAsync<JsonElement>();
    }

    private static SpanRecord Span(int trace, int span, int? parent, long startMs, long ms, string name, params (string Key, object? Value)[] attributes) =>
        new($"{trace:x32}", $"{span:x16}", parent is { } p ? $"{p:x16}" : null, name, "internal", startMs * 1_000_000, (startMs + ms) * 1_000_000, "ok", null,
            attributes.ToDictionary(a => a.Key, a => a.Value), [], new Dictionary<string, object?>(), null);
}
