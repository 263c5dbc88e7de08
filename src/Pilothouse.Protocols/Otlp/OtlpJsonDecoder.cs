using System.Globalization;
using System.Text.Json;

namespace Pilothouse.Protocols.Otlp;

/// <summary>Decoder of one request in JSON.</summary>
internal sealed class OtlpJsonDecoder(OtlpBatchBuilder batch)
{
    public void Request(JsonElement root)
    {
        foreach (var resourceSpans in Items(root, "resourceSpans"))
            ResourceSpans(resourceSpans);
    }

    private void ResourceSpans(JsonElement element)
    {
        var resource = new OtlpResource([]);
        var fault = Try(() => resource = new OtlpResource(Attributes(Child(element, "resource"))));
        foreach (var scopeSpans in Items(element, "scopeSpans"))
        {
            var scope = OtlpScope.None;
            var scopeFault = fault ?? Try(() => scope = Scope(Child(scopeSpans, "scope")));
            foreach (var span in Items(scopeSpans, "spans"))
            {
                if ((scopeFault ?? Try(() => batch.Add(Span(span, resource, scope)))) is { } reason)
                    batch.Reject(reason);
            }
        }
    }

    private static string? Try(Action read)
    {
        try
        {
            read();
            return null;
        }
        catch (OtlpSpanFaultException e)
        {
            return e.Message;
        }
    }

    private OtlpScope Scope(JsonElement? element) =>
        element is null ? OtlpScope.None : new OtlpScope(Text(element, "name"), Text(element, "version"), Attributes(element));

    private OtlpSpan Span(JsonElement span, OtlpResource resource, OtlpScope scope)
    {
        var status = Child(span, "status");
        var parent = Id(span, "parentSpanId");
        var (kind, code) = (Enum(span, "kind"), Enum(status, "code"));
        return new OtlpSpan
        {
            TraceId = Id(span, "traceId"),
            SpanId = Id(span, "spanId"),
            ParentSpanId = parent.Length == 0 ? null : parent,
            TraceState = Text(span, "traceState"),
            Name = Text(span, "name"),
            Kind = kind is >= 0 and <= 5 ? (OtlpSpanKind)kind : OtlpSpanKind.Unspecified,
            StartNano = Nanoseconds(span, "startTimeUnixNano"),
            EndNano = Nanoseconds(span, "endTimeUnixNano"),
            Status = code is >= 0 and <= 2 ? (OtlpStatus)code : OtlpStatus.Unset,
            StatusMessage = Text(status, "message"),
            Attributes = Attributes(span),
            Events = Bounded(span, "events", e => new OtlpEvent(Text(e, "name"), Nanoseconds(e, "timeUnixNano"), Attributes(e))),
            Links = Bounded(span, "links", l => new OtlpLink(Id(l, "traceId"), Id(l, "spanId"), Text(l, "traceState"), Attributes(l))),
            Resource = resource,
            Scope = scope,
        };
    }

    private List<T> Bounded<T>(JsonElement span, string name, Func<JsonElement, T> read)
    {
        var list = new List<T>();
        foreach (var item in Items(span, name))
        {
            batch.Count(list.Count, OtlpLimits.MaxEvents, name);
            list.Add(read(item));
        }

        return list;
    }

    private OtlpAttributes Attributes(JsonElement? owner) => owner is { } element ? Map(element, "attributes", 0) : [];

    private OtlpAttributes Map(JsonElement owner, string name, int depth)
    {
        var map = new OtlpAttributes();
        foreach (var item in Items(owner, name))
        {
            batch.Count(map.Count, OtlpLimits.MaxAttributes, "attributes");
            map[Text(item, "key")] = Value(Child(item, "value"), depth);
        }

        return map;
    }

    // {"stringValue":"a"} | {"intValue":"5"} | {"arrayValue":{"values":[...]}} | {"kvlistValue":{"values":[{"key":..,"value":..}]}}
    private object? Value(JsonElement? element, int depth)
    {
        OtlpBatchBuilder.CheckDepth(depth);
        if (element is not { } any)
            return null;
        foreach (var property in any.EnumerateObject())
        {
            switch (property.Name)
            {
                case "stringValue": return property.Value.GetString();
                case "boolValue": return property.Value.GetBoolean();
                case "intValue": return Integer(property.Value);
                case "doubleValue": return Number(property.Value);
                case "bytesValue": return property.Value.GetBytesFromBase64();
                case "arrayValue": return List(property.Value, depth + 1);
                case "kvlistValue": return Map(property.Value, "values", depth + 1);
                default: break;
            }
        }

        return null;
    }

    private List<object?> List(JsonElement owner, int depth)
    {
        var list = new List<object?>();
        foreach (var item in Items(owner, "values"))
        {
            batch.Count(list.Count, OtlpLimits.MaxListItems, "items in a list");
            list.Add(Value(item, depth));
        }

        return list;
    }

    private static long Integer(JsonElement value) => value.ValueKind == JsonValueKind.String
        ? long.Parse(value.GetString()!, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture)
        : value.TryGetInt64(out var integer) ? integer : throw new ProtocolFormatException("An intValue is not a 64-bit integer.");

    private static double Number(JsonElement value) => value.ValueKind == JsonValueKind.String
        ? double.Parse(value.GetString()!, NumberStyles.Float, CultureInfo.InvariantCulture)
        : value.GetDouble();

    private static long Nanoseconds(JsonElement owner, string name)
    {
        if (!owner.TryGetProperty(name, out var value) || value.ValueKind == JsonValueKind.Null)
            return 0;
        var isRead = value.ValueKind == JsonValueKind.String
            ? ulong.TryParse(value.GetString(), NumberStyles.None, CultureInfo.InvariantCulture, out var nanoseconds)
            : value.TryGetUInt64(out nanoseconds);
        return isRead ? OtlpBatchBuilder.Nanoseconds(nanoseconds) : throw new ProtocolFormatException($"{name} is not a number of nanoseconds.");
    }

    private static string Id(JsonElement owner, string name) => Text(owner, name) is { Length: <= 64 } id ? id.ToLowerInvariant() : "too long";

    private static int Enum(JsonElement? owner, string name) =>
        owner is { } element && element.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var number) ? number : 0;

    private static string Text(JsonElement? owner, string name) =>
        owner is { } element && element.TryGetProperty(name, out var value) ? value.GetString() ?? "" : "";

    private static JsonElement? Child(JsonElement owner, string name) =>
        owner.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null ? value : null;

    private static JsonElement.ArrayEnumerator Items(JsonElement owner, string name) =>
        owner.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null ? value.EnumerateArray() : default;
}
