using System.Diagnostics;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Gateway.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Bench;

/// <summary>
/// What the gateway adds in front of an OpenAI-compatible server that answers at once: each request goes to the stub itself and through the gateway in turn,
/// so that a noisy machine disturbs both alike. The trace of every response is written while it is measured.
/// </summary>
internal static class GatewayVerb
{
    private const int Pairs = 3000;
    private const string Path = "v1/chat/completions";
    private const string Route = "bench/production/assistant";
    private const string Text = "Yes, we ship to Turin. Delivery to Turin takes five working days.";

    public static async Task RunAsync(BenchOptions options)
    {
        await using var stub = await StartStubAsync();
        var upstream = stub.Urls.First();
        await using var server = await BenchServer.StartAsync(options, data => PrepareAsync(data, options, upstream));
        using var direct = new HttpClient(new SocketsHttpHandler { MaxConnectionsPerServer = 1024 }) { BaseAddress = new Uri(upstream) };

        await MeasureAsync("whole answers", server, direct, Body(stream: false), options);
        await MeasureAsync("streamed answers (12 pieces)", server, direct, Body(stream: true), options);
        using var state = JsonDocument.Parse(await server.Http.GetStringAsync("api/v1/gateway/routes"));
        Load.Row("traces dropped", state.RootElement.GetProperty("dropped_traces").ToString());
    }

    private static async Task MeasureAsync(string what, BenchServer server, HttpClient direct, byte[] body, BenchOptions options)
    {
        await Load.RunAsync(options.Clients, 300, (_, _) => server.Http.PostAsync(Path, body));
        await Load.RunAsync(options.Clients, 300, (_, _) => direct.PostAsync(Path, body));
        var (alone, through) = (new double[Pairs], new double[Pairs]);
        for (var i = 0; i < Pairs; i++)
        {
            alone[i] = await TimeAsync(direct, body);
            through[i] = await TimeAsync(server.Http, body);
        }
        Array.Sort(alone);
        Array.Sort(through);

        var before = server.Cpu;
        var load = await Load.RunAsync(options.Clients, options.Requests, (_, _) => server.Http.PostAsync(Path, body));
        var cpu = (server.Cpu - before).TotalSeconds;
        var limit = await Load.RunAsync(options.Clients, options.Requests, (_, _) => direct.PostAsync(Path, body));
        var total = options.Clients * options.Requests;
        Console.WriteLine($"{what}:");
        Load.Row("stub alone, latency p50 / p99, ms", $"{At(alone, 0.5):0.00} / {At(alone, 0.99):0.00}");
        Load.Row("through the gateway, latency p50 / p99, ms", $"{At(through, 0.5):0.00} / {At(through, 0.99):0.00}");
        Load.Row("added by the gateway, p50 / p99, ms", $"{At(through, 0.5) - At(alone, 0.5):0.00} / {At(through, 0.99) - At(alone, 0.99):0.00}");
        Load.Row($"{options.Clients} clients through the gateway, requests/s", $"{total / load.Seconds:N0}");
        Load.Row("requests a second of the gateway's processor time", $"{total / cpu:N0}");
        Load.Row($"limit: {options.Clients} clients to the stub, requests/s", $"{total / limit.Seconds:N0}");
    }

    private static async Task<double> TimeAsync(HttpClient http, byte[] body)
    {
        var started = Stopwatch.GetTimestamp();
        await http.PostAsync(Path, body);
        return Stopwatch.GetElapsedTime(started).TotalMilliseconds;
    }

    private static double At(double[] sorted, double p) => sorted[(int)(sorted.Length * p)];

    private static byte[] Body(bool stream) => JsonSerializer.SerializeToUtf8Bytes(new { model = Route, stream, messages = new[] { new { role = "user", content = "Do you send parcels to Turin?" } } });

    /// <summary>Routes belong to deployments; here one is written into the data directory before the server starts.</summary>
    private static async Task PrepareAsync(string data, BenchOptions options, string upstream)
    {
        await using var app = PilothouseServer.Build(o => (o.Data, o.Urls, o.Postgres) = (data, "http://127.0.0.1:0", options.Postgres ?? ""));
        using var held = app.Services.GetRequiredService<DataDirectory>(); // the next server needs it
        await PilothouseServer.MigrateAsync(app, CancellationToken.None);
        await app.Services.GetRequiredService<IGatewayRoutes>().SetAsync(new GatewayRoute(Route, "bench/production", "generative",
            [new GatewayArm("stable", 100, "sha256:" + new string('0', 64), "stub", "openai", upstream + "/v1", null, 0, 48)]), CancellationToken.None);
    }

    private static async Task<WebApplication> StartStubAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var app = builder.Build();
        var answer = JsonSerializer.SerializeToUtf8Bytes(new
        {
            id = "chatcmpl-1",
            @object = "chat.completion",
            created = 1_700_000_000,
            model = "stub",
            choices = new[] { new { index = 0, message = new { role = "assistant", content = Text }, finish_reason = "stop" } },
            usage = new { prompt_tokens = 12, completion_tokens = 14, total_tokens = 26 },
        });
        var pieces = Text.Split(' ').Select(word => Event(new { content = word + " " }, null)).ToArray();
        byte[] end = [.. Event(new { }, "stop"), .. "data: [DONE]\n\n"u8];
        app.MapPost("/v1/chat/completions", async (HttpContext http) =>
        {
            using var reader = new StreamReader(http.Request.Body);
            var stream = (await reader.ReadToEndAsync()).Contains("\"stream\":true", StringComparison.Ordinal);
            http.Response.ContentType = stream ? "text/event-stream" : "application/json";
            foreach (var piece in stream ? pieces : [answer])
            {
                await http.Response.Body.WriteAsync(piece);
                if (stream) await http.Response.Body.FlushAsync();
            }
            if (stream) await http.Response.Body.WriteAsync(end);
        });
        await app.StartAsync();
        return app;
    }

    private static byte[] Event(object delta, string? finish) =>
        [.. "data: "u8, .. JsonSerializer.SerializeToUtf8Bytes(new { id = "chatcmpl-1", @object = "chat.completion.chunk", created = 1_700_000_000, model = "stub", choices = new[] { new { index = 0, delta, finish_reason = finish } } }), .. "\n\n"u8];
}
