using System.Collections.Concurrent;
using System.Text.Json;

namespace Pilothouse.Demo;

/// <summary>Stands for the pager: a real HTTP endpoint that receives Alertmanager webhooks and keeps what it got.</summary>
internal sealed class WebhookListener : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly ConcurrentQueue<string> _received = new();

    private WebhookListener(WebApplication app) => _app = app;

    public string Url => _app.Urls.First() + "/hook";

    /// <summary>Summaries of the alerts received, oldest first.</summary>
    public IReadOnlyCollection<string> Received => _received;

    public bool IsQuiet => _received.IsEmpty;

    public static async Task<WebhookListener> StartAsync(CancellationToken ct)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var listener = new WebhookListener(builder.Build());
        listener._app.MapPost("/hook", async (HttpRequest request) => listener.Take(await JsonDocument.ParseAsync(request.Body)));
        await listener._app.StartAsync(ct);
        return listener;
    }

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    // {"version":"4","status":"firing","alerts":[{"labels":{"alertname":"..."},"annotations":{"summary":"..."}}]}
    private void Take(JsonDocument body)
    {
        using (body)
        {
            var status = body.RootElement.GetProperty("status").GetString();
            foreach (var alert in body.RootElement.GetProperty("alerts").EnumerateArray())
                _received.Enqueue($"{status}: {(alert.GetProperty("annotations").TryGetProperty("summary", out var summary) ? summary.GetString() : alert.GetProperty("labels").ToString())}");
        }
    }
}
