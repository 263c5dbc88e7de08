using System.Text.Json;

namespace Pilothouse.Demo;

/// <summary>Live traffic: customers' questions sent to the gateway over the OpenAI API, from several clients at once, until it is stopped.</summary>
internal sealed class DemoTraffic : IAsyncDisposable
{
    private const int Clients = 4;
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(10);

    private readonly HttpClient _http;
    private readonly string _model;
    private readonly CancellationTokenSource _stop = new();
    private Task _clients = Task.CompletedTask;
    private IReadOnlyList<Question> _questions;
    private int _next;
    private long _answered;
    private long _failed;

    /// <param name="model">Route of the gateway, <c>PROJECT/ENVIRONMENT/MODEL</c>.</param>
    public DemoTraffic(Uri server, string model, IReadOnlyList<Question> questions)
    {
        _http = new HttpClient { BaseAddress = server, Timeout = TimeSpan.FromSeconds(30) };
        _model = model;
        _questions = questions;
    }

    /// <summary>A question and what its answer must name to be about it.</summary>
    internal sealed record Question(string Prompt, string MustContain);

    public long Answered => Interlocked.Read(ref _answered);

    public long Failed => Interlocked.Read(ref _failed);

    public static async Task<IReadOnlyList<Question>> LoadAsync(string path, CancellationToken ct)
    {
        var questions = new List<Question>();
        await foreach (var line in File.ReadLinesAsync(path, ct))
        {
            using var row = JsonDocument.Parse(line);
            questions.Add(new Question(row.RootElement.GetProperty("prompt").GetString()!, row.RootElement.TryGetProperty("must_contain", out var must) ? must.ToString() : ""));
        }
        return questions;
    }

    public void Start() => _clients = Task.WhenAll(Enumerable.Range(0, Clients).Select(_ => RunAsync(_stop.Token)));

    /// <summary>From now on customers ask otherwise.</summary>
    public void Change(IReadOnlyList<Question> questions) => _questions = questions;

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _clients;
        _http.Dispose();
        _stop.Dispose();
    }

    private async Task RunAsync(CancellationToken ct)
    {
        while (!ct.IsCancellationRequested)
        {
            try
            {
                await AskAsync(_questions[(Interlocked.Increment(ref _next) & int.MaxValue) % _questions.Count], ct);
                Interlocked.Increment(ref _answered);
                await Task.Delay(Pause, ct);
            }
            catch (OperationCanceledException) when (ct.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e) when (e is HttpRequestException or TaskCanceledException)
            {
                Interlocked.Increment(ref _failed);
            }
        }
    }

    private async Task AskAsync(Question question, CancellationToken ct)
    {
        using var response = await _http.PostAsJsonAsync("v1/chat/completions", new
        {
            model = _model,
            messages = new[] { new { role = "user", content = question.Prompt } },
            metadata = question.MustContain.Length > 0 ? new Dictionary<string, string> { ["must_contain"] = question.MustContain } : null,
        }, ct);
        response.EnsureSuccessStatusCode();
        await response.Content.ReadAsByteArrayAsync(ct);
    }
}
