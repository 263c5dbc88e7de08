using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Pilothouse.Testing;

namespace Pilothouse.EndToEnd.Tests.Ci;

/// <summary>The real executable as server, a small OpenAI-compatible engine behind it, and a repository of a project that asks it two questions.</summary>
internal sealed class CiWorld : IAsyncDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("pilothouse-ci-");
    private readonly WebApplication _engine;

    private readonly string _data;
    private readonly IReadOnlyDictionary<string, string>? _environment;
    private readonly string _more;

    private CiWorld(ServerProcess server, WebApplication engine, string data, IReadOnlyDictionary<string, string>? environment, string more) => (Server, _engine, _data, _environment, _more) = (server, engine, data, environment, more);

    public ServerProcess Server { get; private set; }

    /// <summary>The server's data directory.</summary>
    public string Data => _data;

    /// <summary>How long the engine takes for an answer.</summary>
    public TimeSpan? Slow { get; set; }

    public string Repository => Path.Combine(_folder.FullName, "work");

    /// <param name="environment">Of the server.</param>
    /// <param name="more">Sections of pilothouse.yaml.</param>
    public static async Task<CiWorld> StartAsync(IReadOnlyDictionary<string, string>? environment = null, string more = "")
    {
        Assert.SkipUnless(Shell.Has("git"), "git is not installed.");
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        var engine = builder.Build();
        engine.Urls.Add("http://127.0.0.1:0");
        CiWorld? made = null;
        engine.MapPost("/v1/chat/completions", async (HttpContext http) =>
        {
            if (made?.Slow is { } slow) await Task.Delay(slow, TimeProvider.System, http.RequestAborted);
            using var request = await JsonDocument.ParseAsync(http.Request.Body);
            var answer = request.RootElement.GetRawText().Contains("France", StringComparison.Ordinal) ? "Paris" : "It has 366 days";
            return Results.Json(new { id = "1", @object = "chat.completion", created = 1, model = "m", choices = new[] { new { index = 0, message = new { role = "assistant", content = answer }, finish_reason = "stop" } }, usage = new { prompt_tokens = 1, completion_tokens = 1, total_tokens = 2 } });
        });
        await engine.StartAsync();
        var data = Directory.CreateTempSubdirectory("pilothouse-ci-data-");
        var world = new CiWorld(await ServerProcess.StartAsync(data.FullName, environment), engine, data.FullName, environment, more);
        made = world;
        await world.Server.Client.CreateProjectAsync("faq", default);
        Directory.CreateDirectory(world.Repository);
        await world.GitAsync("init", "-q", "-b", "main");
        world.Write("pilothouse.yaml", Project(engine.Urls.First(), minimum: "0.1") + more);
        world.Write("data/questions.jsonl", """
            {"id": "q1", "input": "What is the capital of France?", "expected": "Paris"}
            {"id": "q2", "input": "How many days has a leap year?", "expected": "366"}

            """);
        await world.CommitAsync("a project");
        return world;
    }

    /// <summary>Kills the server and starts it again where it was.</summary>
    public async Task RestartAsync()
    {
        var url = Server.Url.ToString().TrimEnd('/');
        await Server.KillAsync();
        await Server.DisposeAsync();
        Server = await ServerProcess.StartAtAsync(url, _data, _environment);
    }

    /// <summary>A floor that two right answers pass when it is low, and that no two answers can prove when it is high.</summary>
    public void SetFloor(string minimum) => Write("pilothouse.yaml", Project(_engine.Urls.First(), minimum) + _more);

    public void Write(string path, string content)
    {
        var full = Path.Combine(Repository, path);
        Directory.CreateDirectory(Path.GetDirectoryName(full)!);
        File.WriteAllText(full, content);
    }

    public async Task<string> GitAsync(params string[] arguments) => (await Shell.RunAsync(Repository, "git", arguments)).Succeeded().Trim();

    public async Task<string> CommitAsync(string message, bool allowEmpty = false)
    {
        await GitAsync("add", "-A");
        await GitAsync(["commit", "-q", "-m", message, .. allowEmpty ? ["--allow-empty"] : (string[])[]]);
        return await GitAsync("rev-parse", "HEAD");
    }

    public Task<Shell.Outcome> RunAsync(params string[] arguments) => Shell.RunAsync(Repository, "env", ["PILOTHOUSE_URL=" + Server.Url, .. arguments]);

    public async ValueTask DisposeAsync()
    {
        await Server.DisposeAsync();
        await _engine.DisposeAsync();
        _folder.Delete(recursive: true);
    }

    private static string Project(string engine, string minimum) => $$"""
        apiVersion: pilothouse/v1
        project: faq
        models:
          assistant: { kind: generative, engine: openai, url: "{{engine}}/v1", model: m }
        data:
          questions: { path: data/questions.jsonl }
        suites:
          quality:
            model: assistant
            data: questions
            scorers: [{ name: contains, type: contains }]
            gates: [{ scorer: contains, type: floor, min: {{minimum}} }]

        """;
}
