using Pilothouse.Protocols.Wire;

namespace Pilothouse.Protocols.Otlp;

/// <summary>Decoder of one request in protobuf.</summary>
internal sealed class OtlpProtobufDecoder(OtlpBatchBuilder batch)
{
    private delegate void Reading(ReadOnlySpan<byte> message);

    public void Request(ReadOnlySpan<byte> message)
    {
        for (var r = new ProtoReader(message); r.Next();)
        {
            if (r.Is(1, WireType.Length))
                ResourceSpans(r.Bytes());
            else
                r.Skip();
        }
    }

    // The order of fields on the wire is free, so the resource is looked for before the spans that belong to it.
    private void ResourceSpans(ReadOnlySpan<byte> message)
    {
        var resource = new OtlpResource([]);
        string? fault = null;
        for (var r = new ProtoReader(message); r.Next();)
        {
            if (r.Is(1, WireType.Length))
                fault = Try(r.Bytes(), bytes => resource = new OtlpResource(AttributesOf(bytes, field: 1)));
            else
                r.Skip();
        }

        for (var r = new ProtoReader(message); r.Next();)
        {
            if (r.Is(2, WireType.Length))
                ScopeSpans(r.Bytes(), resource, fault);
            else
                r.Skip();
        }
    }

    private void ScopeSpans(ReadOnlySpan<byte> message, OtlpResource resource, string? fault)
    {
        var scope = OtlpScope.None;
        for (var r = new ProtoReader(message); r.Next();)
        {
            if (r.Is(1, WireType.Length))
                fault ??= Try(r.Bytes(), bytes => scope = Scope(bytes));
            else
                r.Skip();
        }

        for (var r = new ProtoReader(message); r.Next();)
        {
            if (!r.Is(2, WireType.Length))
            {
                r.Skip();
                continue;
            }

            var bytes = r.Bytes();
            if ((fault ?? Try(bytes, b => batch.Add(Span(b, resource, scope)))) is { } reason)
                batch.Reject(reason);
        }
    }

    private static string? Try(ReadOnlySpan<byte> message, Reading read)
    {
        try
        {
            read(message);
            return null;
        }
        catch (OtlpSpanFaultException e)
        {
            return e.Message;
        }
    }

    private OtlpScope Scope(ReadOnlySpan<byte> message)
    {
        var (name, version) = ("", "");
        for (var r = new ProtoReader(message); r.Next();)
        {
            if (r.Is(1, WireType.Length))
                name = r.Text();
            else if (r.Is(2, WireType.Length))
                version = r.Text();
            else
                r.Skip();
        }

        return new OtlpScope(name, version, AttributesOf(message, field: 3));
    }

    private OtlpSpan Span(ReadOnlySpan<byte> message, OtlpResource resource, OtlpScope scope)
    {
        var (traceId, spanId, parent, state, name, statusMessage) = ("", "", "", "", "", "");
        var (kind, status) = (0UL, 0UL);
        var (start, end) = (0L, 0L);
        var attributes = new OtlpAttributes();
        var events = new List<OtlpEvent>();
        var links = new List<OtlpLink>();
        for (var r = new ProtoReader(message); r.Next();)
        {
            switch (r.Field, r.Type)
            {
                case (1, WireType.Length): traceId = Hex(r.Bytes()); break;
                case (2, WireType.Length): spanId = Hex(r.Bytes()); break;
                case (3, WireType.Length): state = r.Text(); break;
                case (4, WireType.Length): parent = Hex(r.Bytes()); break;
                case (5, WireType.Length): name = r.Text(); break;
                case (6, WireType.Varint): kind = r.Varint(); break;
                case (7, WireType.Fixed64): start = OtlpBatchBuilder.Nanoseconds(r.Fixed64()); break;
                case (8, WireType.Fixed64): end = OtlpBatchBuilder.Nanoseconds(r.Fixed64()); break;
                case (9, WireType.Length): AddAttribute(r.Bytes(), attributes, 0); break;
                case (11, WireType.Length):
                    batch.Count(events.Count, OtlpLimits.MaxEvents, "events");
                    events.Add(Event(r.Bytes()));
                    break;
                case (13, WireType.Length):
                    batch.Count(links.Count, OtlpLimits.MaxEvents, "links");
                    links.Add(Link(r.Bytes()));
                    break;
                case (15, WireType.Length): (status, statusMessage) = Status(r.Bytes()); break;
                default: r.Skip(); break;
            }
        }

        return new OtlpSpan
        {
            TraceId = traceId,
            SpanId = spanId,
            ParentSpanId = parent.Length == 0 ? null : parent,
            TraceState = state,
            Name = name,
            Kind = kind <= 5 ? (OtlpSpanKind)kind : OtlpSpanKind.Unspecified,
            StartNano = start,
            EndNano = end,
            Status = status <= 2 ? (OtlpStatus)status : OtlpStatus.Unset,
            StatusMessage = statusMessage,
            Attributes = attributes,
            Events = events,
            Links = links,
            Resource = resource,
            Scope = scope,
        };
    }

