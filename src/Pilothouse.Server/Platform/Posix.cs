using System.ComponentModel;
using System.Runtime.InteropServices;

namespace Pilothouse.Server.Platform;

/// <summary>The few calls of POSIX that .NET 10 does not offer. On Windows they do nothing (NTFS journals its directories) or say no.</summary>
internal static class Posix
{
    private const int ReadOnly = 0;

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

    private static IOException Failed(string path)
    {
        var error = Marshal.GetLastPInvokeError();
        return new IOException($"The directory {path} cannot be synced to disk: {new Win32Exception(error).Message}.", error);
    }

    [DllImport("libc", EntryPoint = "open", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Open([MarshalAs(UnmanagedType.LPUTF8Str)] string path, int flags);

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
