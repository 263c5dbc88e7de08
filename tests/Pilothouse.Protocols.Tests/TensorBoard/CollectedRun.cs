using Pilothouse.Protocols.TensorBoard;

namespace Pilothouse.Protocols.Tests.TensorBoard;

/// <summary>Which points TensorBoard's Python reader would keep.</summary>
internal enum Purge
{
    /// <summary>All: what Pilothouse keeps.</summary>
    Nothing,
    /// <summary>Its default: orphaned points of before a restart go.</summary>
    Orphans,
    /// <summary>The rule of its fast loader: a point with step s removes every earlier one of its tag with a step >= s.</summary>
    Preempted,
}

/// <summary>Reads the files of one run and holds all of it, with TensorBoard's rules of purging on top.</summary>
internal sealed class CollectedRun : IEventSink
{
    private readonly Purge _purge;
    private readonly HashSet<(long Event, string Tag)> _purged = [];
    private (long Event, long Step)? _stepBack;

    public CollectedRun(Purge purge)
    {
        _purge = purge;
        Run = new EventRun(this);
    }

    public EventRun Run { get; }

    public SortedDictionary<string, List<Point>> Points { get; } = new(StringComparer.Ordinal);

    public List<EventFault> Faults { get; } = [];

    public List<(EventRestart Kind, long Step)> Restarts { get; } = [];

    public Dictionary<TfEventKind, int> SkippedEvents { get; } = [];

    public List<(string Tag, byte[] Content)> HParamsContents { get; } = [];

    /// <summary>All event files of a directory, in the order of their names.</summary>
    public static CollectedRun ReadDirectory(string directory, Purge purge)
    {
        var run = new CollectedRun(purge);
        foreach (var file in Directory.GetFiles(directory).Where(f => EventFileName.Is(f)).Order(StringComparer.Ordinal))
        {
            using var stream = File.OpenRead(file);
            run.Read(new EventFileReader(stream, 0));
        }
        return run;
    }

    /// <summary>Reads on until the end of the stream; returns whether the file ended for good.</summary>
    public bool Read(EventFileReader reader)
    {
        do
        {
            for (; ; )
            {
                var at = reader.Position;
                var status = reader.Next(out var record);
                if (status == EventRecordStatus.Record) Run.Read(record, at);
                else if (status == EventRecordStatus.Skipped) Faults.Add(reader.Fault!);
                else if (status == EventRecordStatus.Ended)
                {
                    Faults.Add(reader.Fault!);
                    return true;
                }
                else break;
            }
        }
        while (reader.Fill());
        return false;
    }

    public void Tag(EventTag tag)
    {
    }

    public void Scalar(EventTag tag, long step, double wallTime, double value) => Add(tag, new Point(step, wallTime, value, null));

    public void Value(EventTag tag, long step, double wallTime, in EventValue value)
    {
        Tensor? tensor = null;
        try
        {
            tensor = value.ToTensor();
        }
        catch (ProtocolFormatException)
        {
            // Kept raw.
        }
        Add(tag, new Point(step, wallTime, null, tensor));
    }

    public void HParams(string tag, double wallTime, ReadOnlySpan<byte> content) => HParamsContents.Add((tag, content.ToArray()));

    public void Restart(EventRestart kind, long step, double wallTime)
    {
        Restarts.Add((kind, step));
        if (_purge != Purge.Orphans) return;
        if (kind == EventRestart.SessionStart)
        {
            foreach (var points in Points.Values) points.RemoveAll(p => p.Step >= step);
        }
        else if (!(Run.FileVersion >= 2)) _stepBack = (Run.Events, step);
    }

    public void Skipped(TfEventKind kind) => SkippedEvents[kind] = SkippedEvents.GetValueOrDefault(kind) + 1;

    public void Fault(EventFault fault) => Faults.Add(fault);

    private void Add(EventTag tag, Point point)
    {
        if (!Points.TryGetValue(tag.Name, out var points)) Points[tag.Name] = points = [];
        if (_purge == Purge.Preempted) points.RemoveAll(p => p.Step >= point.Step);
        if (_stepBack is { } back && back.Event == Run.Events && _purged.Add((back.Event, tag.Name))) points.RemoveAll(p => p.Step >= back.Step);
        points.Add(point);
    }

    /// <param name="Number">Null when the value is a tensor.</param>
    /// <param name="Tensor">Null when it is a number, or cannot be decoded.</param>
    internal sealed record Point(long Step, double WallTime, double? Number, Tensor? Tensor);
}
