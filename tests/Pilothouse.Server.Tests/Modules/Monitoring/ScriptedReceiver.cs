using System.Net;

namespace Pilothouse.Server.Tests.Modules.Monitoring;

/// <summary>A webhook receiver that answers as a test says and remembers what came.</summary>
internal sealed class ScriptedReceiver : HttpMessageHandler, IHttpClientFactory
{
    private readonly Queue<Func<CancellationToken, Task<HttpResponseMessage>>> _answers = [];

    public List<(string Url, string Body)> Received { get; } = [];

    /// <summary>How many requests have arrived; a request that hangs has arrived.</summary>
    public SemaphoreSlim Arrived { get; } = new(0);

    public ScriptedReceiver Answer(params HttpStatusCode[] statuses)
    {
        foreach (var status in statuses) _answers.Enqueue(_ => Task.FromResult(new HttpResponseMessage(status)));
        return this;
    }

    public ScriptedReceiver Hang()
    {
        _answers.Enqueue(async ct =>
        {
            await Task.Delay(Timeout.Infinite, ct);
            throw new InvalidOperationException();
        });
        return this;
    }

    public ScriptedReceiver Refuse()
    {
        _answers.Enqueue(_ => throw new HttpRequestException("Connection refused"));
        return this;
    }

    public HttpClient CreateClient(string name) => new(this, disposeHandler: false);

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var body = await request.Content!.ReadAsStringAsync(cancellationToken);
        Func<CancellationToken, Task<HttpResponseMessage>>? answer;
        lock (_answers)
        {
            Received.Add((request.RequestUri!.ToString(), body));
            if (!_answers.TryDequeue(out answer)) answer = _ => Task.FromResult(new HttpResponseMessage(HttpStatusCode.OK));
        }
        Arrived.Release();
        return await answer(cancellationToken);
    }
}
