using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Pilothouse.Bench;

/// <summary>
/// A suite of 1,000 cases against an endpoint that takes 5 ms, cold and with every answer known, then the pages of a report of 100,000 cases. The limit beside it
/// is the same endpoint asked by as many clients and nothing else.
/// </summary>
internal static class SuiteVerb
{
    private const int Cases = 1_000, LargeCases = 100_000, Concurrency = 16, Rounds = 3;

    public static async Task RunAsync(BenchOptions options)
    {
        await using var stub = await StartStubAsync();
        await using var server = await BenchServer.StartAsync(options);
        var repository = Directory.CreateTempSubdirectory("pilothouse-bench-suite-").FullName;
        try
        {
            await PushAsync(server, repository, stub.Urls.First());
            for (var round = 0; round < Rounds; round++) Load.Row("1,000 cases, endpoint of 5 ms, s", $"{await EvaluateAsync(server, "slow", fresh: true):0.00}");
            await EvaluateAsync(server, "slow", fresh: false);
            for (var round = 0; round < Rounds; round++) Load.Row("1,000 cases, every answer known, s", $"{await EvaluateAsync(server, "slow", fresh: false):0.00}");
            using var direct = new HttpClient(new SocketsHttpHandler { MaxConnectionsPerServer = 1024 }) { BaseAddress = new Uri(stub.Urls.First()) };
            var body = JsonSerializer.SerializeToUtf8Bytes(new { model = "stub", messages = new[] { new { role = "user", content = "question 1" } } });
            var limit = await Load.RunAsync(Concurrency, Cases / Concurrency, (_, _) => direct.PostAsync("slow/v1/chat/completions", body));
            Load.Row($"limit: {Concurrency} clients and the endpoint alone, s", $"{limit.Seconds:0.00}");

            Load.Row("100,000 cases, endpoint that answers at once, s", $"{await EvaluateAsync(server, "large", fresh: true):0.0}");
            var id = (await GetAsync(server, "api/v1/evaluations?limit=1")).GetProperty("items")[0].GetProperty("id").GetString();
            foreach (var (what, path) in ((string, string)[])[("its page", $"evaluations/{id}"), ("its first 100 cases", $"evaluations/{id}/cases"), ("those that got worse (none)", $"evaluations/{id}/cases?outcome=worsened"), ("HTML file", $"api/v1/evaluations/{id}/html")])
            {
                var times = new double[7];
                for (var k = 0; k < times.Length; k++)
                {
                    var started = Stopwatch.GetTimestamp();
                    await server.Http.GetStringAsync(path);
                    times[k] = Stopwatch.GetElapsedTime(started).TotalMilliseconds;
                }
                Array.Sort(times);
                Load.Row($"report of 100,000 cases: {what}, ms (median, most of 7)", $"{times[3]:0} ({times[^1]:0})");
            }
        }
        finally
        {
            Directory.Delete(repository, recursive: true);
        }
    }

    private static async Task<double> EvaluateAsync(BenchServer server, string suite, bool fresh)
    {
        var started = Stopwatch.GetTimestamp();
        var summary = await server.Http.PostJsonAsync("api/v1/evaluations", new { project = "bench", commit = "main", suites = new[] { suite }, allow_stale_lock = true, fresh });
        var id = summary.GetProperty("id").GetString();
        while (true)
        {
            var state = (await GetAsync(server, $"api/v1/evaluations/{id}")).GetProperty("summary");
            if (state.GetProperty("status").GetString() == "running")
            {
                await Task.Delay(5);
                continue;
            }
            if (state.GetProperty("verdict").GetString() != "PASS") throw new InvalidOperationException($"{suite}: {state.GetProperty("reason")}");
            return Stopwatch.GetElapsedTime(started).TotalSeconds;
        }
    }

    private static async Task<JsonElement> GetAsync(BenchServer server, string path) => JsonElement.Parse(await server.Http.GetStringAsync(path));

    private static async Task PushAsync(BenchServer server, string repository, string stub)
    {
        string Model(string name) => $"  {name}: {{ kind: generative, engine: openai, url: '{stub}/{name}/v1', model: stub, cache: 1d }}\n";
        string Suite(string name, string model, string data) => $"  {name}: {{ model: {model}, data: {data}, scorers: [{{ name: exact, type: exact }}], gates: [{{ scorer: exact, type: floor, min: 0.9 }}] }}\n";
        await File.WriteAllTextAsync(Path.Combine(repository, "pilothouse.yaml"), "apiVersion: pilothouse/v1\nproject: bench\nmodels:\n" + Model("slow") + Model("fast")
            + "data: { small: { path: small.jsonl }, large: { path: large.jsonl } }\nsuites:\n" + Suite("slow", "slow", "small") + Suite("large", "fast", "large"));
        foreach (var (name, count) in ((string, int)[])[("small", Cases), ("large", LargeCases)])
        {
            var lines = new StringBuilder();
            for (var i = 0; i < count; i++) lines.Append(CultureInfo.InvariantCulture, $"{{\"id\":\"c{i:000000}\",\"input\":\"question {i}\",\"expected\":\"yes\"}}\n");
            await File.WriteAllTextAsync(Path.Combine(repository, name + ".jsonl"), lines.ToString());
        }
        await server.Http.PostJsonAsync("api/v1/projects", new { name = "bench" });
        foreach (var arguments in (string[])["init -q -b main", "add -A", "-c user.name=bench -c user.email=bench@example.com commit -q -m bench", $"push -q {new Uri(server.Http.BaseAddress!, "git/bench.git")} main"])
        {
            using var git = Process.Start(new ProcessStartInfo("git", arguments) { WorkingDirectory = repository })!;
            await git.WaitForExitAsync();
            if (git.ExitCode != 0) throw new InvalidOperationException($"git {arguments}: exit code {git.ExitCode}");
        }
    }

    private static async Task<WebApplication> StartStubAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var app = builder.Build();
        var answer = JsonSerializer.SerializeToUtf8Bytes(new
        {
            choices = new[] { new { index = 0, message = new { role = "assistant", content = "yes" }, finish_reason = "stop" } },
            usage = new { prompt_tokens = 2, completion_tokens = 1, total_tokens = 3 },
        });
        foreach (var (name, wait) in ((string, int)[])[("slow", 5), ("fast", 0)])
            app.MapPost($"/{name}/v1/chat/completions", async (HttpContext http) =>
            {
                await http.Request.Body.CopyToAsync(Stream.Null);
                if (wait > 0) await Task.Delay(wait);
                http.Response.ContentType = "application/json";
                await http.Response.Body.WriteAsync(answer);
            });
        await app.StartAsync();
        return app;
    }
}
