using System.Collections.Concurrent;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Pilothouse.Protocols.Alerting;

namespace Pilothouse.EndToEnd.Tests.Deployments;

/// <summary>A webhook receiver on a port of its own; its first answer is 503, so that every delivery is also a retry.</summary>
public sealed class Receiver : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly SemaphoreSlim _arrived = new(0);
    private int _requests;

    private Receiver(WebApplication app)
    {
        _app = app;
        app.MapPost("/hook", async (HttpContext context) =>
        {
            using var reader = new StreamReader(context.Request.Body);
            var message = AlertmanagerWebhook.Read(await reader.ReadToEndAsync());
            if (Interlocked.Increment(ref _requests) == 1) return Results.StatusCode(503);
            Received.Enqueue(message);
            _arrived.Release();
            return Results.Ok();
        });
    }

    public ConcurrentQueue<AlertmanagerWebhook> Received { get; } = [];

    public string Url => _app.Urls.First() + "/hook";

    public static async Task<Receiver> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var receiver = new Receiver(builder.Build());
        await receiver._app.StartAsync();
        return receiver;
    }

    public async Task<bool> WaitAsync(int messages, TimeSpan patience)
    {
        for (var i = 0; i < messages; i++)
            if (!await _arrived.WaitAsync(patience)) return false;
        return true;
    }

    public async ValueTask DisposeAsync()
    {
        await _app.DisposeAsync();
        _arrived.Dispose();
    }
}
