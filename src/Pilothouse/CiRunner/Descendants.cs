using System.ComponentModel;
using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Pilothouse.CiRunner;

/// <summary>
/// Everything that steps have started. On Linux this process adopts what loses its parent (prctl(2), PR_SET_CHILD_SUBREAPER), so that not even a daemon that forks twice gets away.
/// </summary>
internal static class Descendants
{
    private const int SetChildSubreaper = 36;
    private const int SetDumpable = 4;
    private const int Rounds = 40;
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(25);

    /// <summary>Also keeps others of this user from reading this process' environment, where the token is.</summary>
    public static void Adopt()
    {
        if (!OperatingSystem.IsLinux()) return;
        _ = ProcessControl(SetChildSubreaper, 1, 0, 0, 0);
        _ = ProcessControl(SetDumpable, 0, 0, 0, 0);
    }

    /// <summary>Kills all of them, again until none is left: one that is dying may have started another.</summary>
    public static async Task KillAsync(Process step)
    {
        if (!OperatingSystem.IsLinux())
        {
            TryKill(step, tree: true);
            return;
        }
        for (var round = 0; round < Rounds; round++)
        {
            var alive = Alive();
            if (alive.Count == 0) return;
            foreach (var id in alive)
            {
                try
                {
                    using var process = Process.GetProcessById(id);
                    TryKill(process, tree: false);
                }
                catch (ArgumentException)
                {
                    // It is gone.
                }
            }
            await Task.Delay(Pause, TimeProvider.System, CancellationToken.None);
        }
    }

    private static List<int> Alive() => [.. ProcessFigures.Descendants().Where(p => !p.Zombie).Select(p => p.Id)];

    private static void TryKill(Process process, bool tree)
    {
        try
        {
            process.Kill(tree);
        }
        catch (Exception e) when (e is InvalidOperationException or Win32Exception or AggregateException)
        {
            // It ended by itself at the same moment.
        }
    }

    [DllImport("libc", EntryPoint = "prctl")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int ProcessControl(int option, nuint a, nuint b, nuint c, nuint d);
}
