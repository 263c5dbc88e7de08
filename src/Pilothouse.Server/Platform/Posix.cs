using System.ComponentModel;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Pilothouse.Server.Platform;

/// <summary>The few calls of POSIX that .NET 10 does not offer. On Windows they do nothing (NTFS journals its directories) or say no.</summary>
internal static class Posix
{
    private const int ReadOnly = 0;
    private const int ReadWrite = 2;
    private const uint OwnerOnly = 0b110_000_000; // rw-------

    /// <summary>O_NONBLOCK and O_CLOEXEC have other values on macOS.</summary>
    private static int PipeFlags => OperatingSystem.IsMacOS() ? ReadWrite | 0x0004 | 0x0100_0000 : ReadWrite | 0x0800 | 0x8_0000;

    /// <summary>Makes the names in a directory durable: a rename is on disk only when its directory is synced (fsync(2), notes).</summary>
    /// <exception cref="IOException">The disk refused.</exception>
    public static void SyncDirectory(string path)
    {
        if (OperatingSystem.IsWindows()) return;
        var descriptor = Open(path, ReadOnly); // File.OpenHandle refuses directories
        if (descriptor < 0) throw Failed(path);
        try
        {
            if (FSync(descriptor) != 0) throw Failed(path);
        }
        finally
        {
            _ = Close(descriptor);
        }
    }

    /// <summary>Everything written to the file system of a directory so far is on disk: one wait for many small files.</summary>
    /// <returns>False where there is no such call.</returns>
    /// <exception cref="IOException">The disk refused.</exception>
    public static bool TrySyncFileSystem(string path)
    {
        if (!OperatingSystem.IsLinux()) return false;
        var descriptor = Open(path, ReadOnly);
        if (descriptor < 0) throw Failed(path);
        try
        {
            return SyncFs(descriptor) == 0 ? true : throw Failed(path);
        }
        finally
        {
            _ = Close(descriptor);
        }
    }

    /// <returns>False when the file system cannot, or the name is taken.</returns>
    public static bool TryHardLink(string from, string to) => !OperatingSystem.IsWindows() && Link(from, to) == 0;

    /// <summary>Makes a named pipe that only this user may open (mkfifo(3)).</summary>
    /// <exception cref="PilothouseException">Unsupported: Windows has none in the file system.</exception>
    public static void MakePipe(string path)
    {
        if (OperatingSystem.IsWindows()) throw new PilothouseException(ErrorCode.Unsupported, "A server on Windows cannot take pushes: it has no named pipes in the file system. Run the server on Linux.");
        if (MakeFifo(path, OwnerOnly) != 0) throw Failed(path);
    }

    /// <summary>Opens a named pipe for both directions, which never waits for the other side, and sees no end while it is open.</summary>
    public static SafePipeHandle OpenPipe(string path)
    {
        var descriptor = Open(path, PipeFlags);
        return descriptor < 0 ? throw Failed(path) : new SafePipeHandle(descriptor, ownsHandle: true);
    }

    private static IOException Failed(string path)
    {
        var error = Marshal.GetLastPInvokeError();
        return new IOException($"{path} cannot be opened or synced to disk: {new Win32Exception(error).Message}.", error);
    }

    [DllImport("libc", EntryPoint = "open", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Open([MarshalAs(UnmanagedType.LPUTF8Str)] string path, int flags);

    [DllImport("libc", EntryPoint = "mkfifo", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int MakeFifo([MarshalAs(UnmanagedType.LPUTF8Str)] string path, uint mode);

    [DllImport("libc", EntryPoint = "fsync", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int FSync(int descriptor);

    [DllImport("libc", EntryPoint = "syncfs", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int SyncFs(int descriptor);

    [DllImport("libc", EntryPoint = "close")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Close(int descriptor);

    [DllImport("libc", EntryPoint = "link")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Link([MarshalAs(UnmanagedType.LPUTF8Str)] string from, [MarshalAs(UnmanagedType.LPUTF8Str)] string to);
}
