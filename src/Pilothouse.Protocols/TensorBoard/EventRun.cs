using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;
using System.Text.Unicode;
using Pilothouse.Protocols.Wire;

namespace Pilothouse.Protocols.TensorBoard;

/// <summary>
/// The events of one run (one directory of event files), record by record: what TensorBoard's reader does, without its losses. Keeps only the tags in memory;
/// a scalar costs no allocation.
/// </summary>
public sealed class EventRun(IEventSink sink)
{
    /// <summary>Tags of one run; values of more are skipped, and said so.</summary>
    public const int MaxTags = 100_000;

    /// <summary>Bytes of one tag's name.</summary>
    public const int MaxTagBytes = 64 * 1024;

    /// <summary>Bytes of all names and metadata of one run's tags, which stay in memory.</summary>
    public const int MaxHeldBytes = 64 * 1024 * 1024;

    public const string GraphTag = "__run_graph__";

    private const int SessionStart = 1;
    private static readonly byte[] VersionPrefix = "brain.Event:"u8.ToArray();

    private readonly Dictionary<byte[], EventTag> _tags = new(Utf8Comparer.Instance);
    private EventTag? _last;
    private long _offset;
    private long _held;
    private bool _fullTold;

    /// <summary>Of the last version record; null = none came.</summary>
    public double? FileVersion { get; set; }

    public bool SeenSessionStart { get; set; }

    /// <summary>Step of the last summary; null = none came.</summary>
    public long? LastStep { get; set; }

    /// <summary>Name the writing library gave itself.</summary>
    public string? SourceWriter { get; private set; }

    public double? FirstWallTime { get; private set; }

    /// <summary>Records read so far.</summary>
    public long Events { get; private set; }

    public IReadOnlyCollection<EventTag> Tags => _tags.Values;

    /// <summary>Makes a tag known before reading goes on where it was left.</summary>
    public void Restore(EventTag tag)
    {
        if (_tags.TryAdd(tag.Key, tag)) _held += tag.Key.Length + (tag.Metadata?.Content.Length ?? 0);
    }

    /// <summary>Wall time of a record in seconds; null when it is no event.</summary>
    public static double? TimeOf(ReadOnlySpan<byte> record)
    {
        try
        {
            return TfEvent.Parse(record).WallTime;
        }
        catch (ProtocolFormatException)
        {
            return null;
        }
    }

    /// <summary>Reads one record. Never throws on its content: what is wrong goes to the sink.</summary>
    /// <param name="offset">Byte of the file at which the record begins, for messages.</param>
    public void Read(ReadOnlySpan<byte> record, long offset)
    {
        _offset = offset;
        Events++;
        try
        {
            Read(TfEvent.Parse(record));
        }
        catch (ProtocolFormatException e)
        {
            Fault(EventFaultKind.NotAnEvent, $"The record at byte {offset} has its checksum but is no whole event ({e.Message}). What could be read of it was kept.");
        }
    }

    private void Read(TfEvent found)
    {
        FirstWallTime ??= found.WallTime;
        if (SourceWriter is null && !found.Source.IsEmpty) SourceWriter = WriterOf(found.Source);
        if (found.Kind == TfEventKind.FileVersion) FileVersion = VersionOf(found.Body);
        else if (found.Kind == TfEventKind.SessionLog) ReadSession(found);
        else if (found.Kind == TfEventKind.Summary) ReadSummary(found);
        else if (found.Kind == TfEventKind.GraphDef) Blob(Find(GraphTagKey), TfPlugins.Graphs, found, found.Body);
        else if (found.Kind == TfEventKind.TaggedRunMetadata) ReadRunMetadata(found);
        else if (found.Kind is TfEventKind.LogMessage or TfEventKind.MetaGraphDef) sink.Skipped(found.Kind);
    }

    private static readonly byte[] GraphTagKey = Encoding.UTF8.GetBytes(GraphTag);

    private void ReadSummary(TfEvent found)
    {
        if (found.Step < LastStep) sink.Restart(EventRestart.StepBack, found.Step, found.WallTime);
        LastStep = found.Step;
        var reader = new ProtoReader(found.Body);
        while (reader.Next())
        {
            if (reader.Is(1, WireType.Length)) ReadValue(found, TfValue.Parse(reader.Bytes()));
            else reader.Skip();
        }
    }

    private void ReadValue(TfEvent found, TfValue value)
    {
        var tag = Find(value.Tag);
        if (tag is null) return;
        // Writers put metadata with the first value of a tag only, so this is rare; hparams live in it.
        var hparams = false;
        if (value.HasMetadata)
        {
            var metadata = SummaryMetadata.Parse(value.Metadata);
            hparams = metadata.Plugin == TfPlugins.HParams;
            if (hparams) sink.HParams(tag.Name, found.WallTime, metadata.Content);
            if (tag.Metadata is null && !Hold(value.Metadata.Length)) Full();
            else if (tag.Metadata is null && !IsLegacy(value.Kind)) Describe(tag, metadata);
            else if (tag.Metadata is null) Describe(tag, LegacyValues.MetadataOf(value.Kind, tag.Name, metadata));
        }
        else if (tag.Metadata is null && IsLegacy(value.Kind)) Describe(tag, LegacyValues.MetadataOf(value.Kind, tag.Name, null));

        if (value.Kind == TfValueKind.SimpleValue && tag.IsScalar) sink.Scalar(tag, found.Step, found.WallTime, value.SimpleValue);
        else if (value.Kind == TfValueKind.Tensor && tag.IsScalar) ReadScalar(tag, found, value);
        else if (value.Kind == TfValueKind.Obsolete) Fault(EventFaultKind.Value, $"Tag '{tag.Name}' at step {found.Step} is a histogram of a form that was given up in 2016: it was skipped.");
        else if (value.Kind != TfValueKind.None) sink.Value(tag, found.Step, found.WallTime, new EventValue(value.Kind, value.Body, value.SimpleValue));
        else if (hparams) sink.Value(tag, found.Step, found.WallTime, new EventValue(TfValueKind.Null, default, 0));
    }

