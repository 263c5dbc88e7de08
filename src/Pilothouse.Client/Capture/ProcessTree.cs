using System.Diagnostics;
using System.Globalization;

namespace Pilothouse.Client.Capture;

/// <param name="CpuPercent">100 = one core busy since the sample before; null at the first.</param>
/// <param name="MemoryMegabytes">Resident memory of all processes of the tree, 10^6 bytes.</param>
internal sealed record ProcessUsage(double? CpuPercent, double MemoryMegabytes, int Processes);

/// <summary>CPU and memory of a process and all it started, from Linux's /proc; elsewhere of the process alone.</summary>
internal sealed class ProcessTree(int root)
{
    /// <summary>Clock ticks a second in /proc/PID/stat: 100 on every Linux platform .NET runs on.</summary>
    private const double TicksPerSecond = 100;

    private double _cpuSeconds = -1;
    private long _timestamp;

    /// <returns>Null when the process has ended.</returns>
    public ProcessUsage? Sample(long timestamp)
    {
        if (Read() is not { } now) return null;
        var (cpuBefore, timeBefore) = (_cpuSeconds, _timestamp);
        (_cpuSeconds, _timestamp) = (now.CpuSeconds, timestamp);
        var elapsed = Stopwatch.GetElapsedTime(timeBefore, timestamp).TotalSeconds;
        // Processes that ended took their CPU time out of the sum: never below zero.
        return new ProcessUsage(cpuBefore < 0 || elapsed <= 0 ? null : Math.Max(0, (now.CpuSeconds - cpuBefore) / elapsed * 100), now.Bytes / 1e6, now.Count);
    }

    private (double CpuSeconds, double Bytes, int Count)? Read()
    {
        try
        {
            if (!OperatingSystem.IsLinux())
            {
                using var process = Process.GetProcessById(root);
                return (process.TotalProcessorTime.TotalSeconds, process.WorkingSet64, 1);
            }
            var all = Directory.EnumerateDirectories("/proc").Select(d => int.TryParse(Path.GetFileName(d), out var pid) ? ReadStat(pid) : null).OfType<Stat>().ToList();
            var children = all.ToLookup(s => s.Parent);
            var mine = new List<Stat>();
            var open = new Queue<Stat>(all.Where(s => s.Pid == root));
            while (open.TryDequeue(out var next))
            {
                mine.Add(next);
                foreach (var child in children[next.Pid]) open.Enqueue(child);
            }
            return mine.Count == 0 ? null : (mine.Sum(s => s.CpuSeconds), mine.Sum(s => s.Bytes), mine.Count);
        }
        catch (Exception e) when (e is IOException or ArgumentException or InvalidOperationException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>For example <c>4711 (python 3) S 4700 4711 ... </c>: the name may hold anything, so fields count from the last ')'. See proc(5).</summary>
    private static Stat? ReadStat(int pid)
    {
        try
        {
            var text = File.ReadAllText($"/proc/{pid}/stat");
            var fields = text[(text.LastIndexOf(')') + 2)..].Split(' ');
            // Behind the name: 0 state, 1 ppid, 11 utime, 12 stime, 21 rss in pages.
            return new Stat(pid, int.Parse(fields[1], CultureInfo.InvariantCulture), (Number(fields[11]) + Number(fields[12])) / TicksPerSecond, Number(fields[21]) * Environment.SystemPageSize);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or FormatException or IndexOutOfRangeException or ArgumentOutOfRangeException)
        {
            return null; // ended in the meantime
        }
    }

    private static double Number(string field) => double.Parse(field, CultureInfo.InvariantCulture);

    private sealed record Stat(int Pid, int Parent, double CpuSeconds, double Bytes);
}
