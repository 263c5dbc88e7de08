using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using CsCheck;
using Pilothouse.Testing;

namespace Pilothouse.Server.Tests.Modules.Tracking;

/// <summary>Hostile and odd input through MLflow's calls: the error that a client expects, nothing half-written, and the server goes on.</summary>
public class BadInputTests
{
    private const string Api = "api/2.0/mlflow/";

    [Theory, DatabaseData]
    public async Task Odd_values_are_kept_as_MLflow_keeps_them(string kind)
    {
        await using var server = await TestServer.StartAsync(kind);
        var run = (await server.Client.CreateRunAsync("0", "r", "ann", 1, [], default)).RunId!;
        foreach (var (value, step) in ((object, int)[])[("NaN", 3), ("Infinity", 1), ("-Infinity", 2), (1.5, -7)])
            await OkAsync(server, "runs/log-metric", new { run_id = run, key = "m", value, timestamp = 10 - step, step });
        var unicode = "naïve 模型 🚢 \"quoted\" \\ \n";
        await OkAsync(server, "runs/set-tag", new { run_id = run, key = "größe", value = unicode });
        await OkAsync(server, "runs/set-tag", new { run_id = run, key = "huge", value = new string('x', 10 * 1024 * 1024) });

        var history = await GetAsync(server, $"metrics/get-history?run_id={run}&metric_key=m");
        var data = (await GetAsync(server, $"runs/get?run_id={run}")).GetProperty("run").GetProperty("data");

        Assert.Equal(["NaN", "-1.7976931348623157E+308", "1.7976931348623157E+308", "1.5"], history.GetProperty("metrics").EnumerateArray().Select(m => m.GetProperty("value").ToString()));
        Assert.Equal("NaN", data.GetProperty("metrics")[0].GetProperty("value").GetString()); // the greatest step counts, not the last arrival
        var tags = data.GetProperty("tags").EnumerateArray().ToDictionary(t => t.GetProperty("key").GetString()!, t => t.GetProperty("value").GetString()!);
        Assert.Equal((unicode, 8000), (tags["größe"], tags["huge"].Length));
        var found = await PostAsync(server, "runs/search", new { experiment_ids = new[] { "0" }, filter = "tags.größe LIKE '%模型 🚢%' AND metrics.m != 5" });
        Assert.Single((await found.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("runs").EnumerateArray());
    }

    [Theory]
    [InlineData("metrics.loss < ", 15)]
    [InlineData("metrics.loss << 5", 13)]
    [InlineData("params.lr = 'a' OR params.lr = 'b'", 16)]
    [InlineData("tags.t = 'open", 9)]
    [InlineData("colour.x = '1'", 0)]
    [InlineData("params.a = '1' AND nope = '2'", 19)]
    [InlineData("status > 'x'", 7)]
    [InlineData("params.a = '1' AND )", 19)]
    public async Task An_error_in_a_filter_names_its_position(string filter, int position)
    {
        await using var server = await TestServer.StartAsync();

        using var answer = await PostAsync(server, "runs/search", new { experiment_ids = new[] { "0" }, filter });

        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
        var message = JsonDocument.Parse(await answer.Content.ReadAsStringAsync()).RootElement.GetProperty("message").GetString();
        Assert.Contains($"position {position}", message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("runs/search", "??")]
    [InlineData("runs/search", "eyJvZmZzZXQiOiAxMH0")]
    [InlineData("runs/search", "W10")]
    [InlineData("logged-models/search", "W3siUmFuayI6MH1d")]
    [InlineData("logged-models/search", "e30")]
    [InlineData("experiments/search", "bnVsbA")]
    public async Task A_page_token_of_someone_else_is_refused(string call, string token)
    {
        await using var server = await TestServer.StartAsync();

        using var answer = await PostAsync(server, call, new { experiment_ids = new[] { "0" }, max_results = 5, page_token = token });

        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
        Assert.Contains("page token", await answer.Content.ReadAsStringAsync(), StringComparison.OrdinalIgnoreCase);
    }

    [Theory]
    [InlineData("..%2f..%2fetc%2fpasswd")]
    [InlineData("a/..%2f..%2fb")]
    [InlineData("%2e%2e/x")]
    [InlineData("a/%252e%252e/b")]
    [InlineData("../../x")]
    [InlineData("./x")]
    [InlineData("%2fetc/passwd")]
    [InlineData("C:%5cwindows")]
    [InlineData("a%00b")]
    public async Task A_path_cannot_lead_out(string path)
    {
        await using var server = await TestServer.StartAsync();
        var run = (await server.Client.CreateRunAsync("0", "r", "ann", 1, [], default)).RunId!;

        foreach (var method in (HttpMethod[])[HttpMethod.Get, HttpMethod.Put, HttpMethod.Delete])
        {
            var target = new Uri($"{server.Url}api/2.0/mlflow-artifacts/artifacts/{path}", new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true });
            using var request = new HttpRequestMessage(method, target) { Content = method == HttpMethod.Get ? null : new StringContent("x") };
            using var answer = await server.Http.SendAsync(request);
            // A lone "." is resolved to the same place, and a NUL never reaches the routes; both are refused one way or the other.
            Assert.True(answer.StatusCode is HttpStatusCode.BadRequest || path == "./x" && answer.StatusCode is HttpStatusCode.NotFound or HttpStatusCode.OK, $"{method} {path}: {answer.StatusCode}");
        }
        if (path == "./x") return;
        using var list = await server.Http.GetAsync($"{Api}artifacts/list?run_id={run}&path={path}");
        Assert.Equal(HttpStatusCode.BadRequest, list.StatusCode);
    }

    [Fact]
    public async Task A_large_directory_is_listed_in_pages_and_whole_by_the_proxy()
    {
        await using var server = await TestServer.StartAsync();
        var run = await server.Client.CreateRunAsync("0", "r", "ann", 1, [], default);
        var db = server.Service<Pilothouse.Data.Db>();
        var root = run.ArtifactUri!["mlflow-artifacts:/".Length..];
        await db.WriteAsync(session => session.BulkInsertAsync("trk_artifact", ["path", "parent", "digest", "size", "updated_ms"], Enumerable.Range(0, 10_500).ToList(), (row, i) =>
        {
            row.Text($"{root}/many/{i:d5}.txt");
            row.Text($"{root}/many");
            row.Text("sha256:" + new string('0', 64));
            row.Integer(i);
            row.Integer(1);
        }, ignoreDuplicates: false), default);

        var first = await GetAsync(server, $"artifacts/list?run_id={run.RunId}&path=many");
        var second = await GetAsync(server, $"artifacts/list?run_id={run.RunId}&path=many&page_token={first.GetProperty("next_page_token").GetString()}");
        var whole = JsonDocument.Parse(await server.Http.GetStringAsync($"api/2.0/mlflow-artifacts/artifacts?path={root}/many")).RootElement;
        using var foreign = await server.Http.GetAsync($"{Api}artifacts/list?run_id={run.RunId}&path=other&page_token={first.GetProperty("next_page_token").GetString()}");

        Assert.Equal((10_000, 500, 10_500), (first.GetProperty("files").GetArrayLength(), second.GetProperty("files").GetArrayLength(), whole.GetProperty("files").GetArrayLength()));
        Assert.Equal("many/10000.txt", second.GetProperty("files")[0].GetProperty("path").GetString());
        Assert.False(second.TryGetProperty("next_page_token", out _));
        Assert.Equal(HttpStatusCode.BadRequest, foreign.StatusCode);
    }

    [Fact]
    public async Task Mangled_bodies_never_get_an_internal_error()
    {
        await using var server = await TestServer.StartAsync();
        var run = (await server.Client.CreateRunAsync("0", "r", "ann", 1, [], default)).RunId!;
        (string Call, string Body)[] calls =
        [
            ("logged-models", """{"experiment_id": "0", "name": "m", "params": [{"key": "a", "value": "1"}], "tags": [{"key": "t", "value": "1"}]}"""),
            ("logged-models/search", """{"experiment_ids": ["0"], "filter": "metrics.acc > 0.5 AND name = 'x'", "datasets": [{"dataset_name": "d"}], "order_by": [{"field_name": "name", "ascending": false}], "max_results": 10}"""),
            ("runs/log-inputs", $$$"""{"run_id": "{{{run}}}", "datasets": [{"tags": [{"key": "k", "value": "v"}], "dataset": {"name": "d", "digest": "1", "source_type": "s", "source": "{}"}}], "models": [{"model_id": "m-1"}]}"""),
            ("runs/outputs", $$$"""{"run_id": "{{{run}}}", "models": [{"model_id": "m-1", "step": 1}]}"""),
            ("runs/search", """{"experiment_ids": ["0"], "filter": "datasets.name = 'd' AND params.a = 'b'", "order_by": ["metrics.m DESC"], "max_results": 10}"""),
        ];
        var mutation = Gen.Select(Gen.Int[0, calls.Length - 1], Gen.Int[0, 400], Gen.Char, Gen.Int[0, 3]);

        await mutation.SampleAsync(async (call, place, letter, how) =>
        {
            var body = calls[call].Body;
            var at = place % body.Length;
            var mangled = how switch
            {
                0 => body[..at],
                1 => body[..at] + letter + body[at..],
                2 => body.Remove(at, 1),
                _ => body.Replace("\"0\"", "\"99999999999999999999\"", StringComparison.Ordinal),
            };
            using var answer = await server.Http.PostAsync(Api + calls[call].Call, new StringContent(mangled, Encoding.UTF8, "application/json"));
            Assert.True((int)answer.StatusCode < 500, mangled);
        }, iter: 300, threads: 1);

        Assert.Equal("OK", await server.Http.GetStringAsync("health"));
    }

    private static async Task OkAsync(TestServer server, string call, object body)
    {
        using var answer = await PostAsync(server, call, body);
        Assert.True(answer.IsSuccessStatusCode, await answer.Content.ReadAsStringAsync());
    }

    private static Task<HttpResponseMessage> PostAsync(TestServer server, string call, object body) => server.Http.PostAsJsonAsync(Api + call, body);

    private static async Task<JsonElement> GetAsync(TestServer server, string call) => JsonDocument.Parse(await server.Http.GetStringAsync(Api + call)).RootElement;
}
