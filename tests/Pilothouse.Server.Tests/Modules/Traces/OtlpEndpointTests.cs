using System.IO.Compression;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Traces.Api;
using Pilothouse.Testing;

namespace Pilothouse.Server.Tests.Modules.Traces;

public class OtlpEndpointTests
{
    private const string Good = """{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"shop"}}]},"scopeSpans":[{"spans":[{"traceId":"5B8EFFF798038103D269B633813FC60C","spanId":"EEE19B7EC3C1B174","name":"hello","startTimeUnixNano":"1544712660000000000","endTimeUnixNano":1544712661000000000,"status":{"code":2}}]}]}]}""";
    private const string TraceId = "5b8efff798038103d269b633813fc60c";

    /// <summary>Every trace body that real SDKs sent is accepted, durable and found again.</summary>
    [Theory, DatabaseData]
    public async Task Recorded_clients_are_accepted_and_found_again(string kind)
    {
        if (RepoRoot.Shared("golden", "otlp") is not { } golden) { Assert.Skip("The recordings (../shared/golden/otlp) are not here."); return; }
        await using var server = await TestServer.StartAsync(kind);
        var bodies = Directory.EnumerateFiles(golden, "*", SearchOption.AllDirectories)
            .Where(f => Path.GetFileName(f).Contains("traces", StringComparison.Ordinal) && (f.EndsWith(".pb", StringComparison.Ordinal) || f.EndsWith(".otlp.json", StringComparison.Ordinal))).Order().ToList();
        Assert.True(bodies.Count >= 8, $"{bodies.Count} bodies");
        var expected = new HashSet<(string, string)>();
        foreach (var file in bodies)
        {
            var protobuf = file.EndsWith(".pb", StringComparison.Ordinal);
            using var response = await server.Http.PostAsync("/v1/traces", Body(await File.ReadAllBytesAsync(file), protobuf ? "application/x-protobuf" : "application/json"));
            Assert.True(response.StatusCode == HttpStatusCode.OK, $"{file}: {await response.Content.ReadAsStringAsync()}");
            Assert.Equal(protobuf ? "" : "{}", await response.Content.ReadAsStringAsync());
            if (!protobuf) expected.UnionWith(Ids(await File.ReadAllTextAsync(file)));
        }
        var found = new HashSet<(string, string)>();
        foreach (var trace in (await server.Service<ITraces>().ListAsync(new TraceQuery(Limit: 1000), default)).Items)
            found.UnionWith((await server.Service<ITraces>().GetAsync(trace.TraceId, default)).Spans.Select(s => (s.TraceId, s.SpanId)));
        Assert.NotEmpty(expected);
        Assert.Superset(expected, found);
    }

    [Fact]
    public async Task Gzip_and_both_encodings_are_taken_and_the_native_api_shows_the_trace()
    {
        await using var server = await TestServer.StartAsync();
        var content = Body(Gzip(Encoding.UTF8.GetBytes(Good)), "application/json; charset=utf-8");
        content.Headers.ContentEncoding.Add("gzip");
        using var response = await server.Http.PostAsync("/v1/traces", content);
        Assert.Equal(("{}", "application/json"), (await response.Content.ReadAsStringAsync(), response.Content.Headers.ContentType!.MediaType));

        var list = JsonDocument.Parse(await server.Http.GetStringAsync("/api/v1/traces?service=shop&limit=1")).RootElement.GetProperty("items");
        var detail = JsonDocument.Parse(await server.Http.GetStringAsync($"/api/v1/traces/{TraceId}")).RootElement;
        using var none = await server.Http.GetAsync("/api/v1/traces/00");
        Assert.Equal((TraceId, 1000.0, 1), (list[0].GetProperty("trace_id").GetString(), list[0].GetProperty("duration_ms").GetDouble(), list[0].GetProperty("errors").GetInt32()));
        Assert.Equal("hello", detail.GetProperty("spans")[0].GetProperty("name").GetString());
        Assert.Equal(HttpStatusCode.NotFound, none.StatusCode);
    }

