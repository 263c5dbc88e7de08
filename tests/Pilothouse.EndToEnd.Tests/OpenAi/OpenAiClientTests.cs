using System.ClientModel;
using System.ClientModel.Primitives;
using OpenAI;
using OpenAI.Chat;
using OpenAI.Models;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Gateway.Api;
using Pilothouse.Testing;

namespace Pilothouse.EndToEnd.Tests.OpenAi;

/// <summary>OpenAI's own .NET client, unchanged, against a real model.</summary>
public sealed class OpenAiClientTests : IAsyncLifetime
{
    private const string Route = "support-assistant/production/assistant";
    private const string Question = "Do you send parcels to Turin?";
    private const string Answer = "Yes, we ship to Turin. Delivery to Turin takes five working days.";
    private TestServer _server = null!;

    public async ValueTask InitializeAsync()
    {
        _server = await TestServer.StartAsync();
        var version = await _server.Client.RegisterModelDirectoryAsync("assistant", await SampleModels.DirectoryAsync("assistant-v4"), files => new NewModelVersion("generative", files), CancellationToken.None);
        await _server.Service<IGatewayRoutes>().SetAsync(new GatewayRoute(Route, "support-assistant/production", "generative",
            [new GatewayArm("stable", 100, version.Digest!, version.Reference, "onnx", null, "{input}", 0, 48)]), CancellationToken.None);
    }

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Fact]
    public async Task Chat_completes()
    {
        ChatCompletion completion = await Chat(Route).CompleteChatAsync([new UserChatMessage(Question)]);
        Assert.Equal(Answer, completion.Content[0].Text);
        Assert.Equal(ChatFinishReason.Stop, completion.FinishReason);
        Assert.Equal(completion.Usage.InputTokenCount + completion.Usage.OutputTokenCount, completion.Usage.TotalTokenCount);
        Assert.True(completion.Usage.OutputTokenCount > 5);
    }

    [Fact]
    public async Task Chat_streams()
    {
        var (text, updates, finish, usage) = ("", 0, default(ChatFinishReason?), default(ChatTokenUsage));
        await foreach (var update in Chat(Route).CompleteChatStreamingAsync([new SystemChatMessage(""), new UserChatMessage(Question)]))
        {
            updates++;
            text += string.Concat(update.ContentUpdate.Select(c => c.Text));
            finish ??= update.FinishReason;
            usage ??= update.Usage;
        }
        Assert.NotEmpty(text);
        Assert.True(updates > 3);
        Assert.Equal(ChatFinishReason.Stop, finish);
        Assert.True(usage is null || usage.OutputTokenCount > 0);
    }

    [Fact]
    public async Task Streaming_gives_the_answer_of_the_plain_call()
    {
        var text = "";
        await foreach (var update in Chat(Route).CompleteChatStreamingAsync([new UserChatMessage(Question)])) text += string.Concat(update.ContentUpdate.Select(c => c.Text));
        Assert.Equal(Answer, text);
    }

    [Fact]
    public async Task Options_arrive()
    {
        ChatCompletion cut = await Chat(Route).CompleteChatAsync([new UserChatMessage(Question)], new ChatCompletionOptions { MaxOutputTokenCount = 3, Temperature = 0, EndUserId = "u1" });
        ChatCompletion stopped = await Chat(Route).CompleteChatAsync([new UserChatMessage(Question)], new ChatCompletionOptions { StopSequences = { ". Del" } });
        Assert.Equal((ChatFinishReason.Length, 3), (cut.FinishReason, cut.Usage.OutputTokenCount));
        Assert.Equal("Yes, we ship to Turin", stopped.Content[0].Text);
    }

    [Fact]
    public async Task A_registered_version_can_be_asked_directly()
    {
        ChatCompletion completion = await Chat("models:/assistant/1").CompleteChatAsync([new UserChatMessage(Question)]);
        Assert.Equal(Answer, completion.Content[0].Text);
    }

    [Fact]
    public async Task An_unknown_model_is_the_clients_404()
    {
        var error = await Assert.ThrowsAsync<ClientResultException>(() => Chat("nothing").CompleteChatAsync([new UserChatMessage("hi")]));
        Assert.Equal(404, error.Status);
        Assert.Contains("model_not_found", error.Message, StringComparison.Ordinal);
        Assert.Contains(Route, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Models_are_listed()
    {
        var models = await new OpenAIModelClient(new ApiKeyCredential("unused"), Options()).GetModelsAsync();
        Assert.Equal([Route, "models:/assistant/1"], models.Value.Select(m => m.Id));
    }

    private ChatClient Chat(string model) => new(model, new ApiKeyCredential("unused"), Options());

    private OpenAIClientOptions Options() => new() { Endpoint = new Uri(_server.Url, "/v1"), RetryPolicy = new ClientRetryPolicy(0) };
}
