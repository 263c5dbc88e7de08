using Pilothouse.Protocols.Wire;

namespace Pilothouse.Protocols.TensorBoard;

/// <summary>What an event holds: the number is that of the field in <c>event.proto</c>.</summary>
public enum TfEventKind
{
    None = 0,
    FileVersion = 3,
    GraphDef = 4,
    Summary = 5,
    LogMessage = 6,
    SessionLog = 7,
    TaggedRunMetadata = 8,
    MetaGraphDef = 9,
}

/// <summary>One record of an event file, read in place.</summary>
internal readonly ref struct TfEvent
{
    public double WallTime { get; private init; }

    public long Step { get; private init; }

    public TfEventKind Kind { get; private init; }

    /// <summary>The message or text of <see cref="Kind"/>.</summary>
    public ReadOnlySpan<byte> Body { get; private init; }

    /// <summary>A <c>SourceMetadata</c> message; empty when there is none.</summary>
    public ReadOnlySpan<byte> Source { get; private init; }

    /// <exception cref="ProtocolFormatException">The bytes are no event.</exception>
    public static TfEvent Parse(ReadOnlySpan<byte> record)
    {
        var (wallTime, step, kind) = (0.0, 0L, TfEventKind.None);
        ReadOnlySpan<byte> body = default, source = default;
        var reader = new ProtoReader(record);
        while (reader.Next())
        {
            if (reader.Is(1, WireType.Fixed64)) wallTime = reader.Double();
            else if (reader.Is(2, WireType.Varint)) step = (long)reader.Varint();
            else if (reader.Is(10, WireType.Length)) source = reader.Bytes();
            else if (reader is { Field: >= 3 and <= 9, Type: WireType.Length })
            {
                var found = (TfEventKind)reader.Field;
                body = TfMessage.Merge(found == kind && found is not (TfEventKind.FileVersion or TfEventKind.GraphDef or TfEventKind.MetaGraphDef) ? body : default, reader.Bytes());
                kind = found;
            }
            else reader.Skip();
        }
        return new TfEvent { WallTime = wallTime, Step = step, Kind = kind, Body = body, Source = source };
    }
}

/// <summary>What a <c>Summary.Value</c> holds: the number is that of the field in <c>summary.proto</c>.</summary>
internal enum TfValueKind
{
    None = 0,
    SimpleValue = 2,
    /// <summary>A histogram of before 2016, which nobody reads.</summary>
    Obsolete = 3,
    Image = 4,
    Histogram = 5,
    Audio = 6,
    Tensor = 8,
    /// <summary>Not on the wire: bytes that stand for a string tensor of shape [1] (graphs).</summary>
    Blob = 100,
    /// <summary>Not on the wire: the empty float tensor of a value that is metadata only (hparams).</summary>
    Null = 101,
}

/// <summary>One value of a summary, read in place.</summary>
internal readonly ref struct TfValue
{
    public ReadOnlySpan<byte> Tag { get; private init; }

    public TfValueKind Kind { get; private init; }

    public float SimpleValue { get; private init; }

    /// <summary>The message of <see cref="Kind"/>.</summary>
    public ReadOnlySpan<byte> Body { get; private init; }

    public ReadOnlySpan<byte> Metadata { get; private init; }

    public bool HasMetadata { get; private init; }

    /// <exception cref="ProtocolFormatException">The bytes are no value.</exception>
    public static TfValue Parse(ReadOnlySpan<byte> message)
    {
        ReadOnlySpan<byte> tag = default, node = default, body = default, metadata = default;
        var (kind, simple, hasMetadata) = (TfValueKind.None, 0f, false);
        var reader = new ProtoReader(message);
        while (reader.Next())
        {
            if (reader.Is(1, WireType.Length)) tag = reader.Bytes();
            else if (reader.Is(2, WireType.Fixed32)) (kind, simple) = (TfValueKind.SimpleValue, reader.Float());
            else if (reader.Is(7, WireType.Length)) node = reader.Bytes();
            else if (reader.Is(9, WireType.Length))
            {
                metadata = TfMessage.Merge(metadata, reader.Bytes());
                hasMetadata = true;
            }
            else if (reader is { Field: 3 or 4 or 5 or 6 or 8, Type: WireType.Length })
            {
                var found = (TfValueKind)reader.Field;
                body = TfMessage.Merge(found == kind ? body : default, reader.Bytes());
                kind = found;
            }
            else reader.Skip();
        }
        // Summaries of old plugins have no tag but the name of the graph's node.
        return new TfValue { Tag = tag.IsEmpty ? node : tag, Kind = kind, SimpleValue = simple, Body = body, Metadata = metadata, HasMetadata = hasMetadata };
    }
}

internal static class TfMessage
{
    /// <summary>A message field that comes twice is merged, which for the bytes means one behind the other. Nobody writes that; it costs nothing when they do not.</summary>
    public static ReadOnlySpan<byte> Merge(ReadOnlySpan<byte> before, ReadOnlySpan<byte> more) => before.IsEmpty ? more : (byte[])[.. before, .. more];
}
