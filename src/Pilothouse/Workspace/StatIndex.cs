using System.Buffers.Binary;
using System.Text;

namespace Pilothouse.Workspace;

/// <summary>What is known of a file of the tree.</summary>
/// <param name="Stat">As it was when its content was known.</param>
/// <param name="Content">SHA-256 of the content.</param>
/// <param name="Placed">What the last sync or add left there; default = neither did.</param>
internal readonly record struct IndexEntry(FileStat Stat, Hash32 Content, Hash32 Placed);

/// <summary>
/// Remembers the content of files by their stat, so that unchanged ones are never read again. Only a memory: it may be deleted at any time, what cannot be read counts as empty, and of two
/// programs that write it the last wins. There is no lock to wait for.
/// </summary>
internal sealed class StatIndex
{
    private const int MaxEntries = 10_000_000;

    /// <summary>Clock steps of file systems: a file that changed this shortly before the index was written could change again without a trace.</summary>
    private const long RacyNs = 20_000_000;

    private static ReadOnlySpan<byte> Magic => "PHINDEX1"u8;

    private readonly Dictionary<string, IndexEntry> _entries;
    private readonly long _savedNs;

    private StatIndex(Dictionary<string, IndexEntry> entries, long savedNs) => (_entries, _savedNs) = (entries, savedNs);

    public IReadOnlyDictionary<string, IndexEntry> Entries => _entries;

    public bool IsChanged { get; private set; }

    /// <summary>The content of a file that has not changed since it was last read; null = it must be read.</summary>
    public Hash32? Known(string path, in FileStat now) =>
        _entries.TryGetValue(path, out var entry) && entry.Stat.SameAs(now) && now.ModifiedNs < _savedNs - RacyNs && (now.Links > 1 || now.ChangedNs < _savedNs - RacyNs) ? entry.Content : null;

    public Hash32 PlacedAt(string path) => _entries.TryGetValue(path, out var entry) ? entry.Placed : default;

    public void Learn(string path, in FileStat stat, Hash32 content) => Set(path, new IndexEntry(stat, content, PlacedAt(path)));

    public void Place(string path, in FileStat stat, Hash32 content) => Set(path, new IndexEntry(stat, content, content));

    public void Forget(string path) => IsChanged |= _entries.Remove(path);

    public static StatIndex Load(string file)
    {
        try
        {
            var bytes = File.ReadAllBytes(file);
            return Read(bytes) ?? new StatIndex([], 0);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return new StatIndex([], 0);
        }
    }

    /// <param name="now">After every stat that is in it.</param>
    public void Save(string file, DateTimeOffset now)
    {
        using var memory = new MemoryStream(_entries.Count * 160 + 64);
        memory.Write(Magic);
        Span<byte> head = stackalloc byte[12];
        BinaryPrimitives.WriteInt64LittleEndian(head, FileStat.Ns(now.UtcDateTime));
        BinaryPrimitives.WriteInt32LittleEndian(head[8..], _entries.Count);
        memory.Write(head);
        Span<byte> row = stackalloc byte[RowLength];
        foreach (var (path, entry) in _entries)
        {
            var name = Encoding.UTF8.GetBytes(path);
            BinaryPrimitives.WriteUInt16LittleEndian(row, (ushort)name.Length);
            BinaryPrimitives.WriteInt64LittleEndian(row[2..], entry.Stat.Size);
            BinaryPrimitives.WriteInt64LittleEndian(row[10..], entry.Stat.ModifiedNs);
            BinaryPrimitives.WriteInt64LittleEndian(row[18..], entry.Stat.ChangedNs);
            BinaryPrimitives.WriteUInt64LittleEndian(row[26..], entry.Stat.Inode);
            BinaryPrimitives.WriteUInt32LittleEndian(row[34..], entry.Stat.Links);
            entry.Content.Write(row[38..]);
            entry.Placed.Write(row[70..]);
            memory.Write(row);
            memory.Write(name);
        }
        var temporary = $"{file}.{Environment.ProcessId}";
        try
        {
            using (var target = File.Create(temporary)) memory.WriteTo(target);
            File.Move(temporary, file, overwrite: true);
            IsChanged = false;
        }
        finally
        {
            File.Delete(temporary);
        }
    }

    private const int RowLength = 102;

    private static StatIndex? Read(ReadOnlySpan<byte> bytes)
    {
        if (!bytes.StartsWith(Magic) || bytes.Length < 20) return null;
        var saved = BinaryPrimitives.ReadInt64LittleEndian(bytes[8..]);
        var count = BinaryPrimitives.ReadInt32LittleEndian(bytes[16..]);
        bytes = bytes[20..];
        if (count is < 0 or > MaxEntries || (long)count * RowLength > bytes.Length) return null;
        var entries = new Dictionary<string, IndexEntry>(count, StringComparer.Ordinal);
        for (var i = 0; i < count; i++)
        {
            if (bytes.Length < RowLength) return null;
            var length = BinaryPrimitives.ReadUInt16LittleEndian(bytes);
            if (bytes.Length < RowLength + length) return null;
            var stat = new FileStat(FileKind.File, BinaryPrimitives.ReadInt64LittleEndian(bytes[2..]), BinaryPrimitives.ReadInt64LittleEndian(bytes[10..]), BinaryPrimitives.ReadInt64LittleEndian(bytes[18..]),
                BinaryPrimitives.ReadUInt64LittleEndian(bytes[26..]), BinaryPrimitives.ReadUInt32LittleEndian(bytes[34..]), Owner: 0);
            entries[Encoding.UTF8.GetString(bytes.Slice(RowLength, length))] = new IndexEntry(stat, Hash32.Read(bytes[38..]), Hash32.Read(bytes[70..]));
            bytes = bytes[(RowLength + length)..];
        }
        return new StatIndex(entries, saved);
    }

    private void Set(string path, in IndexEntry entry)
    {
        if (_entries.TryGetValue(path, out var before) && before == entry) return;
        _entries[path] = entry;
        IsChanged = true;
    }
}
