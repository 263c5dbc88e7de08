using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Pilothouse.Client;

/// <summary>The server refused a call; the message is the server's own and says what to do.</summary>
public sealed class PilothouseApiException(string code, string message, int status) : Exception(message)
{
    /// <summary>Error code on the wire, e.g. <c>NOT_FOUND</c>.</summary>
    public string Code { get; } = code;

    /// <summary>HTTP status, or 0 when the server could not be reached.</summary>
    public int Status { get; } = status;
}

/// <summary>Thin client of the native API (<c>/api/v1</c>). One method a call; the areas are in files of their own.</summary>
public sealed partial class PilothouseClient : IDisposable
{
    /// <summary>JSON as the server writes it: snake_case, enums as UPPER_SNAKE.</summary>
    public static JsonSerializerOptions Json { get; } = new(JsonSerializerDefaults.Web)
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseUpper) },
    };

    private readonly HttpClient _http;

    /// <param name="server">Base address, e.g. <c>http://127.0.0.1:7700</c>.</param>
    /// <param name="token">Token, or null on a server without login.</param>
    public PilothouseClient(Uri server, string? token)
    {
        _http = new HttpClient { BaseAddress = server, Timeout = TimeSpan.FromMinutes(10) };
        if (token is not null) _http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token);
    }

    public Uri Server => _http.BaseAddress!;

    /// <summary>The underlying client, for protocols that have no method here.</summary>
    public HttpClient Http => _http;

    public void Dispose() => _http.Dispose();

    private Task<T> GetAsync<T>(string path, CancellationToken ct) => SendAsync<T>(HttpMethod.Get, path, null, ct);

    private Task<T> PostAsync<T>(string path, object? body, CancellationToken ct) => SendAsync<T>(HttpMethod.Post, path, body is null ? null : JsonContent.Create(body, options: Json), ct);

    private async Task<T> SendAsync<T>(HttpMethod method, string path, HttpContent? content, CancellationToken ct)
    {
        using var response = await SendAsync(method, path, content, ct);
        return (await response.Content.ReadFromJsonAsync<T>(Json, ct))!;
    }

    private async Task<HttpResponseMessage> SendAsync(HttpMethod method, string path, HttpContent? content, CancellationToken ct)
    {
        using var request = new HttpRequestMessage(method, path) { Content = content };
        HttpResponseMessage response;
        try
        {
            response = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, ct);
        }
        catch (HttpRequestException e)
        {
            throw new PilothouseApiException("UNAVAILABLE", $"The server {Server} cannot be reached ({e.Message}). Start it with 'pilothouse serve', or set PILOTHOUSE_URL.", 0);
        }
        if (response.IsSuccessStatusCode) return response;
        using (response) throw await ErrorAsync(response, ct);
    }

    private static async Task<PilothouseApiException> ErrorAsync(HttpResponseMessage response, CancellationToken ct)
    {
        var status = (int)response.StatusCode;
        var text = await response.Content.ReadAsStringAsync(ct);
        try
        {
            var root = JsonDocument.Parse(text).RootElement;
            // Routes of MLflow's protocol: {"error_code": "...", "message": "..."}.
            if (root.TryGetProperty("error_code", out var mlflow)) return new PilothouseApiException(mlflow.GetString()!, root.GetProperty("message").GetString()!, status);
            var error = root.GetProperty("error");
            return new PilothouseApiException(error.GetProperty("code").GetString()!, error.GetProperty("message").GetString()!, status);
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            return new PilothouseApiException("INTERNAL", $"The server answered {status} {response.ReasonPhrase}.", status);
        }
    }
}
