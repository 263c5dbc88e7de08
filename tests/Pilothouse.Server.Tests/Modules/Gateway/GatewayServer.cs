using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Gateway.Api;
using Pilothouse.Server.Modules.Gateway.Engines;
using Pilothouse.Server.Platform.Inference;
using Pilothouse.Testing;

namespace Pilothouse.Server.Tests.Modules.Gateway;

/// <summary>The real server with an engine whose answers the test writes, in the place of 'onnx'.</summary>
internal sealed class GatewayServer : IAsyncDisposable
{
    public const string Route = "shop/production/assistant";

    private GatewayServer(TestServer server, ScriptedEngine engine) => (Server, Engine) = (server, engine);

    public TestServer Server { get; }

    public ScriptedEngine Engine { get; }

    public HttpClient Http => Server.Http;

    public static async Task<GatewayServer> StartAsync(string database = "sqlite")
    {
        var engine = new ScriptedEngine();
        var server = await TestServer.StartAsync(database, builder =>
        {
            foreach (var onnx in builder.Services.Where(s => s.ImplementationType == typeof(OnnxEngine)).ToList()) builder.Services.Remove(onnx);
            builder.Services.AddSingleton<IEngine>(engine);
        });
        foreach (var (name, sample) in ((string, string)[])[("a", "triage-v1"), ("b", "triage-v2")]) // any content: the engine does not read it
            await server.Client.RegisterModelDirectoryAsync(name, await SampleModels.DirectoryAsync(sample), files => new NewModelVersion("classifier", files), CancellationToken.None);
        var gateway = new GatewayServer(server, engine);
        await gateway.SetAsync(100);
        return gateway;
    }

    /// <summary>Stable = models:/a/1 of release sha256:a, canary = models:/b/1 of release sha256:b.</summary>
    public Task SetAsync(int stable, string? template = null) => Server.Service<IGatewayRoutes>().SetAsync(new GatewayRoute(Route, "shop/production", "generative", stable == 100
        ? [new GatewayArm("stable", 100, "sha256:a", "models:/a/1", "onnx", null, template, 0.25, 48)]
        : [new GatewayArm("stable", stable, "sha256:a", "models:/a/1", "onnx", null, template, 0.25, 48), new GatewayArm("canary", 100 - stable, "sha256:b", "models:/b/1", "onnx", null, template, 0.25, 48)]), CancellationToken.None);

    public Task<HttpResponseMessage> ChatAsync(string text, Action<Dictionary<string, object?>>? change = null, Action<HttpRequestMessage>? request = null, CancellationToken ct = default)
    {
        var body = new Dictionary<string, object?> { ["model"] = Route, ["messages"] = new[] { new { role = "user", content = text } } };
        change?.Invoke(body);
        var message = new HttpRequestMessage(HttpMethod.Post, "/v1/chat/completions") { Content = JsonContent.Create(body) };
        request?.Invoke(message);
        return Http.SendAsync(message, HttpCompletionOption.ResponseHeadersRead, ct);
    }

    public async ValueTask DisposeAsync() => await Server.DisposeAsync();
}

/// <summary>Answers "echo: TEXT", word by word; a test may replace that.</summary>
internal sealed class ScriptedEngine : IEngine
{
    public string Name => "onnx";

    public Func<EngineModel, GenerationRequest, CancellationToken, Task<Generation>> Answer { get; set; } = EchoAsync;

    public Task<Generation> GenerateAsync(EngineModel model, GenerationRequest request, CancellationToken ct) => Answer(model, request, ct);

    public static async Task<Generation> EchoAsync(EngineModel model, GenerationRequest request, CancellationToken ct)
    {
        var text = "echo: " + request.Messages[^1].Content;
        if (request.OnToken is not null)
            foreach (var word in text.Split(' ')) await request.OnToken(word == "echo:" ? word : " " + word, ct);
        return new Generation(text, 3, 2, "stop", -0.1, TimeSpan.FromMilliseconds(1), TimeSpan.FromMilliseconds(2));
    }

    public Task<IReadOnlyList<double>> ScoreAsync(EngineModel model, string text, IReadOnlyList<string> continuations, CancellationToken ct) => throw new NotSupportedException();

    public Task<IReadOnlyList<Classification>> ClassifyAsync(EngineModel model, IReadOnlyList<string> texts, CancellationToken ct) => Task.FromResult<IReadOnlyList<Classification>>(
        [.. texts.Select(t => new Classification(new Dictionary<string, double> { ["urgent"] = t.Contains('!', StringComparison.Ordinal) ? 0.9 : 0.2, ["normal"] = t.Contains('!', StringComparison.Ordinal) ? 0.1 : 0.8 }))]);
}

internal static class ResponseExtensions
{
    public static async Task<JsonElement> JsonAsync(this HttpResponseMessage response) => JsonDocument.Parse(await response.Content.ReadAsStringAsync()).RootElement;

    public static string Header(this HttpResponseMessage response, string name) => Assert.Single(response.Headers.GetValues(name));

    /// <summary>Data of each event of a stream.</summary>
    public static async Task<List<string>> EventsAsync(this HttpResponseMessage response) =>
        [.. Encoding.UTF8.GetString(await response.Content.ReadAsByteArrayAsync()).Split("\n\n", StringSplitOptions.RemoveEmptyEntries).Select(e => e["data: ".Length..])];
}
