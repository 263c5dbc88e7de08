using System.Diagnostics;
using System.Globalization;

namespace Pilothouse.Client.Capture;

/// <summary>
/// Readings of the machine under the names MLflow's clients give them (megabytes are 10^6 bytes), of the control group when it has a limit, and of one process with all it started.
/// </summary>
internal sealed class SystemSampler(int process)
{
    private readonly ProcessTree _tree = new(process);
    private (double Busy, double Total)? _cpu;
    private (double Seconds, long Timestamp)? _group;
    private (double Received, double Sent)? _network;

    public async Task<IReadOnlyList<(string Key, double Value)>> SampleAsync(CancellationToken ct)
    {
        var sample = new List<(string, double)>();
        void Add(string key, double? value)
        {
            if (value is { } known) sample.Add(("system/" + key, known));
        }
        AddCpu(Add);
        AddMemory(Add);
        AddDisk(Add);
        AddNetwork(Add);
        AddGroup(Add);
        if (_tree.Sample(Stopwatch.GetTimestamp()) is { } usage)
        {
            Add("process_cpu_utilization_percentage", usage.CpuPercent is { } percent ? Round(percent) : null);
            Add("process_memory_usage_megabytes", Round(usage.MemoryMegabytes));
            Add("process_count", usage.Processes);
        }
        foreach (var gpu in await NvidiaSmi.SampleAsync(ct))
        {
            Add($"gpu_{gpu.Index}_utilization_percentage", gpu.UtilizationPercent);
            Add($"gpu_{gpu.Index}_memory_usage_megabytes", gpu.MemoryUsedMegabytes);
            Add($"gpu_{gpu.Index}_memory_usage_percentage", gpu.MemoryPercent);
            Add($"gpu_{gpu.Index}_power_usage_watts", gpu.PowerWatts);
            Add($"gpu_{gpu.Index}_power_usage_percentage", gpu.PowerPercent);
        }
        return sample;
    }

    /// <summary>First line of /proc/stat: <c>cpu user nice system idle iowait irq softirq steal guest guest_nice</c> in ticks; guests are in user already.</summary>
    private void AddCpu(Action<string, double?> add)
    {
        var fields = LinuxFiles.Text("/proc/stat")?.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        if (fields is not { Length: >= 9 }) return;
        var ticks = fields.Skip(1).Take(8).Select(f => double.Parse(f, CultureInfo.InvariantCulture)).ToArray();
        var now = (Busy: ticks.Sum() - ticks[3] - ticks[4], Total: ticks.Sum());
        if (_cpu is { } before && now.Total > before.Total) add("cpu_utilization_percentage", Round(Math.Clamp((now.Busy - before.Busy) / (now.Total - before.Total) * 100, 0, 100)));
        _cpu = now;
    }

    private static void AddMemory(Action<string, double?> add)
    {
        if (LinuxFiles.MemoryTotal() is not ({ } total and > 0) || LinuxFiles.Memory("MemAvailable:") is not { } available) return;
        add("system_memory_usage_megabytes", Round((total - available) / 1e6));
        add("system_memory_usage_percentage", Round((total - available) * 100.0 / total));
    }

    private static void AddDisk(Action<string, double?> add)
    {
        try
        {
            var disk = new DriveInfo(OperatingSystem.IsWindows() ? Path.GetPathRoot(Environment.CurrentDirectory)! : "/");
            var used = disk.TotalSize - disk.TotalFreeSpace;
            add("disk_usage_percentage", Round(used * 100.0 / (used + disk.AvailableFreeSpace)));
            add("disk_usage_megabytes", Round(used / 1e6));
            add("disk_available_megabytes", Round(disk.AvailableFreeSpace / 1e6));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // A disk that does not tell.
        }
    }

    /// <summary>Lines of /proc/net/dev, <c>eth0: received-bytes packets ... (8 fields) sent-bytes ...</c>; counted from the first sample on.</summary>
    private void AddNetwork(Action<string, double?> add)
    {
        double received = 0, sent = 0;
        var found = false;
        foreach (var line in LinuxFiles.Lines("/proc/net/dev"))
        {
            if (line.IndexOf(':', StringComparison.Ordinal) is not (var colon and > 0)) continue;
            var fields = line[(colon + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (fields.Length < 9) continue;
            (received, sent, found) = (received + double.Parse(fields[0], CultureInfo.InvariantCulture), sent + double.Parse(fields[8], CultureInfo.InvariantCulture), true);
        }
        if (!found) return;
        var start = _network ??= (received, sent);
        add("network_receive_megabytes", Round(Math.Max(0, received - start.Received) / 1e6));
        add("network_transmit_megabytes", Round(Math.Max(0, sent - start.Sent) / 1e6));
    }

    private void AddGroup(Action<string, double?> add)
    {
        if (Cgroup.MemoryLimit() is { } limit && Cgroup.MemoryUsed() is { } used)
        {
            add("container_memory_usage_megabytes", Round(used / 1e6));
            add("container_memory_usage_percentage", Round(used * 100.0 / limit));
        }
        if (Cgroup.CpuLimit() is not ({ } cores and > 0) || Cgroup.CpuSeconds() is not { } seconds) return;
        var now = (Seconds: seconds, Timestamp: Stopwatch.GetTimestamp());
        if (_group is { } before && Stopwatch.GetElapsedTime(before.Timestamp, now.Timestamp).TotalSeconds is var elapsed and > 0)
            add("container_cpu_utilization_percentage", Round((now.Seconds - before.Seconds) / elapsed / cores * 100));
        _group = now;
    }

    private static double Round(double value) => Math.Round(value, 2);
}
