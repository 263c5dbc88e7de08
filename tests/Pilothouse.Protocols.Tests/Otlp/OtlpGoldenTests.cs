using System.Text.Json;
using Pilothouse.Protocols.Otlp;

namespace Pilothouse.Protocols.Tests.Otlp;

/// <summary>Requests captured from real SDKs.</summary>
public sealed class OtlpGoldenTests
{
    [Fact]
    public void Protobuf_and_json_of_the_same_request_agree()
    {
        var files = Files("*traces.pb");
        Assert.True(files.Count >= 8, $"Only {files.Count} captures in protobuf.");
        foreach (var file in files)
        {
            var fromProtobuf = OtlpProtobuf.DecodeTraces(File.ReadAllBytes(file));
            var fromJson = OtlpJson.DecodeTraces(File.ReadAllBytes(Path.ChangeExtension(file, ".otlp.json")));

            Assert.NotEmpty(fromProtobuf.Spans);
            Assert.Equal(0, fromProtobuf.RejectedSpans);
            Assert.Equal(Text(fromJson), Text(fromProtobuf));
        }
    }

    [Fact]
    public void Decoded_form_names_the_same_ids()
    {
        foreach (var file in Files("*traces.pb"))
        {
            using var decoded = JsonDocument.Parse(File.ReadAllBytes(Path.ChangeExtension(file, ".decoded.json")));
            var expected = decoded.RootElement.GetProperty("resourceSpans").EnumerateArray()
                .SelectMany(r => r.GetProperty("scopeSpans").EnumerateArray())
                .SelectMany(s => s.GetProperty("spans").EnumerateArray())
                .Select(s => $"{Convert.ToHexStringLower(s.GetProperty("spanId").GetBytesFromBase64())} {s.GetProperty("name")} {s.GetProperty("kind").GetString()![10..]}");

            Assert.Equal(expected, OtlpProtobuf.DecodeTraces(File.ReadAllBytes(file)).Spans.Select(s => $"{s.SpanId} {s.Name} {s.Kind.ToString().ToUpperInvariant()}"));
        }
    }

    [Fact]
    public void Every_captured_request_survives_encoding_by_googles_writer()
    {
        var files = JsonRequests();
        Assert.True(files.Count >= 18, $"Only {files.Count} captures in JSON.");
        foreach (var file in files)
        {
            var batch = OtlpJson.DecodeTraces(File.ReadAllBytes(file));
            Assert.Equal(0, batch.RejectedSpans);
            Assert.Equal(Text(batch.Spans), Text(OtlpProtobuf.DecodeTraces(OtlpEncoder.Encode(batch.Spans)).Spans));
        }
    }

    [Fact]
    public void All_attribute_types_events_links_and_status_arrive()
    {
        var span = OtlpJson.DecodeTraces(File.ReadAllBytes(Path.Combine(TestPaths.Golden("otlp"), "otlp-json-gzip", "001_POST__v1_traces.json"))).Spans.Single();

        Assert.Equal((OtlpSpanKind.Client, OtlpStatus.Error, "bad"), (span.Kind, span.Status, span.StatusMessage));
        Assert.Equal((1L, 1.5, true), (span.Attributes["gen_ai.usage.input_tokens"], span.Attributes["d"], span.Attributes["b"]));
        Assert.Equal([1L, 2L, 3L], Assert.IsType<List<object?>>(span.Attributes["arr"]));
        Assert.Equal("Error", span.Events.Single().Attributes.Text("exception.type"));
        Assert.Equal("b7ad6b7169203331", span.Links.Single().SpanId);
    }

    // What each provider call really used: reference/otlp-genai.md §7 and the README of the captures.
    [Theory]
    [InlineData("dotnet", 4 * 11 + 3, 4 * 5, 5)]
    [InlineData("grpc-dotnet", 4 * 11 + 3, 4 * 5, 5)]
    [InlineData("vercel-ai", 22, 10, 2)]
    [InlineData("otel-openai", 22 + 3, 10, 3)]
    [InlineData("promptfoo", 11, 5, 1)]
    [InlineData("langfuse", 22 + 11, 10 + 5, 3)] // two calls and the generation set by hand
    [InlineData("traceloop", 11 + 1, 5 + 2, 2)] // the SDK itself miscounts the stream
    [InlineData("openinference", 22, 10, 2)] // the SDK reports no tokens for the stream and the embedding
    public void Each_response_is_counted_once(string client, long input, long output, int calls)
    {
        var spans = JsonRequests().Where(f => f.Contains($"{Path.DirectorySeparatorChar}{client}{Path.DirectorySeparatorChar}", StringComparison.Ordinal))
            .SelectMany(f => OtlpJson.DecodeTraces(File.ReadAllBytes(f)).Spans).ToList();
        var billable = GenAi.Billable(spans);

        Assert.Equal((input, output, calls), (billable.Sum(b => b.Info.InputTokens ?? 0), billable.Sum(b => b.Info.OutputTokens ?? 0), billable.Count));
    }

    [Fact]
    public void Conventions_are_read_into_one_vocabulary()
    {
        GenAiInfo First(string client) => JsonRequests().Where(f => f.Contains($"{Path.DirectorySeparatorChar}{client}{Path.DirectorySeparatorChar}", StringComparison.Ordinal))
            .SelectMany(f => OtlpJson.DecodeTraces(File.ReadAllBytes(f)).Spans).Select(GenAi.Read).First(i => i is { IsInference: true, InputTokens: not null })!;

        Assert.Equal(("openinference", "gpt-4o-mini-2024-07-18", 2L, 1L, "chatcmpl-1"), (First("openinference").Dialect, First("openinference").Model, First("openinference").CacheReadTokens, First("openinference").ReasoningTokens, First("openinference").ResponseId));
        Assert.Equal(("traceloop", "chat", "gpt-4o-mini-2024-07-18"), (First("traceloop").Dialect, First("traceloop").Operation, First("traceloop").Model));
        Assert.Equal(["tool_calls"], First("traceloop").FinishReasons);
        Assert.Equal(("langfuse", "user-1", "sess-1"), (First("langfuse").Dialect, First("langfuse").UserId, First("langfuse").SessionId));
        Assert.Equal(("Say hi", "Hello world"), (First("promptfoo").Prompt, First("promptfoo").Completion));
        Assert.Contains("Hello world", First("vercel-ai").Completion, StringComparison.Ordinal);
    }

    [Fact]
    public void Level_error_of_langfuse_is_an_error()
    {
        var failing = OtlpJson.DecodeTraces(File.ReadAllBytes(Path.Combine(TestPaths.Golden("otlp"), "langfuse", "003_POST__api_public_otel_v1_traces.json"))).Spans.Single(s => s.Name == "failing");

        Assert.Equal((OtlpStatus.Unset, true), (failing.Status, GenAi.Read(failing)!.IsError));
    }

    private static List<string> Files(string pattern) => [.. Directory.EnumerateFiles(TestPaths.Golden("otlp"), pattern, SearchOption.AllDirectories).Order(StringComparer.Ordinal)];

    private static List<string> JsonRequests() =>
        [.. Files("*traces*.json").Where(f => f.EndsWith(".otlp.json", StringComparison.Ordinal)
            || (f.EndsWith("v1_traces.json", StringComparison.Ordinal) && !File.Exists(Path.ChangeExtension(f, ".otlp.json"))))];

    private static string Text(object value) => JsonSerializer.Serialize(value);
}
