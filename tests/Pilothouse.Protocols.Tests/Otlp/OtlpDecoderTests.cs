using System.Text;
using System.Text.Json;
using Google.Protobuf;
using Pilothouse.Protocols.Otlp;

namespace Pilothouse.Protocols.Tests.Otlp;

public sealed class OtlpDecoderTests
{
    private const string Good = """{"traceId":"0AF7651916CD43DD8448EB211C80319C","spanId":"b7ad6b7169203331","name":"a","kind":1,"startTimeUnixNano":"5","endTimeUnixNano":7,"attributes":[{"key":"k","value":{"kvlistValue":{"values":[{"key":"n","value":{"bytesValue":"AQI="}},{"key":"e","value":{}}]}}}]}""";

    [Fact]
    public void Bad_spans_are_refused_alone()
    {
        var batch = Json(Good, """{"traceId":"00000000000000000000000000000000","spanId":"b7ad6b7169203331"}""", """{"traceId":"xyz","spanId":"1"}""");

        Assert.Equal("0af7651916cd43dd8448eb211c80319c", Assert.Single(batch.Spans).TraceId);
        Assert.Equal(2, batch.RejectedSpans);
        Assert.Contains("traceId", batch.ErrorMessage, StringComparison.Ordinal);
    }

    [Fact]
    public void Empty_requests_are_successes()
    {
        Assert.Empty(OtlpProtobuf.DecodeTraces([]).Spans);
        Assert.Empty(OtlpJson.DecodeTraces("{}"u8.ToArray()).Spans);
        Assert.Empty(OtlpProtobuf.EncodeTraceResponse(0, null));
        Assert.Equal("{}", Encoding.UTF8.GetString(OtlpJson.EncodeTraceResponse(0, null)));
    }

    [Fact]
    public void Partial_success_is_readable_by_googles_reader()
    {
        var input = new CodedInputStream(OtlpProtobuf.EncodeTraceResponse(3, "bad id"));
        Assert.Equal(WireFormat.MakeTag(1, WireFormat.WireType.LengthDelimited), input.ReadTag());
        var partial = new CodedInputStream(input.ReadBytes().ToByteArray());
        Assert.Equal(WireFormat.MakeTag(1, WireFormat.WireType.Varint), partial.ReadTag());
        Assert.Equal(3, partial.ReadInt64());
        partial.ReadTag();
        Assert.Equal("bad id", partial.ReadString());
        Assert.Equal("""{"partialSuccess":{"rejectedSpans":"3","errorMessage":"bad id"}}""", Encoding.UTF8.GetString(OtlpJson.EncodeTraceResponse(3, "bad id")));
    }

    [Fact]
    public void Deep_values_refuse_the_span_not_the_request()
    {
        var value = """{"stringValue":"x"}""";
        for (var i = 0; i <= OtlpLimits.MaxValueDepth; i++)
            value = $$$"""{"arrayValue":{"values":[{{{value}}}]}}""";
        var batch = Json(Good, $$$"""{"traceId":"0af7651916cd43dd8448eb211c80319c","spanId":"b7ad6b7169203332","attributes":[{"key":"k","value":{{{value}}}}]}""");

        Assert.Single(batch.Spans);
        Assert.Contains("nested deeper", batch.ErrorMessage, StringComparison.Ordinal);
    }

    [Fact]
    public void Protobuf_nested_beyond_any_stack_is_refused()
    {
        var value = Array.Empty<byte>();
        for (var i = 0; i < 5_000; i++)
            value = Field(5, Field(1, value));
        var span = (byte[])[.. Field(1, new byte[16].Select(_ => (byte)1).ToArray()), .. Field(2, new byte[8].Select(_ => (byte)1).ToArray()), .. Field(9, Field(2, value))];

        Assert.Equal(1, OtlpProtobuf.DecodeTraces(Field(1, Field(2, Field(2, span)))).RejectedSpans);
    }

    [Fact]
    public void Millions_of_empty_events_are_refused()
    {
        var events = Enumerable.Repeat(Field(11, []), OtlpLimits.MaxEvents - 1).SelectMany(b => b).ToArray();
        var span = (byte[])[.. Field(1, new byte[16].Select(_ => (byte)1).ToArray()), .. Field(2, new byte[8].Select(_ => (byte)1).ToArray()), .. events];
        var spans = Enumerable.Repeat(Field(2, span), 250).SelectMany(b => b).ToArray();

        var e = Assert.Throws<ProtocolFormatException>(() => OtlpProtobuf.DecodeTraces(Field(1, Field(2, spans))));
        Assert.Contains("smaller batches", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Mutations_give_only_the_named_error()
    {
        var request = """{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"s"}}]},"scopeSpans":[{"scope":{"name":"x"},"spans":[""" + Good + "]}]}]}";
        Mutations.OnlyNamedErrors(request, text => OtlpJson.DecodeTraces(Encoding.UTF8.GetBytes(text)), 5_000);
        Mutations.OnlyNamedErrors(OtlpEncoder.Encode(OtlpJson.DecodeTraces(Encoding.UTF8.GetBytes(request)).Spans), bytes => OtlpProtobuf.DecodeTraces(bytes), 5_000);
    }

    [Fact]
    public void Circle_of_parents_does_not_hang_the_count()
    {
        var spans = new[] { ("1", "2"), ("2", "1") }.Select(p => new OtlpSpan
        {
            TraceId = "t",
            SpanId = p.Item1,
            ParentSpanId = p.Item2,
            Resource = new OtlpResource([]),
            Scope = OtlpScope.None,
            Attributes = new OtlpAttributes { ["gen_ai.operation.name"] = "chat", ["gen_ai.usage.input_tokens"] = 1L },
        }).ToList();

        Assert.True(GenAi.Billable(spans).Count <= 2);
    }

    private static OtlpTraceBatch Json(params string[] spans) =>
        OtlpJson.DecodeTraces(Encoding.UTF8.GetBytes($$$"""{"resourceSpans":[{"scopeSpans":[{"spans":[{{{string.Join(',', spans)}}}]}]}]}"""));

    private static byte[] Field(int field, byte[] message)
    {
        using var stream = new MemoryStream();
        using (var output = new CodedOutputStream(stream, leaveOpen: true))
        {
            output.WriteTag(field, WireFormat.WireType.LengthDelimited);
            output.WriteBytes(ByteString.CopyFrom(message));
        }

        return stream.ToArray();
    }
}