    private void ReadScalar(EventTag tag, TfEvent found, TfValue value)
    {
        if (Tensor.TryScalar(value.Body, out var number, out var fault))
        {
            sink.Scalar(tag, found.Step, found.WallTime, number);
            return;
        }
        Fault(EventFaultKind.Value, $"The value of '{tag.Name}' at step {found.Step} should be a number, but {fault}: it is kept as a tensor.");
        sink.Value(tag, found.Step, found.WallTime, new EventValue(value.Kind, value.Body, 0));
    }

    private void ReadSession(TfEvent found)
    {
        var status = 0UL;
        var reader = new ProtoReader(found.Body);
        while (reader.Next())
        {
            if (reader.Is(1, WireType.Varint)) status = reader.Varint();
            else reader.Skip();
        }
        if (status != SessionStart) return;
        if (SeenSessionStart && FileVersion >= 2) sink.Restart(EventRestart.SessionStart, found.Step, found.WallTime);
        // Files of version 1 do not use it.
        SeenSessionStart |= FileVersion >= 2;
    }

    private void ReadRunMetadata(TfEvent found)
    {
        ReadOnlySpan<byte> tag = default, content = default;
        var reader = new ProtoReader(found.Body);
        while (reader.Next())
        {
            if (reader.Is(1, WireType.Length)) tag = reader.Bytes();
            else if (reader.Is(2, WireType.Length)) content = reader.Bytes();
            else reader.Skip();
        }
        Blob(Find(tag), TfPlugins.TaggedRunMetadata, found, content);
    }

    private void Blob(EventTag? tag, string plugin, TfEvent found, ReadOnlySpan<byte> content)
    {
        if (tag is null) return;
        if (tag.Metadata is null) Describe(tag, SummaryMetadata.Of(plugin, TfDataClass.BlobSequence));
        sink.Value(tag, found.Step, found.WallTime, new EventValue(TfValueKind.Blob, content, 0));
    }

    private void Describe(EventTag tag, SummaryMetadata metadata)
    {
        tag.SetMetadata(metadata);
        sink.Tag(tag);
    }

    private EventTag? Find(ReadOnlySpan<byte> name)
    {
        if (_last is not null && name.SequenceEqual(_last.Key)) return _last;
        var tags = _tags.GetAlternateLookup<ReadOnlySpan<byte>>();
        if (tags.TryGetValue(name, out _last)) return _last;
        if (!Utf8.IsValid(name)) throw new ProtocolFormatException("a tag is not UTF-8");
        if (name.Length > MaxTagBytes) throw new ProtocolFormatException($"a tag has {name.Length} bytes; {MaxTagBytes} is the limit");
        if (_tags.Count >= MaxTags || !Hold(name.Length))
        {
            Full();
            return null;
        }
        _last = new EventTag(Encoding.UTF8.GetString(name));
        _tags.Add(_last.Key, _last);
        sink.Tag(_last);
        return _last;
    }

    private bool Hold(int bytes)
    {
        if (_held + bytes > MaxHeldBytes) return false;
        _held += bytes;
        return true;
    }

    private void Full()
    {
        if (!_fullTold) Fault(EventFaultKind.TooManyTags, $"The run has more than {MaxTags} tags, or their names and metadata more than {MaxHeldBytes} bytes. What goes beyond is skipped.");
        _fullTold = true;
    }

    private void Fault(EventFaultKind kind, string message) => sink.Fault(new EventFault(_offset, kind, message));

    private static bool IsLegacy(TfValueKind kind) => kind is TfValueKind.SimpleValue or TfValueKind.Histogram or TfValueKind.Image or TfValueKind.Audio;

    /// <summary><c>brain.Event:2</c> is 2; anything else is no version.</summary>
    private static double? VersionOf(ReadOnlySpan<byte> text) =>
        text.StartsWith(VersionPrefix) && double.TryParse(text[VersionPrefix.Length..], NumberStyles.Float, CultureInfo.InvariantCulture, out var version) ? version : null;

    private static string? WriterOf(ReadOnlySpan<byte> source)
    {
        string? writer = null;
        var reader = new ProtoReader(source);
        while (reader.Next())
        {
            if (reader.Is(1, WireType.Length)) writer = reader.Text();
            else reader.Skip();
        }
        return writer;
    }

    /// <summary>Looks tags up by the bytes in the file, without making a string. The hash is seeded, so that no file can be written to collide.</summary>
    private sealed class Utf8Comparer : IEqualityComparer<byte[]>, IAlternateEqualityComparer<ReadOnlySpan<byte>, byte[]>
    {
        public static readonly Utf8Comparer Instance = new();

        public bool Equals(byte[]? x, byte[]? y) => x.AsSpan().SequenceEqual(y);

        public int GetHashCode([DisallowNull] byte[] obj) => GetHashCode(obj.AsSpan());

        public bool Equals(ReadOnlySpan<byte> alternate, byte[] other) => alternate.SequenceEqual(other);

        public int GetHashCode(ReadOnlySpan<byte> alternate)
        {
            var hash = new HashCode();
            hash.AddBytes(alternate);
            return hash.ToHashCode();
        }

        public byte[] Create(ReadOnlySpan<byte> alternate) => alternate.ToArray();
    }
}
