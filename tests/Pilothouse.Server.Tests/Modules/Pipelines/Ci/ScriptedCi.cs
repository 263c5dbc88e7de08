using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Pilothouse.Server.Tests.Modules.Pipelines.Ci;

/// <summary>What a CI system was asked.</summary>
internal sealed record Asked(string Method, string Path, string Body, IReadOnlyDictionary<string, string> Headers);

/// <summary>A CI system on 127.0.0.1 that answers as a test says: routes by method and path, several answers to one route in turn (the last stays).</summary>
internal sealed class ScriptedCi : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly Dictionary<string, Queue<Func<HttpContext, Task>>> _answers = new(StringComparer.Ordinal);
    private readonly List<Asked> _asked = [];

    private ScriptedCi(WebApplication app) => _app = app;

    public string Url => _app.Urls.First();

    public IReadOnlyList<Asked> Asked
    {
        get { lock (_asked) return [.. _asked]; }
    }

    public static async Task<ScriptedCi> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        var app = builder.Build();
        app.Urls.Add("http://127.0.0.1:0");
        var ci = new ScriptedCi(app);
        app.Run(ci.HandleAsync);
        await app.StartAsync();
        return ci;
    }

    public ScriptedCi On(string route, int status, string body = "", params (string Name, string Value)[] headers) => On(route, async http =>
    {
        http.Response.StatusCode = status;
        foreach (var (name, value) in headers) http.Response.Headers.Append(name, value);
        // Not even an empty text: 204 takes no body, and the server would close the connection under the next request.
        if (body.Length > 0) await http.Response.WriteAsync(body);
    });

    /// <summary>The connection breaks before an answer.</summary>
    public ScriptedCi Cut(string route) => On(route, http =>
    {
        http.Abort();
        return Task.CompletedTask;
    });

    public ScriptedCi On(string route, Func<HttpContext, Task> answer)
    {
        lock (_asked)
        {
            if (!_answers.TryGetValue(route, out var queue)) _answers[route] = queue = new();
            queue.Enqueue(answer);
        }
        return this;
    }

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    private async Task HandleAsync(HttpContext http)
    {
        using var reader = new StreamReader(http.Request.Body, Encoding.UTF8);
        var body = await reader.ReadToEndAsync();
        // As it was sent: an escaped slash is part of a name.
        var path = http.Features.Get<Microsoft.AspNetCore.Http.Features.IHttpRequestFeature>()!.RawTarget;
        Func<HttpContext, Task>? answer = null;
        lock (_asked)
        {
            _asked.Add(new Asked(http.Request.Method, path, body, http.Request.Headers.ToDictionary(h => h.Key, h => h.Value.ToString(), StringComparer.OrdinalIgnoreCase)));
            if (_answers.TryGetValue($"{http.Request.Method} {path.Split('?')[0]}", out var queue)) answer = queue.Count > 1 ? queue.Dequeue() : queue.Peek();
        }
        if (answer is not null) await answer(http);
        else http.Response.StatusCode = 404;
    }
}
