using System.Buffers.Binary;

namespace Pilothouse.Datasets;

/// <summary>
/// Records on their way to be brought together by a digest: in memory while there are few, then in files, one for each part of the digests' space, so that one part at a time
/// is held however many there are. A record is its digest and up to 64 KiB more.
/// </summary>
internal sealed class Spill(string directory, long maxMemory = 16L * 1024 * 1024) : IDisposable
{
    public const int Parts = 128;

    private const int Head = 4;
    private const int Digest = 16;

    private readonly string _id = Path.GetRandomFileName();
    private readonly MemoryStream _memory = new();
    private Stream[]? _files;

    public bool IsSpilled => _files is not null;

    public void Add(UInt128 digest, ReadOnlySpan<byte> rest)
    {
        Span<byte> head = stackalloc byte[Head + Digest];
        BinaryPrimitives.WriteInt32LittleEndian(head, Digest + rest.Length);
        BinaryPrimitives.WriteUInt128LittleEndian(head[Head..], digest);
        if (_files is null && _memory.Length + head.Length + rest.Length > maxMemory) ToFiles();
        var target = _files is null ? _memory : _files[PartOf(digest)];
        target.Write(head);
        target.Write(rest);
    }

    /// <summary>The records of one part. A spill that is all in memory has them in part 0, unless its partner is in files.</summary>
    public byte[] Part(int part)
    {
        if (_files is null) return part == 0 ? _memory.ToArray() : [];
        var file = _files[part];
        if (file.Length > Array.MaxLength) throw new Protocols.ProtocolFormatException("There are too many rows to be compared.");
        var bytes = new byte[file.Length];
        file.Position = 0;
        file.ReadExactly(bytes);
        return bytes;
    }

    /// <summary>Puts both into files as soon as one is: only then do their parts meet.</summary>
    public static void Align(Spill first, Spill second)
    {
        if (first.IsSpilled && !second.IsSpilled) second.ToFiles();
        if (second.IsSpilled && !first.IsSpilled) first.ToFiles();
    }

    /// <summary>Places of the records in a part: each begins at its digest.</summary>
    public static List<(int Start, int Length)> Records(byte[] part)
    {
        var records = new List<(int, int)>();
        for (var at = 0; at < part.Length;)
        {
            var length = BinaryPrimitives.ReadInt32LittleEndian(part.AsSpan(at));
            records.Add((at + Head, length));
            at += Head + length;
        }
        return records;
    }

    public void Dispose()
    {
        _memory.Dispose();
        foreach (var file in _files ?? []) file.Dispose();
    }

    private static int PartOf(UInt128 digest) => (int)(digest >> 121);

    private void ToFiles()
    {
        Directory.CreateDirectory(directory);
        _files = new Stream[Parts];
        for (var i = 0; i < Parts; i++)
            _files[i] = new FileStream(Path.Combine(directory, $"{_id}.{i}"), FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None, 32 * 1024, FileOptions.DeleteOnClose);
        var bytes = _memory.GetBuffer();
        foreach (var (start, length) in Records(_memory.ToArray()))
            _files[PartOf(BinaryPrimitives.ReadUInt128LittleEndian(bytes.AsSpan(start)))].Write(bytes, start - Head, length + Head);
        _memory.SetLength(0);
        _memory.Capacity = 0;
    }
}
