using System.Buffers;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Pilothouse.Protocols.OpenAi;
using Pilothouse.Server.Platform;
using Pilothouse.Server.Platform.Inference;

namespace Pilothouse.Server.Modules.Gateway.Endpoints;

/// <summary>
/// A streamed answer as server-sent events: <c>data: {chunk}</c> for each piece, one with the finish reason, one with the usage when asked for, <c>data: [DONE]</c>.
/// Until the first piece nothing is sent, so that an early failure has its own status; later it is an event <c>data: {"error":...}</c> without [DONE], as OpenAI does it.
/// </summary>
internal sealed class OpenAiStream(HttpContext http, Answerer by, string model, bool includeUsage)
{
    public async Task RunAsync(Func<Func<string, CancellationToken, ValueTask>, Task<Generation>> generate, CancellationToken ct)
    {
        try
        {
            var generation = await generate(WritePieceAsync);
            await BeginAsync(ct); // an answer without text has no piece
            await WriteAsync(Chunk(new ChatCompletionText(null, null), generation.FinishReason), ct);
            if (includeUsage) await WriteAsync(Chunk(null, null) with { Choices = [], Usage = OpenAiEndpoints.Usage(generation) }, ct);
            await http.Response.Body.WriteAsync("data: [DONE]\n\n"u8.ToArray(), ct);
            await http.Response.Body.FlushAsync(ct);
        }
        catch (PilothouseException e) when (http.Response.HasStarted)
        {
            await WriteAsync(OpenAiErrors.Body(http, e.Code, e.Message), ct);
        }
    }

    private async ValueTask WritePieceAsync(string text, CancellationToken ct)
    {
        await BeginAsync(ct);
        await WriteAsync(Chunk(new ChatCompletionText(null, text), null), ct);
    }

    private async Task BeginAsync(CancellationToken ct)
    {
        if (http.Response.HasStarted) return;
        http.Response.ContentType = "text/event-stream; charset=utf-8";
        http.Response.Headers.CacheControl = "no-cache";
        http.Response.Headers["X-Accel-Buffering"] = "no"; // nginx would hold the pieces back
        await WriteAsync(Chunk(new ChatCompletionText("assistant", ""), null), ct);
    }

    private ChatCompletion Chunk(ChatCompletionText? delta, string? finish) =>
        new(by.ResponseId, "chat.completion.chunk", by.CreatedMs / 1000, model, [new ChatCompletionChoice(0, null, delta, finish)], null);

    private async Task WriteAsync<T>(T data, CancellationToken ct)
    {
        var body = http.Response.BodyWriter;
        body.Write("data: "u8);
        using (var json = new Utf8JsonWriter(body)) JsonSerializer.Serialize(json, data, OpenAiJson.Options);
        body.Write("\n\n"u8);
        await body.FlushAsync(ct);
    }
}
