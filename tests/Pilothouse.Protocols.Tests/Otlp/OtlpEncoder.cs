using Google.Protobuf;
using Pilothouse.Protocols.Otlp;

namespace Pilothouse.Protocols.Tests.Otlp;

/// <summary>Encodes spans with Google's own protobuf writer: the independent other side of our reader.</summary>
internal static class OtlpEncoder
{
    public static byte[] Encode(IReadOnlyList<OtlpSpan> spans) => Message(request =>
    {
        foreach (var resource in spans.GroupBy(s => s.Resource))
        {
            request.Nested(1, resourceSpans =>
            {
                foreach (var scope in resource.GroupBy(s => s.Scope))
                {
                    resourceSpans.Nested(2, scopeSpans =>
                    {
                        foreach (var span in scope)
                            scopeSpans.Nested(2, s => Span(s, span));

                        // Last on purpose: the order of fields is free.
                        scopeSpans.Nested(1, s => s.Text(1, scope.Key.Name).Text(2, scope.Key.Version).Attributes(3, scope.Key.Attributes));
                    });
                }

                resourceSpans.Nested(1, r => r.Attributes(1, resource.Key.Attributes));
            });
        }
    });

    private static void Span(Writer w, OtlpSpan span)
    {
        w.Bytes(1, Convert.FromHexString(span.TraceId)).Bytes(2, Convert.FromHexString(span.SpanId)).Text(3, span.TraceState);
        if (span.ParentSpanId is { } parent)
            w.Bytes(4, Convert.FromHexString(parent));
        w.Text(5, span.Name).Number(6, (int)span.Kind).Fixed(7, span.StartNano).Fixed(8, span.EndNano).Attributes(9, span.Attributes);
        foreach (var e in span.Events)
            w.Nested(11, n => n.Fixed(1, e.TimeNano).Text(2, e.Name).Attributes(3, e.Attributes));
        foreach (var l in span.Links)
            w.Nested(13, n => n.Bytes(1, Convert.FromHexString(l.TraceId)).Bytes(2, Convert.FromHexString(l.SpanId)).Text(3, l.TraceState).Attributes(4, l.Attributes));
        w.Nested(15, n => n.Text(2, span.StatusMessage).Number(3, (int)span.Status));
    }

    private static byte[] Message(Action<Writer> write)
    {
        using var stream = new MemoryStream();
        using (var output = new CodedOutputStream(stream, leaveOpen: true))
            write(new Writer(output));
        return stream.ToArray();
    }

    private sealed class Writer(CodedOutputStream output)
    {
        public Writer Bytes(int field, byte[] value)
        {
            output.WriteTag(field, WireFormat.WireType.LengthDelimited);
            output.WriteBytes(ByteString.CopyFrom(value));
            return this;
        }

        public Writer Text(int field, string value)
        {
            output.WriteTag(field, WireFormat.WireType.LengthDelimited);
            output.WriteString(value);
            return this;
        }

        public Writer Number(int field, long value)
        {
            output.WriteTag(field, WireFormat.WireType.Varint);
            output.WriteInt64(value);
            return this;
        }

        public Writer Fixed(int field, long value)
        {
            output.WriteTag(field, WireFormat.WireType.Fixed64);
            output.WriteFixed64((ulong)value);
            return this;
        }

        public Writer Nested(int field, Action<Writer> write) => Bytes(field, Message(write));

        public Writer Attributes(int field, OtlpAttributes attributes)
        {
            foreach (var (key, value) in attributes)
                Nested(field, n => n.Text(1, key).Nested(2, v => Value(v, value)));
            return this;
        }

        private static void Value(Writer w, object? value)
        {
            switch (value)
            {
                case string text: w.Text(1, text); break;
                case bool flag: w.Number(2, flag ? 1 : 0); break;
                case long number: w.Number(3, number); break;
                case double number:
                    w.Double(4, number);
                    break;
                case List<object?> list:
                    w.Nested(5, l =>
                    {
                        foreach (var item in list)
                            l.Nested(1, v => Value(v, item));
                    });
                    break;
                case OtlpAttributes map: w.Nested(6, m => m.Attributes(1, map)); break;
                case byte[] bytes: w.Bytes(7, bytes); break;
                default: break;
            }
        }

        private void Double(int field, double value)
        {
            output.WriteTag(field, WireFormat.WireType.Fixed64);
            output.WriteDouble(value);
        }
    }
}
