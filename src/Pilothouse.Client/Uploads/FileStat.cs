using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace Pilothouse.Client.Uploads;

/// <summary>What tells that a file is still the one it was, without reading it. Times in nanoseconds since 1970; 0 where the system does not say.</summary>
internal readonly record struct FileStat(long Size, long ModifiedNs, long ChangedNs, ulong Inode)
{
    private const int AtCurrentDirectory = -100;
    private const uint BasicStats = 0x7ff;

    /// <exception cref="IOException">There is no such file.</exception>
    public static FileStat Of(string path)
    {
        if (OperatingSystem.IsLinux() && TryStatX(path) is { } stat) return stat;
        var file = new FileInfo(path);
        return new FileStat(file.Length, (file.LastWriteTimeUtc - DateTime.UnixEpoch).Ticks * 100, 0, 0);
    }

    // struct statx (linux/stat.h), the same on every architecture: ino at 32, size at 40, ctime at 96 and mtime at 112, each 8 bytes of seconds and 4 of nanoseconds.
    private static FileStat? TryStatX(string path)
    {
        try
        {
            var buffer = new byte[256];
            if (StatX(AtCurrentDirectory, path, 0, BasicStats, buffer) != 0) return null;
            long Long(int at) => BinaryPrimitives.ReadInt64LittleEndian(buffer.AsSpan(at));
            long Time(int at) => Long(at) * 1_000_000_000 + BinaryPrimitives.ReadUInt32LittleEndian(buffer.AsSpan(at + 8));
            return BitConverter.IsLittleEndian ? new FileStat(Long(40), Time(112), Time(96), (ulong)Long(32)) : null;
        }
        catch (EntryPointNotFoundException)
        {
            return null; // a C library without it
        }
    }

    [DllImport("libc", EntryPoint = "statx", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int StatX(int directory, [MarshalAs(UnmanagedType.LPUTF8Str)] string path, int flags, uint mask, byte[] buffer);
}
