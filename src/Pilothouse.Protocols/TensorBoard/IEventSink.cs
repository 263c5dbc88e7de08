namespace Pilothouse.Protocols.TensorBoard;

/// <summary>Why steps may repeat from here on.</summary>
public enum EventRestart
{
    /// <summary>A SessionLog START that is not the first of the run: the writer says it goes on from an earlier checkpoint.</summary>
    SessionStart,
    /// <summary>A step that is smaller than the one before.</summary>
    StepBack,
}

/// <summary>Receives what a run's event files hold, in the order of reading. Nothing is left out: points of before a restart stay, and the restart is told.</summary>
public interface IEventSink
{
    /// <summary>A tag is new, or its metadata has come.</summary>
    void Tag(EventTag tag);

    /// <param name="wallTime">Seconds since 1970; may be anything.</param>
    void Scalar(EventTag tag, long step, double wallTime, double value);

    void Value(EventTag tag, long step, double wallTime, in EventValue value);

    /// <summary>Content of the hparams plugin, with each value that carries it.</summary>
    void HParams(string tag, double wallTime, ReadOnlySpan<byte> content);

    void Restart(EventRestart kind, long step, double wallTime);

    /// <summary>An event that is read but not kept: a log message, a meta graph.</summary>
    void Skipped(TfEventKind kind);

    void Fault(EventFault fault);
}
