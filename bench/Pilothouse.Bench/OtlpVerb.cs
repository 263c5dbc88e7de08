using System.Buffers.Binary;
using System.Net.Http.Headers;
using System.Text;

namespace Pilothouse.Bench;

/// <summary>OTLP spans, acknowledged = durable, then lists and searches over them. A trace is an agent with two tool calls, a retrieval and a model call.</summary>
internal static class OtlpVerb
{
    private const int SpansPerTrace = 5;
    private const int LongTrace = 10_000;

    public static async Task RunAsync(BenchOptions options)
    {
        await using var server = await BenchServer.StartAsync(options);
        var traces = Math.Max(1, options.Batch / SpansPerTrace);
        await SendAsync(server, Request(int.MaxValue, 1)); // the first request compiles
        var requests = Enumerable.Range(0, options.Clients * options.Requests).Select(number => Request(number, traces)).ToArray();
        var load = await Load.RunAsync(options.Clients, options.Requests, (client, i) => SendAsync(server, requests[client * options.Requests + i]));
        var spans = (long)traces * SpansPerTrace * options.Clients * options.Requests;
        Load.Row($"OTLP spans, {traces * SpansPerTrace} a request, {options.Clients} clients, spans/s", $"{spans / load.Seconds:N0}");
        Load.Row("  a request, p50 / p99 ms", $"{load.Percentile(0.5):0.0} / {load.Percentile(0.99):0.0}");
        await SendAsync(server, LongRequest());
        await GetAsync(server, $"traces in the list, {spans:N0} spans, p50 / p95 ms", "api/v1/traces?limit=50", 50);
        await GetAsync(server, "the list with a text, p50 / p95 ms", "api/v1/traces?limit=50&text=order%2017", 20);
        await PostAsync(server, "MLflow search, newest 100, p50 / p95 ms", "");
        await PostAsync(server, "MLflow search by state and time, p50 / p95 ms", "status = 'ERROR' AND timestamp_ms > 0");
        await PostAsync(server, "MLflow search by span, p50 / p95 ms", "span.name = 'search orders' AND span.status = 'OK'");
        await PostAsync(server, "MLflow search that finds nothing, p50 / p95 ms", "tags.none = 'x'");
        await GetAsync(server, "a trace of 10,000 spans, p50 / p95 ms", $"api/v1/traces/{Hex(long.MaxValue)}", 5);
    }

    private static async Task GetAsync(BenchServer server, string what, string path, int times)
    {
        var load = await Load.RunAsync(1, times, async (_, _) =>
        {
            using var response = (await server.Http.GetAsync(path)).EnsureSuccessStatusCode();
            await response.Content.CopyToAsync(Stream.Null);
        });
        Load.Row(what, $"{load.Percentile(0.5):0.0} / {load.Percentile(0.95):0.0}");
    }

    private static async Task PostAsync(BenchServer server, string what, string filter)
    {
        var body = Encoding.UTF8.GetBytes("{\"locations\": [{\"type\": \"MLFLOW_EXPERIMENT\", \"mlflow_experiment\": {\"experiment_id\": \"0\"}}], \"max_results\": 100, \"filter\": \"" + filter + "\"}");
        var load = await Load.RunAsync(1, 20, (_, _) => server.Http.PostAsync("api/3.0/mlflow/traces/search", body));
        Load.Row(what, $"{load.Percentile(0.5):0.0} / {load.Percentile(0.95):0.0}");
    }

    private static async Task SendAsync(BenchServer server, byte[] body)
    {
        using var content = new ByteArrayContent(body) { Headers = { ContentType = new MediaTypeHeaderValue("application/x-protobuf") } };
        using var response = await server.Http.PostAsync("v1/traces", content);
        response.EnsureSuccessStatusCode();
    }

    private static byte[] Request(int number, int traces)
    {
        var scope = new List<byte>();
        for (var t = 0; t < traces; t++)
        {
            var trace = (long)number * 1_000_000 + t + 1;
            var start = 1_767_225_600_000_000_000 + trace * 1_000;
            Field(scope, 2, Span(trace, 1, 0, "answer", start, 900, trace % 50 == 0, ("session.id", $"s{trace % 1000}")));
            Field(scope, 2, Span(trace, 2, 1, "search orders", start + 1000, 100, isError: false, ("tool", "orders")));
            Field(scope, 2, Span(trace, 3, 1, "retrieve", start + 2000, 100, isError: false, ("documents", "4")));
            Field(scope, 2, Span(trace, 4, 1, "chat assistant", start + 3000, 500, isError: false, ("gen_ai.operation.name", "chat"), ("gen_ai.request.model", "assistant"), ("gen_ai.usage.input_tokens", "212"),
                ("gen_ai.usage.output_tokens", "48"), ("gen_ai.input.messages", $$"""[{"role":"user","content":"Where is order {{trace}}?"}]"""), ("gen_ai.output.messages", """[{"role":"assistant","content":"On its way."}]""")));
            Field(scope, 2, Span(trace, 5, 4, "tokenize", start + 3100, 10, isError: false));
        }
        return Envelope(scope);
    }

    private static byte[] LongRequest()
    {
        var scope = new List<byte>();
        for (var i = 1; i <= LongTrace; i++) Field(scope, 2, Span(long.MaxValue, i, i / 10, $"step {i}", 1_767_225_600_000_000_000 + i * 1000L, 500, isError: false, ("n", $"{i}")));
        return Envelope(scope);
    }

    private static byte[] Envelope(List<byte> scope)
    {
        List<byte> resource = [], resourceSpans = [], request = [];
        Field(resource, 1, Attribute("service.name", "bench"));
        Field(resourceSpans, 1, resource);
        Field(resourceSpans, 2, scope);
        Field(request, 1, resourceSpans);
        return [.. request];
    }

    private static List<byte> Span(long trace, int id, int parent, string name, long start, long microseconds, bool isError, params (string Key, string Value)[] attributes)
    {
        var span = new List<byte>();
        Field(span, 1, Convert.FromHexString(Hex(trace)));
        Field(span, 2, Id(id));
        if (parent > 0) Field(span, 4, Id(parent));
        Field(span, 5, Encoding.UTF8.GetBytes(name));
        Fixed(span, 7, start);
        Fixed(span, 8, start + microseconds * 1000);
        foreach (var (key, value) in attributes) Field(span, 9, Attribute(key, value));
        Field(span, 15, [3 << 3, (byte)(isError ? 2 : 1)]);
        return span;
    }

    private static List<byte> Attribute(string key, string value)
    {
        List<byte> text = [], attribute = [];
        Field(text, 1, Encoding.UTF8.GetBytes(value));
        Field(attribute, 1, Encoding.UTF8.GetBytes(key));
        Field(attribute, 2, text);
        return attribute;
    }

    private static string Hex(long trace) => $"{trace:x32}";

    private static byte[] Id(int id)
    {
        var bytes = new byte[8];
        BinaryPrimitives.WriteInt64BigEndian(bytes, id);
        return bytes;
    }

    private static void Field(List<byte> message, int number, IReadOnlyCollection<byte> value)
    {
        Varint(message, (uint)(number << 3 | 2));
        Varint(message, (uint)value.Count);
        message.AddRange(value);
    }

    private static void Fixed(List<byte> message, int number, long value)
    {
        Varint(message, (uint)(number << 3 | 1));
        var bytes = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, value);
        message.AddRange(bytes);
    }

    private static void Varint(List<byte> message, uint value)
    {
        for (; value >= 0x80; value >>= 7) message.Add((byte)(value | 0x80));
        message.Add((byte)value);
    }
}
