using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Pilothouse.Protocols.OpenAi;
using Pilothouse.Protocols.Sse;
using Pilothouse.Server.Platform;
using Pilothouse.Server.Platform.Inference;

namespace Pilothouse.Server.Modules.Gateway.Engines;

/// <summary>Any OpenAI-compatible server (vLLM, llama.cpp, TGI, Ollama, cloud). Every failure is named; nothing is retried here, since a generation is not idempotent.</summary>
internal sealed class OpenAiEngine(IHttpClientFactory clients, GatewayOptions options, TimeProvider time) : IEngine
{
    /// <summary>Name of the HTTP client; its handler has the connect timeout.</summary>
    public const string HttpClientName = "gateway-upstream";

    /// <summary>Bytes of one answer.</summary>
    private const int MaxAnswer = 16 * 1024 * 1024;
    private const int MaxErrorText = 500;

    public string Name => "openai";

    public Task<Generation> GenerateAsync(EngineModel model, GenerationRequest request, CancellationToken ct) => SendAsync(model, () => Message(model, request),
        (response, started, token) => request.OnToken is null ? ReadWholeAsync(model, response, started, token) : ReadStreamAsync(model, response, request.OnToken, started, token), ct);

    public Task<IReadOnlyList<IReadOnlyList<float>>> EmbedAsync(EngineModel model, IReadOnlyList<string> texts, CancellationToken ct) => SendAsync(model, () => Post(model, "/embeddings", new EmbeddingRequest(model.Reference, texts)),
        async (response, _, token) =>
        {
            await response.Content.LoadIntoBufferAsync(MaxAnswer, token);
            var answer = JsonSerializer.Deserialize<EmbeddingAnswer>(await response.Content.ReadAsByteArrayAsync(token), OpenAiJson.Options);
            var vectors = new IReadOnlyList<float>?[texts.Count];
            foreach (var one in answer?.Data ?? [])
                if (one.Index >= 0 && one.Index < vectors.Length) vectors[one.Index] = one.Embedding;
            return vectors.All(v => v is { Count: > 0 }) ? (IReadOnlyList<IReadOnlyList<float>>)[.. vectors.Select(v => v!)] : throw Failed(model, $"answered without an embedding for each of the {texts.Count} texts", null);
        }, ct);

    private async Task<T> SendAsync<T>(EngineModel model, Func<HttpRequestMessage> build, Func<HttpResponseMessage, long, CancellationToken, Task<T>> read, CancellationToken ct)
    {
        var started = time.GetTimestamp();
        using var timeout = new CancellationTokenSource(options.UpstreamTimeout, time);
        using var linked = CancellationTokenSource.CreateLinkedTokenSource(ct, timeout.Token);
        try
        {
            using var message = build();
            var client = clients.CreateClient(HttpClientName);
            using var response = await client.SendAsync(message, HttpCompletionOption.ResponseHeadersRead, linked.Token);
            if (!response.IsSuccessStatusCode) throw await RefusedAsync(model, response, linked.Token);
            return await read(response, started, linked.Token);
        }
        catch (HttpRequestException e)
        {
            throw Failed(model, $"cannot be reached: {e.Message}", e);
        }
        catch (IOException e)
        {
            throw Failed(model, $"broke its answer off: {e.Message}", e);
        }
        catch (Exception e) when (e is JsonException or Protocols.ProtocolFormatException)
        {
            throw Failed(model, $"answered with something that is not OpenAI's format: {e.Message}", e);
        }
        catch (OperationCanceledException e) when (!ct.IsCancellationRequested)
        {
            throw Failed(model, timeout.IsCancellationRequested ? $"did not finish within {options.UpstreamTimeout} (Gateway:UpstreamTimeout)" : $"did not accept a connection within {options.UpstreamConnectTimeout}", e);
        }
    }

