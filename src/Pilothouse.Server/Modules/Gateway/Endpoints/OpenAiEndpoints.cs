using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Pilothouse.Protocols.OpenAi;
using Pilothouse.Server.Platform;
using Pilothouse.Server.Platform.Inference;

namespace Pilothouse.Server.Modules.Gateway.Endpoints;

/// <summary>OpenAI's API, as far as a text gateway goes. <c>model</c> is a route (<c>support-assistant/production/assistant</c>) or a registered version (<c>models:/NAME/VERSION</c>).</summary>
internal static class OpenAiEndpoints
{
    public static void MapOpenAi(this IEndpointRouteBuilder endpoints)
    {
        // Asking a model changes nothing, so a reader may, although it is a POST.
        var openAi = endpoints.MapGroup("/v1").WithErrors(OpenAiErrors.Instance).RequireRole(Role.Reader).AcceptAnyKey().ExcludeFromDescription();
        openAi.MapPost("chat/completions", ChatAsync);
        openAi.MapPost("classifications", ClassifyAsync);
        openAi.MapGet("models", async (ServingService serving, TimeProvider time, CancellationToken ct) => Results.Json(new OpenAiModelList("list",
            [.. (await serving.ModelsAsync(ct)).Select(name => new OpenAiModel(name, "model", time.NowMs() / 1000, "pilothouse"))]), OpenAiJson.Options));
    }

    private static async Task ChatAsync(HttpContext http, ServingService serving, CancellationToken ct)
    {
        var body = await OpenAiRequests.ReadAsync<ChatCompletionRequest>(http, ct);
        var call = OpenAiRequests.ToCall(http, body);
        var by = await serving.ChooseAsync(call.Model, call.Conversation, call.Parent, ct);
        Describe(http, by);
        if (body.Stream == true)
        {
            await new OpenAiStream(http, by, call.Model, body.StreamOptions?.IncludeUsage == true).RunAsync(onToken => serving.ChatAsync(call, by, onToken, ct), ct);
            return;
        }
        var generation = await serving.ChatAsync(call, by, null, ct);
        await http.Response.WriteAsJsonAsync(new ChatCompletion(by.ResponseId, "chat.completion", by.CreatedMs / 1000, call.Model,
            [new ChatCompletionChoice(0, new ChatCompletionText("assistant", generation.Text), null, generation.FinishReason)], Usage(generation)), OpenAiJson.Options, ct);
    }

    private static async Task ClassifyAsync(HttpContext http, ServingService serving, CancellationToken ct)
    {
        var call = OpenAiRequests.ToCall(http, await OpenAiRequests.ReadAsync<ClassificationRequest>(http, ct));
        var by = await serving.ChooseAsync(call.Model, call.Conversation, call.Parent, ct);
        Describe(http, by);
        var classes = await serving.ClassifyAsync(call, by, ct);
        await http.Response.WriteAsJsonAsync(new ClassificationAnswer(by.ResponseId, "list", by.CreatedMs / 1000, call.Model,
            [.. classes.Select((c, i) => new ClassificationItem("classification", i, ServedResponse.Label(c), c.Probabilities))]), OpenAiJson.Options, ct);
    }

    public static ChatCompletionUsage Usage(Generation generation) => new(generation.PromptTokens, generation.CompletionTokens, generation.PromptTokens + generation.CompletionTokens);

    private static void Describe(HttpContext http, Answerer by)
    {
        var headers = http.Response.Headers;
        headers["x-pilothouse-release"] = by.Arm.Definition.Release;
        headers["x-pilothouse-arm"] = by.Arm.Definition.Arm;
        headers["x-pilothouse-trace-id"] = by.TraceId;
    }
}
