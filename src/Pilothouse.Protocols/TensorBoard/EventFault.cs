namespace Pilothouse.Protocols.TensorBoard;

/// <summary>What can be wrong with an event file.</summary>
public enum EventFaultKind
{
    /// <summary>A record's data does not have its checksum: the record is skipped, its length is still good.</summary>
    DataChecksum,
    /// <summary>A record's length does not have its checksum: nothing behind it can be found, the file ends here.</summary>
    LengthChecksum,
    /// <summary>A record says it is longer than any record can be: the file ends here.</summary>
    ImpossibleLength,
    /// <summary>A record longer than <see cref="EventFileReader.MaxRecord"/>: it is skipped.</summary>
    RecordTooLong,
    /// <summary>A record, or a part of one, is no event: that part is skipped.</summary>
    NotAnEvent,
    /// <summary>A value does not fit its tag: it is kept as it came.</summary>
    Value,
    /// <summary>More tags than a run may have: the value is skipped.</summary>
    TooManyTags,
}

/// <summary>A fault of an event file. Reading goes on unless <see cref="EndsFile"/>.</summary>
/// <param name="Offset">Byte of the file at which the record begins.</param>
public sealed record EventFault(long Offset, EventFaultKind Kind, string Message)
{
    public bool EndsFile => Kind is EventFaultKind.LengthChecksum or EventFaultKind.ImpossibleLength;
}
