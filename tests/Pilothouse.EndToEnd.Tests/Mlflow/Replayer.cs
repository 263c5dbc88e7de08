using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Pilothouse.EndToEnd.Tests.Mlflow;

/// <summary>
/// Sends a recording's requests in order and compares the answers: status, content type, body. Of an error the status and the error_code must agree and there must be a
/// message, whose words are ours.
/// </summary>
internal sealed class Replayer(HttpClient http)
{
    private static readonly string[] FreeText = ["message", "sqlstate", "error_class"];
    private readonly Bindings _bindings = new();

    /// <returns>Null when the answer fits, else how it differs.</returns>
    public async Task<string?> SendAsync(Exchange exchange)
    {
        try
        {
            using var response = await http.SendAsync(Request(exchange));
            if (!exchange.Skipped) Compare(exchange, (int)response.StatusCode, response.Content.Headers.ContentType?.MediaType ?? "", await response.Content.ReadAsByteArrayAsync());
            return null;
        }
        catch (MismatchException e)
        {
            return $"#{exchange.Number} {exchange.Method} {exchange.Path}: {e.Message}";
        }
    }

    /// <summary>Sends the request with another body and other query values; the answer is the caller's to judge.</summary>
    public Task<HttpResponseMessage> SendChangedAsync(Exchange exchange, Func<byte[], byte[]> body, Func<string, string> query) => http.SendAsync(Request(exchange, body, query));

    private HttpRequestMessage Request(Exchange exchange, Func<byte[], byte[]>? changeBody = null, Func<string, string>? changeQuery = null)
    {
        var query = string.Join('&', exchange.Query.Select(q => $"{Uri.EscapeDataString(q.Key)}={Uri.EscapeDataString((changeQuery ?? (v => v))(_bindings.Fill(q.Value.ToString())))}"));
        // The path is sent as recorded: with its escapes, and with '..' in it.
        var target = new Uri(http.BaseAddress!.ToString().TrimEnd('/') + _bindings.Fill(exchange.Path) + (query.Length > 0 ? "?" + query : ""), new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true });
        var request = new HttpRequestMessage(new HttpMethod(exchange.Method), target);
        if (exchange.RequestBody is { } body) request.Content = new ByteArrayContent((changeBody ?? (b => b))(Bytes(body)));
        else if (exchange.Method != "GET") request.Content = new ByteArrayContent([]);
        if (!exchange.Request.TryGetProperty("headers", out var headers)) return request;
        foreach (var header in headers.EnumerateObject())
        {
            var value = _bindings.Fill(header.Value.GetString()!);
            if (header.Name == "Content-Type") request.Content?.Headers.TryAddWithoutValidation("Content-Type", value);
            else if (!request.Headers.TryAddWithoutValidation(header.Name, value)) request.Content?.Headers.TryAddWithoutValidation(header.Name, value); // Content-Encoding
        }
        return request;
    }

    private byte[] Bytes(JsonElement body)
    {
        if (body.TryGetProperty("json", out var json)) return Encoding.UTF8.GetBytes(_bindings.FillJson(json));
        if (body.TryGetProperty("template", out var template)) return Encoding.UTF8.GetBytes(_bindings.Fill(template.GetString()!));
        if (body.TryGetProperty("text", out var text)) return Encoding.UTF8.GetBytes(text.GetString()!);
        var once = Convert.FromBase64String(body.GetProperty("base64").GetString()!);
        var times = body.TryGetProperty("repeat", out var repeat) ? repeat.GetInt32() : 1;
        return [.. Enumerable.Repeat(once, times).SelectMany(b => b)];
    }

    private void Compare(Exchange exchange, int status, string contentType, byte[] body)
    {
        if (status != exchange.Status) throw new MismatchException($"status: expected {exchange.Status}, got {status}: {Encoding.UTF8.GetString(body[..Math.Min(body.Length, 300)])}");
        var wanted = exchange.Response.TryGetProperty("content_type", out var type) ? type.GetString()! : "";
        var any = exchange.ResponseBody is null && body.Length == 0 || exchange.ResponseBody?.TryGetProperty("any", out _) == true;
        var bothText = wanted.StartsWith("text/", StringComparison.Ordinal) && contentType.StartsWith("text/", StringComparison.Ordinal);
        if (wanted != contentType && !bothText && !any) throw new MismatchException($"content type: expected {wanted}, got {contentType}");
        if (any || exchange.ResponseBody is not { } expected) return;
        if (expected.TryGetProperty("json", out var json)) CompareJson(exchange, json, body);
        else if (expected.TryGetProperty("text", out var text) && !_bindings.Match(text.GetString()!, Encoding.UTF8.GetString(body))) throw new MismatchException($"body: expected {text}, got {Encoding.UTF8.GetString(body)}");
        else if (expected.TryGetProperty("sha256", out var sha256) && Convert.ToHexStringLower(SHA256.HashData(body)) != sha256.GetString()) throw new MismatchException($"body: SHA-256 differs; got {body.Length} bytes");
    }

    private void CompareJson(Exchange exchange, JsonElement expected, byte[] body)
    {
        JsonElement actual;
        try
        {
            actual = JsonDocument.Parse(body).RootElement;
        }
        catch (JsonException e)
        {
            throw new MismatchException($"body: not JSON ({e.Message})");
        }
        if (exchange.Status >= (int)HttpStatusCode.BadRequest && expected.ValueKind == JsonValueKind.Object && actual.ValueKind == JsonValueKind.Object)
        {
            if (!actual.TryGetProperty("message", out var message) || message.GetString() is not { Length: > 0 }) throw new MismatchException("an error without a message");
            (expected, actual) = (Without(expected), Without(actual));
        }
        new AnswerComparer(_bindings, exchange.Unordered).Compare(expected, actual, "$", "");
    }

    private static JsonElement Without(JsonElement error) =>
        JsonSerializer.SerializeToElement(error.EnumerateObject().Where(p => !FreeText.Contains(p.Name)).ToDictionary(p => p.Name, p => p.Value));
}
