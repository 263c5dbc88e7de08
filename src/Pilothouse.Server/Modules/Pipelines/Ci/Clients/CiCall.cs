using System.Net;
using System.Text.Json;

namespace Pilothouse.Server.Modules.Pipelines.Ci.Clients;

/// <summary>Where and as whom a build is started.</summary>
/// <param name="Url">Without a slash at the end.</param>
/// <param name="Job">Of pilothouse.yaml; null = the build is of the connection itself.</param>
internal sealed record CiTarget(string Url, string Target, string? User, string Secret, string Ref, string? Commit, string BuildId, string? Job)
{
    /// <summary>Variable, parameter or input under which a pipeline gets the name of the job.</summary>
    public const string JobVariable = "PILOTHOUSE_CI_JOB";
}

/// <summary>How a build stands.</summary>
/// <param name="Handle">For the next question; null = the system cannot be asked, its own report is awaited.</param>
internal sealed record CiAnswer(string State, string? Handle, string? Url, string? Error = null);

/// <summary>A call that did not work.</summary>
/// <param name="mayRetry">The infrastructure failed, not the call.</param>
internal sealed class CiCallException(string message, bool mayRetry, TimeSpan? retryAfter = null, HttpStatusCode? status = null) : Exception(message)
{
    public bool MayRetry { get; } = mayRetry;

    public TimeSpan? RetryAfter { get; } = retryAfter;

    public HttpStatusCode? Status { get; } = status;
}

internal interface ICiClient
{
    string System { get; }

    /// <exception cref="CiCallException">It was not started.</exception>
    Task<CiAnswer> StartAsync(CiTarget target, CancellationToken ct);

    /// <exception cref="CiCallException">Not answered.</exception>
    Task<CiAnswer> FollowAsync(CiTarget target, string handle, CancellationToken ct);
}

/// <summary>Calls with named errors: bounded answers, no redirects, retries only where the infrastructure failed.</summary>
internal sealed class CiHttp(IHttpClientFactory http, TimeProvider time)
{
    public const string Client = "ci";
    private const int MaxAnswer = 4 * 1024 * 1024;
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan LongestWait = TimeSpan.FromHours(1);

    /// <summary>Sends; answers other than success become exceptions that name what to do.</summary>
    public async Task<(HttpResponseMessage Response, string Body)> SendAsync(HttpRequestMessage request, string what, CancellationToken ct)
    {
        try
        {
            using var client = http.CreateClient(Client);
            client.MaxResponseContentBufferSize = MaxAnswer;
            client.Timeout = Timeout;
            request.Headers.TryAddWithoutValidation("User-Agent", "pilothouse");
            var response = await client.SendAsync(request, ct);
            if (response.IsSuccessStatusCode) return (response, await response.Content.ReadAsStringAsync(ct));
            using (response) throw Refused(response, what);
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            throw new CiCallException($"{what}: no answer within {Timeout.TotalSeconds} s.", mayRetry: true);
        }
        catch (HttpRequestException e)
        {
            throw new CiCallException($"{what}: {e.Message}", mayRetry: true);
        }
    }

    /// <exception cref="CiCallException">The body is no JSON object.</exception>
    public static JsonElement Json(string body, string what)
    {
        try
        {
            using var document = JsonDocument.Parse(body, new JsonDocumentOptions { MaxDepth = 64 });
            return document.RootElement.ValueKind == JsonValueKind.Object ? document.RootElement.Clone() : throw new JsonException("not an object");
        }
        catch (JsonException)
        {
            throw new CiCallException($"{what}: the answer is not what its documentation promises. Is the address that of the API?", mayRetry: false);
        }
    }

    /// <summary>A text or number of an object; "" when it is neither.</summary>
    public static string Text(JsonElement element, string name) => element.ValueKind == JsonValueKind.Object && element.TryGetProperty(name, out var value) ? value.ValueKind switch
    {
        JsonValueKind.String => value.GetString()!,
        JsonValueKind.Number => value.GetRawText(),
        _ => "",
    } : "";

    /// <summary>An address of an answer that may be shown as a link.</summary>
    public static string? Link(string text) => Uri.TryCreate(text, UriKind.Absolute, out var uri) && uri.Scheme is "http" or "https" && text.Length <= 2048 ? text : null;

    private CiCallException Refused(HttpResponseMessage response, string what)
    {
        var status = response.StatusCode;
        var mayRetry = (int)status is 408 or 429 or >= 500;
        var wait = response.Headers.RetryAfter is { } after ? after.Delta ?? after.Date - time.GetUtcNow() : null;
        if (wait > LongestWait) wait = LongestWait;
        return new CiCallException($"{what}: answered {(int)status} {response.ReasonPhrase}. " + (int)status switch
        {
            401 or 403 => "The credentials are not accepted, or may not do this: connect again with others.",
            404 => "There is no such job or project, or the credentials may not see it.",
            >= 300 and < 400 => "It is elsewhere: connect with its real address.",
            429 => "It asks to wait.",
            >= 500 => "The system has a fault of its own.",
            _ => "It does not accept this call.",
        }, mayRetry, wait, status);
    }
}