    [Fact]
    public async Task Bad_spans_are_refused_alone_as_partial_success()
    {
        await using var server = await TestServer.StartAsync();
        var body = Good.Replace("\"spans\":[", "\"spans\":[{\"traceId\":\"00\",\"spanId\":\"01\",\"name\":\"bad\"},", StringComparison.Ordinal);
        using var response = await server.Http.PostAsync("/v1/traces", Body(Encoding.UTF8.GetBytes(body), "application/json"));
        var partial = JsonDocument.Parse(await response.Content.ReadAsStringAsync()).RootElement.GetProperty("partialSuccess");
        Assert.Equal((HttpStatusCode.OK, "1"), (response.StatusCode, partial.GetProperty("rejectedSpans").GetString()));
        Assert.NotEmpty(partial.GetProperty("errorMessage").GetString()!);
        Assert.Single((await server.Service<ITraces>().GetAsync(TraceId, default)).Spans);
    }

    [Theory]
    [InlineData("/v1/traces", "application/x-protobuf", "not protobuf", 400, 3)]
    [InlineData("/v1/traces", "application/json", "{\"resourceSpans\":7}", 400, 3)]
    [InlineData("/v1/traces", "application/json", "{", 400, 3)]
    [InlineData("/v1/traces", "text/plain", "hello", 415, 3)]
    [InlineData("/v1/logs", "application/json", "{}", 501, 12)]
    [InlineData("/v1/metrics", "application/x-protobuf", "", 501, 12)]
    public async Task Failures_are_a_status_in_the_encoding_of_the_request(string path, string type, string body, int status, int code)
    {
        await using var server = await TestServer.StartAsync();
        using var response = await server.Http.PostAsync(path, Body(Encoding.UTF8.GetBytes(body), type));
        var content = await response.Content.ReadAsByteArrayAsync();
        Assert.Equal(status, (int)response.StatusCode);
        if (type == "application/json") Assert.Equal(code, JsonDocument.Parse(content).RootElement.GetProperty("code").GetInt32());
        else Assert.Equal([0x08, (byte)code, 0x12], content[..3]); // google.rpc.Status: field 1 code, field 2 message
    }

    [Fact]
    public async Task A_gzip_bomb_and_broken_gzip_are_refused()
    {
        await using var server = await TestServer.StartAsync();
        var bomb = Body(Gzip(new byte[80 * 1024 * 1024]), "application/x-protobuf");
        bomb.Headers.ContentEncoding.Add("gzip");
        var broken = Body("not gzip"u8.ToArray(), "application/x-protobuf");
        broken.Headers.ContentEncoding.Add("gzip");
        var other = Body("x"u8.ToArray(), "application/x-protobuf");
        other.Headers.ContentEncoding.Add("br");
        using var first = await server.Http.PostAsync("/v1/traces", bomb);
        using var second = await server.Http.PostAsync("/v1/traces", broken);
        using var third = await server.Http.PostAsync("/v1/traces", other);
        Assert.Equal((413, 400, 415), ((int)first.StatusCode, (int)second.StatusCode, (int)third.StatusCode));
    }

    private static IEnumerable<(string, string)> Ids(string json) =>
        from resource in Array(JsonDocument.Parse(json).RootElement, "resourceSpans")
        from scope in Array(resource, "scopeSpans")
        from span in Array(scope, "spans")
        select (span.GetProperty("traceId").GetString()!.ToLowerInvariant(), span.GetProperty("spanId").GetString()!.ToLowerInvariant());

    private static JsonElement.ArrayEnumerator Array(JsonElement json, string name) => json.TryGetProperty(name, out var array) ? array.EnumerateArray() : default;

    private static ByteArrayContent Body(byte[] body, string type) => new(body) { Headers = { ContentType = MediaTypeHeaderValue.Parse(type) } };

    private static byte[] Gzip(byte[] content)
    {
        using var output = new MemoryStream();
        using (var gzip = new GZipStream(output, CompressionLevel.Optimal)) gzip.Write(content);
        return output.ToArray();
    }
}
