using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Pilothouse.Protocols.OpenAi;

namespace Pilothouse.Protocols.Tests.OpenAi;

public sealed class OpenAiJsonTests
{
    private const string Request = """{"model":"assistant","messages":[{"role":"system","content":"be nice"},{"role":"user","content":[{"type":"text","text":"hi"},{"type":"image_url","image_url":{"url":"x"}}]}],"temperature":0,"max_completion_tokens":48,"stream":true,"stream_options":{"include_usage":true},"stop":["a","b"],"tools":[{"type":"function"}]}""";

    [Fact]
    public void Request_is_read_and_unknown_fields_are_passed_on()
    {
        var request = OpenAiJson.ParseChatRequest(Encoding.UTF8.GetBytes(Request));

        Assert.Equal(("assistant", 48, true, true), (request.Model, request.TokenLimit, request.Stream, request.StreamOptions!.IncludeUsage));
        Assert.Equal(["be nice", "hi"], request.Messages!.Select(m => m.Text));
        Assert.Equal(["a", "b"], request.StopSequences);
        Assert.True(JsonNode.DeepEquals(JsonNode.Parse(Request), JsonNode.Parse(OpenAiJson.ToBytes(request))));
    }

    /// <summary>What the OpenAI SDKs for .NET and JavaScript really sent.</summary>
    [Fact]
    public void Captured_requests_are_read_and_written_unchanged()
    {
        var files = Directory.EnumerateFiles(TestPaths.Golden("otlp"), "*chat_completions.json", SearchOption.AllDirectories).ToList();
        Assert.True(files.Count >= 10, $"Only {files.Count} captures.");
        foreach (var file in files)
        {
            var bytes = File.ReadAllBytes(file);
            Assert.True(JsonNode.DeepEquals(JsonNode.Parse(bytes), JsonNode.Parse(OpenAiJson.ToBytes(OpenAiJson.ParseChatRequest(bytes)))), file);
        }
    }

    [Theory]
    [InlineData("""{"messages":[{"role":"user","content":"x"}]}""", "'model'")]
    [InlineData("""{"model":"m"}""", "'messages'")]
    [InlineData("""{"model":"m","messages":[]}""", "'messages'")]
    [InlineData("""{"model":"m","messages":[null]}""", "messages[0].role")]
    [InlineData("""{"model":"m","messages":[{"role":"boss","content":"x"}]}""", "messages[0].role")]
    [InlineData("""{"model":"m","messages":[{"role":"user","content":5}]}""", "messages[0].content")]
    [InlineData("""{"model":"m","messages":[{"role":"user","content":"x"}],"temperature":"hot"}""", "$.temperature")]
    [InlineData("""{"model":"m","messages":[{"role":"user","content":"x"}],"temperature":3}""", "'temperature'")]
    [InlineData("""{"model":"m","messages":[{"role":"user","content":"x"}],"max_tokens":0}""", "'max_tokens'")]
    [InlineData("nonsense", "JSON")]
    [InlineData("null", "null")]
    public void Fault_is_named(string body, string named) =>
        Assert.Contains(named, Assert.Throws<ProtocolFormatException>(() => OpenAiJson.ParseChatRequest(Encoding.UTF8.GetBytes(body))).Message, StringComparison.Ordinal);

    [Fact]
    public void Chunk_is_written_as_clients_expect() =>
        Assert.Equal(
            """{"id":"c","object":"chat.completion.chunk","created":5,"model":"m","choices":[{"index":0,"delta":{"content":"Ä"},"finish_reason":null}]}""",
            Encoding.UTF8.GetString(OpenAiJson.ToBytes(new ChatCompletion("c", "chat.completion.chunk", 5, "m", [new ChatCompletionChoice(0, null, new ChatCompletionText(null, "Ä"), null)], null))));

    [Fact]
    public void Error_and_models_are_written_as_clients_expect()
    {
        Assert.Equal("""{"error":{"message":"no","type":"not_found_error","param":null,"code":"model_not_found"}}""", Encoding.UTF8.GetString(OpenAiJson.ToBytes(new OpenAiErrorBody(new OpenAiError("no", "not_found_error", null, "model_not_found")))));
        Assert.Equal("""{"object":"list","data":[{"id":"m","object":"model","created":1,"owned_by":"me"}]}""", Encoding.UTF8.GetString(OpenAiJson.ToBytes(new OpenAiModelList("list", [new OpenAiModel("m", "model", 1, "me")]))));
    }

    [Fact]
    public void Mutations_give_only_the_named_error()
    {
        Mutations.OnlyNamedErrors(Encoding.UTF8.GetBytes(Request), bytes => OpenAiJson.ParseChatRequest(bytes));
        Mutations.OnlyNamedErrors("""{"id":"c","created":5,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"x"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1}}"""u8.ToArray(), bytes => OpenAiJson.Parse<ChatCompletion>(bytes));
    }
}
