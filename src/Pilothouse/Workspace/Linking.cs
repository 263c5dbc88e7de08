using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Pilothouse.Workspace;

/// <summary>How content of the cache comes into a tree.</summary>
internal enum LinkMode
{
    /// <summary>The first of the others that the file system can do.</summary>
    Auto,

    /// <summary>A file of its own that shares its blocks until it is written to (Btrfs, XFS, ...).</summary>
    Reflink,

    /// <summary>A second name of the cache's file: no space, but read-only.</summary>
    Hardlink,

    Copy,
}

/// <summary>Ways to have the same content twice without storing it twice.</summary>
internal static class Linking
{
    private const ulong FiClone = 0x40049409; // _IOW(0x94, 9, int), <linux/fs.h>

    /// <summary>Brings the content into place: written beside and renamed, so that the path always has the old or the new content whole.</summary>
    /// <param name="temporary">A path on the same file system.</param>
    /// <returns>The way that worked.</returns>
    /// <param name="canClone">False when this file system was seen to share no blocks; set when it is.</param>
    public static LinkMode Place(string source, string temporary, string target, LinkMode mode, ref bool canClone)
    {
        // Where nothing is there yet, a new name is in place whole by itself.
        if ((mode is LinkMode.Hardlink || mode is LinkMode.Auto && !canClone) && TryHardLink(source, target)) return LinkMode.Hardlink;
        File.Delete(temporary);
        var done = mode;
        var cloned = (mode is LinkMode.Reflink || mode is LinkMode.Auto && canClone) && TryClone(source, temporary);
        if (mode is LinkMode.Auto && !cloned) canClone = false;
        if (cloned)
        {
            done = LinkMode.Reflink;
            MakeWritable(temporary);
        }
        else if (mode is LinkMode.Reflink) throw new IOException($"The file system of {target} cannot share blocks with {source}. Use --link-mode auto.");
        else if (mode is LinkMode.Auto or LinkMode.Hardlink && TryHardLink(source, temporary)) done = LinkMode.Hardlink;
        else if (mode is LinkMode.Hardlink) throw new IOException($"{source} cannot be linked to {target}: they must be on one file system. Use --link-mode auto.");
        else
        {
            done = LinkMode.Copy;
            File.Copy(source, temporary, overwrite: true);
            MakeWritable(temporary);
            File.SetLastWriteTimeUtc(temporary, File.GetLastWriteTimeUtc(source));
        }
        File.Move(temporary, target, overwrite: true);
        // Renaming one name of an inode onto another name of it does nothing, by POSIX: the temporary name would stay.
        if (done == LinkMode.Hardlink) File.Delete(temporary);
        return done;
    }

    /// <summary>A copy that may be written to.</summary>
    public static void Copy(string source, string temporary, string target)
    {
        var canClone = false;
        Place(source, temporary, target, LinkMode.Copy, ref canClone);
    }

    /// <summary>A new file that shares the blocks of another.</summary>
    public static bool TryClone(string source, string target)
    {
        if (!OperatingSystem.IsLinux()) return false;
        try
        {
            using var from = File.OpenHandle(source);
            using (var to = File.OpenHandle(target, FileMode.Create, FileAccess.Write))
                if (Ioctl(to, FiClone, from) == 0) return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
        File.Delete(target);
        return false;
    }

    private static bool TryHardLink(string source, string target) => !OperatingSystem.IsWindows() && Link(Bytes(source), Bytes(target)) == 0;

    private static byte[] Bytes(string path) => [.. Encoding.UTF8.GetBytes(path), 0];

    private static void MakeWritable(string path)
    {
        if (OperatingSystem.IsWindows()) File.SetAttributes(path, FileAttributes.Normal);
        else File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead);
    }

    [DllImport("libc", EntryPoint = "link")]
    private static extern int Link(byte[] source, byte[] target);

    [DllImport("libc", EntryPoint = "ioctl")]
    private static extern int Ioctl(SafeFileHandle target, ulong request, SafeFileHandle source);
}