    public Task<IReadOnlyList<double>> ScoreAsync(EngineModel model, string text, IReadOnlyList<string> continuations, CancellationToken ct) =>
        throw new PilothouseException(ErrorCode.Unsupported, $"{model.Reference} is behind engine 'openai', whose API does not give the probability of a given text. Use engine 'onnx' for checks that need it.");

    public Task<IReadOnlyList<Classification>> ClassifyAsync(EngineModel model, IReadOnlyList<string> texts, CancellationToken ct) =>
        throw new PilothouseException(ErrorCode.Unsupported, $"{model.Reference} is behind engine 'openai', which serves no classifiers. Use engine 'onnx'.");

    private HttpRequestMessage Message(EngineModel model, GenerationRequest request) => Post(model, "/chat/completions",
        new UpstreamRequest(model.Reference, [.. request.Messages.Select(m => new ChatCompletionText(m.Role, m.Content))], request.MaxTokens, request.Temperature,
            request.TopP < 1 ? request.TopP : null, request.Seed, request.Stop is { Count: > 0 } ? request.Stop : null, request.OnToken is null ? null : true,
            request.OnToken is null ? null : new ChatCompletionStreamOptions(true), request.Tools is null ? null : JsonElement.Parse(request.Tools)));

    private HttpRequestMessage Post<T>(EngineModel model, string path, T body)
    {
        if (!Uri.TryCreate(model.Url?.TrimEnd('/') + path, UriKind.Absolute, out var url) || url.Scheme is not ("http" or "https"))
            throw new PilothouseException(ErrorCode.InvalidArgument, $"The engine 'openai' needs the base URL of its server, e.g. http://127.0.0.1:8000/v1; it has '{model.Url}'.");
        var message = new HttpRequestMessage(HttpMethod.Post, url) { Content = new ByteArrayContent(JsonSerializer.SerializeToUtf8Bytes(body, OpenAiJson.Options)) };
        message.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        if (model.KeyVariable is { } variable) message.Headers.Authorization = new AuthenticationHeaderValue("Bearer", new KeyVariables(options).Get(variable, url));
        else if (options.UpstreamKeys.TryGetValue(url.Authority, out var key) || options.UpstreamKeys.TryGetValue($"{url.Host}:{url.Port}", out key))
            message.Headers.Authorization = new AuthenticationHeaderValue("Bearer", key);
        return message;
    }

    private async Task<Generation> ReadWholeAsync(EngineModel model, HttpResponseMessage response, long started, CancellationToken ct)
    {
        await response.Content.LoadIntoBufferAsync(MaxAnswer, ct);
        var answer = JsonSerializer.Deserialize<UpstreamAnswer>(await response.Content.ReadAsByteArrayAsync(ct), OpenAiJson.Options);
        if (answer?.Choices is not [{ Message: { } text } choice, ..]) throw Failed(model, "answered without a choice", null);
        var duration = time.GetElapsedTime(started);
        var said = text.ToolCalls is { ValueKind: JsonValueKind.Array } calls && calls.GetArrayLength() > 0 ? JsonSerializer.Serialize(new { content = text.Content, tool_calls = calls }) : text.Content ?? "";
        return new Generation(said, answer.Usage?.PromptTokens ?? 0, answer.Usage?.CompletionTokens ?? 0, choice.FinishReason ?? "stop", null, duration, duration);
    }

