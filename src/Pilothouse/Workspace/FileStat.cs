using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;

namespace Pilothouse.Workspace;

internal enum FileKind
{
    Missing,
    File,
    Directory,
    Link,
    Other,
}

/// <summary>What the file system tells of a path without opening it: enough to know that content has not changed since it was read.</summary>
/// <param name="ModifiedNs">Nanoseconds since the epoch.</param>
/// <param name="ChangedNs">Of the inode: no program can set it back. 0 where the system has none.</param>
/// <param name="Links">Names of the inode.</param>
/// <param name="Owner">Id of the user; 0 where the system has none.</param>
internal readonly record struct FileStat(FileKind Kind, long Size, long ModifiedNs, long ChangedNs, ulong Inode, uint Links, uint Owner)
{
    private const int CurrentDirectory = -100; // AT_FDCWD
    private const int NoFollow = 0x100; // AT_SYMLINK_NOFOLLOW
    private const uint Basic = 0x7ff; // STATX_BASIC_STATS
    private const int NotFound = 2;
    private const int NotDirectory = 20;

    private static bool s_hasStatx = OperatingSystem.IsLinux();

    [ThreadStatic]
    private static byte[]? s_buffer;

    [ThreadStatic]
    private static byte[]? s_path;

    /// <summary>The same content, as far as it can be told: size, time of change and inode are those of before.</summary>
    public bool SameAs(in FileStat other) => Kind == other.Kind && Size == other.Size && ModifiedNs == other.ModifiedNs && Inode == other.Inode
        // A second name of the inode (a link into another tree) changes its time, too.
        && (ChangedNs == other.ChangedNs || Links > 1 || other.Links > 1);

    /// <summary>Does not follow a symbolic link at the end of the path.</summary>
    public static FileStat Of(string path)
    {
        if (!s_hasStatx) return Portable(path);
        // One for all files of a thread: a tree has a hundred thousand.
        var needed = Encoding.UTF8.GetMaxByteCount(path.Length) + 1;
        var bytes = s_path is { } kept && kept.Length >= needed ? kept : s_path = new byte[Math.Max(needed, 4096)];
        bytes[Encoding.UTF8.GetBytes(path, bytes)] = 0;
        var buffer = s_buffer ??= new byte[256];
        try
        {
            if (Statx(CurrentDirectory, bytes, NoFollow, Basic, buffer) != 0)
                return Marshal.GetLastPInvokeError() is NotFound or NotDirectory ? default : throw new IOException($"{path} cannot be looked at: {Marshal.GetLastPInvokeErrorMessage()}.");
        }
        catch (EntryPointNotFoundException)
        {
            s_hasStatx = false; // an old C library
            return Portable(path);
        }
        // struct statx: mode at 28, links at 16, owner at 20, inode at 32, size at 40, ctime at 96, mtime at 112 (seconds int64, nanoseconds uint32).
        var kind = (BinaryPrimitives.ReadUInt16LittleEndian(buffer.AsSpan(28)) & 0xF000) switch { 0x8000 => FileKind.File, 0x4000 => FileKind.Directory, 0xA000 => FileKind.Link, _ => FileKind.Other };
        return new FileStat(kind, BinaryPrimitives.ReadInt64LittleEndian(buffer.AsSpan(40)), Time(buffer.AsSpan(112)), Time(buffer.AsSpan(96)), BinaryPrimitives.ReadUInt64LittleEndian(buffer.AsSpan(32)), BinaryPrimitives.ReadUInt32LittleEndian(buffer.AsSpan(16)), BinaryPrimitives.ReadUInt32LittleEndian(buffer.AsSpan(20)));
    }

    private static long Time(ReadOnlySpan<byte> timestamp) => BinaryPrimitives.ReadInt64LittleEndian(timestamp) * 1_000_000_000 + BinaryPrimitives.ReadUInt32LittleEndian(timestamp[8..]);

    private static FileStat Portable(string path)
    {
        var file = new FileInfo(path);
        if (file.LinkTarget is not null) return new FileStat(FileKind.Link, 0, 0, 0, 0, 1, 0);
        if (Directory.Exists(path)) return new FileStat(FileKind.Directory, 0, 0, 0, 0, 1, 0);
        return file.Exists ? new FileStat(FileKind.File, file.Length, Ns(file.LastWriteTimeUtc), 0, 0, 1, 0) : default;
    }

    public static long Ns(DateTime utc) => (utc.Ticks - DateTime.UnixEpoch.Ticks) * 100;

    [DllImport("libc", EntryPoint = "statx", SetLastError = true)]
    private static extern int Statx(int directory, byte[] path, int flags, uint mask, byte[] buffer);
}
