using System.Buffers.Binary;

namespace Pilothouse.Protocols.TensorBoard;

/// <summary>What <see cref="EventFileReader.Next"/> found.</summary>
public enum EventRecordStatus
{
    /// <summary>A whole record.</summary>
    Record,
    /// <summary>A record was skipped; <see cref="EventFileReader.Fault"/> says why.</summary>
    Skipped,
    /// <summary>The next record is not all here yet: fill, or come back when the file has grown.</summary>
    Incomplete,
    /// <summary>The file cannot be read on; <see cref="EventFileReader.Fault"/> says why.</summary>
    Ended,
}

/// <summary>
/// Splits a stream into TFRecords: <c>u64 length | u32 masked CRC of the length | data | u32 masked CRC of the data</c>, all little endian.
/// Memory is bounded by the longest record that really arrives, never by a length that is only claimed.
/// </summary>
/// <param name="stream">The file's bytes from <paramref name="offset"/> on.</param>
/// <param name="offset">Byte of the file at which a record begins.</param>
public sealed class EventFileReader(Stream stream, long offset)
{
    /// <summary>Longest record that is read, in bytes. Scalars have 60, a batch of images a few million.</summary>
    public const int MaxRecord = 64 * 1024 * 1024;

    private const int HeaderSize = 12;
    private const int FooterSize = 4;
    private const int FirstBuffer = 256 * 1024;

    private byte[] _buffer = new byte[FirstBuffer];
    private int _start;
    private int _end;
    /// <summary>Bytes still to come of a record that is too long, and all it has.</summary>
    private long _skip;
    private long _skipped;
    private EventFault? _ended;

    /// <summary>Byte of the file up to which everything was read or skipped: reading can go on here later.</summary>
    public long Position { get; private set; } = offset;

    /// <summary>Fault of the last record that was skipped, or of the end.</summary>
    public EventFault? Fault { get; private set; }

    /// <summary>Takes more bytes from the stream; false at its end.</summary>
    public async ValueTask<bool> FillAsync(CancellationToken ct)
    {
        MakeRoom();
        var read = await stream.ReadAsync(_buffer.AsMemory(_end), ct);
        _end += read;
        return read > 0;
    }

    /// <summary>As <see cref="FillAsync"/>.</summary>
    public bool Fill()
    {
        MakeRoom();
        var read = stream.Read(_buffer.AsSpan(_end));
        _end += read;
        return read > 0;
    }

    /// <param name="data">The record, valid until the next call.</param>
    public EventRecordStatus Next(out ReadOnlySpan<byte> data)
    {
        data = default;
        if (_ended is not null) return EventRecordStatus.Ended;
        if (_skip > 0) return Skip();
        var held = _buffer.AsSpan(_start, _end - _start);
        if (held.Length < HeaderSize) return EventRecordStatus.Incomplete;

        var length = BinaryPrimitives.ReadUInt64LittleEndian(held);
        if (Crc32C.Masked(held[..8]) != BinaryPrimitives.ReadUInt32LittleEndian(held[8..]))
            return End(EventFaultKind.LengthChecksum, $"The length of the record at byte {Position} does not have its checksum: the file is damaged from here on, or is no event file. What lies before it was read.");
        if (length > int.MaxValue)
            return End(EventFaultKind.ImpossibleLength, $"The record at byte {Position} says it has {length} bytes, more than any event can have: the file is read no further. What lies before it was read.");
        if (length > MaxRecord)
        {
            _skip = _skipped = HeaderSize + (long)length + FooterSize;
            Fault = new EventFault(Position, EventFaultKind.RecordTooLong, $"The record at byte {Position} has {length} bytes; {MaxRecord} is the limit. It was skipped.");
            return Skip();
        }
        var whole = HeaderSize + (int)length + FooterSize;
        if (held.Length < whole) return EventRecordStatus.Incomplete;

        data = held.Slice(HeaderSize, (int)length);
        var good = Crc32C.Masked(data) == BinaryPrimitives.ReadUInt32LittleEndian(held[(whole - FooterSize)..]);
        if (!good) Fault = new EventFault(Position, EventFaultKind.DataChecksum, $"The record at byte {Position} ({length} bytes) does not have its checksum: it was skipped.");
        _start += whole;
        Position += whole;
        if (good) return EventRecordStatus.Record;
        data = default;
        return EventRecordStatus.Skipped;
    }

    /// <summary>Drops what is here of a record that is too long; it counts as read only when all of it was seen.</summary>
    private EventRecordStatus Skip()
    {
        var here = (int)Math.Min(_skip, _end - _start);
        _start += here;
        _skip -= here;
        if (_skip > 0) return EventRecordStatus.Incomplete;
        Position += _skipped;
        return EventRecordStatus.Skipped;
    }

    private EventRecordStatus End(EventFaultKind kind, string message)
    {
        Fault = _ended = new EventFault(Position, kind, message);
        return EventRecordStatus.Ended;
    }

    /// <summary>Moves what is held to the front, and grows when the buffer is full of one record.</summary>
    private void MakeRoom()
    {
        if (_start > 0)
        {
            _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
            (_start, _end) = (0, _end - _start);
        }
        if (_end == _buffer.Length) Array.Resize(ref _buffer, (int)Math.Min(2L * _buffer.Length, MaxRecord + HeaderSize + FooterSize));
    }
}