    // data: {"choices":[{"delta":{"content":"Hello"},"finish_reason":null}]}
    // data: {"choices":[],"usage":{"prompt_tokens":11,"completion_tokens":5,"total_tokens":16}}
    // data: [DONE]
    private async Task<Generation> ReadStreamAsync(EngineModel model, HttpResponseMessage response, Func<string, CancellationToken, ValueTask> onToken, long started, CancellationToken ct)
    {
        var (text, finish, first, pieces, usage) = (new StringBuilder(), default(string), TimeSpan.Zero, 0, default(ChatCompletionUsage));
        await using var stream = await response.Content.ReadAsStreamAsync(ct);
        await foreach (var (_, data) in ServerSentEvents.ReadAsync(stream, ct))
        {
            if (data == ServerSentEvents.Done) return Done();
            var chunk = JsonSerializer.Deserialize<UpstreamAnswer>(data, OpenAiJson.Options);
            if (chunk?.Error is { } error) throw Failed(model, $"failed while it answered: {Short(error.Message)}", null);
            usage = chunk?.Usage ?? usage;
            if (chunk?.Choices is not [{ } choice, ..]) continue;
            finish = choice.FinishReason ?? finish;
            if (choice.Delta?.Content is not { Length: > 0 } piece) continue;
            if (pieces++ == 0) first = time.GetElapsedTime(started);
            text.Append(piece);
            await onToken(piece, ct);
        }
        // A stream that ends without [DONE] was cut, unless the model had said that it was finished.
        return finish is not null ? Done() : throw Failed(model, $"cut its answer off after {pieces} pieces", null);

        Generation Done() => new(text.ToString(), usage?.PromptTokens ?? 0, usage?.CompletionTokens ?? pieces, finish ?? "stop", null, first, time.GetElapsedTime(started));
    }

    private async Task<PilothouseException> RefusedAsync(EngineModel model, HttpResponseMessage response, CancellationToken ct)
    {
        await response.Content.LoadIntoBufferAsync(MaxAnswer, ct);
        var body = await response.Content.ReadAsStringAsync(ct);
        string? message = null;
        try
        {
            message = JsonSerializer.Deserialize<OpenAiErrorBody>(body, OpenAiJson.Options)?.Error?.Message;
        }
        catch (JsonException)
        {
            // Not OpenAI's shape (a proxy's HTML page): its beginning says more than nothing.
        }
        var said = Short(message ?? body);
        var (status, again) = ((int)response.StatusCode, RetryAfter(response));
        return status == 429
            ? new PilothouseException(ErrorCode.RateLimited, $"The server of {model.Reference} limits its requests: {said}") { RetryAfter = again }
            : new PilothouseException(ErrorCode.UpstreamFailed, $"The server of {model.Reference} at {model.Url} answered with HTTP {status}: {said}") { RetryAfter = again, IsPermanent = status is >= 400 and < 500 and not 408 };
    }

    /// <summary>Seconds, or a date (RFC 9110 10.2.3).</summary>
    private TimeSpan? RetryAfter(HttpResponseMessage response)
    {
        var wait = response.Headers.RetryAfter is not { } given ? null : given.Delta ?? given.Date - time.GetUtcNow();
        return wait is { } known ? known < TimeSpan.Zero ? TimeSpan.Zero : known : null;
    }

    private static string Short(string? text) => (text ?? "").ReplaceLineEndings(" ") is var line && line.Length > MaxErrorText ? line[..MaxErrorText] + "..." : line;

    private static PilothouseException Failed(EngineModel model, string what, Exception? inner) =>
        new(ErrorCode.UpstreamFailed, $"The server of {model.Reference} at {model.Url} {what}", inner);

    private sealed record UpstreamRequest(string Model, IReadOnlyList<ChatCompletionText> Messages, int MaxTokens, double Temperature, double? TopP, long? Seed, IReadOnlyList<string>? Stop,
        bool? Stream, ChatCompletionStreamOptions? StreamOptions, JsonElement? Tools);

    private sealed record EmbeddingRequest(string Model, IReadOnlyList<string> Input);

    private sealed record EmbeddingAnswer(IReadOnlyList<EmbeddingVector>? Data);

    private sealed record EmbeddingVector(int Index, IReadOnlyList<float>? Embedding);

    private sealed record UpstreamAnswer(IReadOnlyList<UpstreamChoice>? Choices, ChatCompletionUsage? Usage, OpenAiError? Error);

    private sealed record UpstreamChoice(UpstreamMessage? Message, ChatCompletionText? Delta, string? FinishReason);

    private sealed record UpstreamMessage(string? Content, JsonElement? ToolCalls);
}