    private static (ulong Code, string Message) Status(ReadOnlySpan<byte> message)
    {
        var (code, text) = (0UL, "");
        for (var r = new ProtoReader(message); r.Next();)
        {
            if (r.Is(2, WireType.Length))
                text = r.Text();
            else if (r.Is(3, WireType.Varint))
                code = r.Varint();
            else
                r.Skip();
        }

        return (code, text);
    }

    private OtlpEvent Event(ReadOnlySpan<byte> message)
    {
        var (time, name) = (0L, "");
        for (var r = new ProtoReader(message); r.Next();)
        {
            if (r.Is(1, WireType.Fixed64))
                time = OtlpBatchBuilder.Nanoseconds(r.Fixed64());
            else if (r.Is(2, WireType.Length))
                name = r.Text();
            else
                r.Skip();
        }

        return new OtlpEvent(name, time, AttributesOf(message, field: 3));
    }

    private OtlpLink Link(ReadOnlySpan<byte> message)
    {
        var (traceId, spanId, state) = ("", "", "");
        for (var r = new ProtoReader(message); r.Next();)
        {
            if (r.Is(1, WireType.Length))
                traceId = Hex(r.Bytes());
            else if (r.Is(2, WireType.Length))
                spanId = Hex(r.Bytes());
            else if (r.Is(3, WireType.Length))
                state = r.Text();
            else
                r.Skip();
        }

        return new OtlpLink(traceId, spanId, state, AttributesOf(message, field: 4));
    }

    private OtlpAttributes AttributesOf(ReadOnlySpan<byte> message, int field)
    {
        var attributes = new OtlpAttributes();
        for (var r = new ProtoReader(message); r.Next();)
        {
            if (r.Is(field, WireType.Length))
                AddAttribute(r.Bytes(), attributes, 0);
            else
                r.Skip();
        }

        return attributes;
    }

    private void AddAttribute(ReadOnlySpan<byte> message, OtlpAttributes into, int depth)
    {
        var key = "";
        object? value = null;
        for (var r = new ProtoReader(message); r.Next();)
        {
            if (r.Is(1, WireType.Length))
                key = r.Text();
            else if (r.Is(2, WireType.Length))
                value = Value(r.Bytes(), depth);
            else
                r.Skip();
        }

        batch.Count(into.Count, OtlpLimits.MaxAttributes, "attributes");
        into[key] = value;
    }

    private object? Value(ReadOnlySpan<byte> message, int depth)
    {
        OtlpBatchBuilder.CheckDepth(depth);
        object? value = null;
        for (var r = new ProtoReader(message); r.Next();)
        {
            switch (r.Field, r.Type)
            {
                case (1, WireType.Length): value = r.Text(); break;
                case (2, WireType.Varint): value = r.Varint() != 0; break;
                case (3, WireType.Varint): value = (long)r.Varint(); break;
                case (4, WireType.Fixed64): value = r.Double(); break;
                case (5, WireType.Length): value = List(r.Bytes(), depth + 1); break;
                case (6, WireType.Length): value = Map(r.Bytes(), depth + 1); break;
                case (7, WireType.Length): value = r.Bytes().ToArray(); break;
                default: r.Skip(); break;
            }
        }

        return value;
    }

    private List<object?> List(ReadOnlySpan<byte> message, int depth)
    {
        var list = new List<object?>();
        for (var r = new ProtoReader(message); r.Next();)
        {
            if (r.Is(1, WireType.Length))
            {
                batch.Count(list.Count, OtlpLimits.MaxListItems, "items in a list");
                list.Add(Value(r.Bytes(), depth));
            }
            else
            {
                r.Skip();
            }
        }

        return list;
    }

    private OtlpAttributes Map(ReadOnlySpan<byte> message, int depth)
    {
        var map = new OtlpAttributes();
        for (var r = new ProtoReader(message); r.Next();)
        {
            if (r.Is(1, WireType.Length))
                AddAttribute(r.Bytes(), map, depth);
            else
                r.Skip();
        }

        return map;
    }

    private static string Hex(ReadOnlySpan<byte> id) => id.Length <= 16 ? Convert.ToHexStringLower(id) : "too long";
}
