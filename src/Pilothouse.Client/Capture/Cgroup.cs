using System.Globalization;

namespace Pilothouse.Client.Capture;

/// <summary>The control group of this process (version 2, and the memory and CPU files of version 1). See cgroups(7).</summary>
internal static class Cgroup
{
    private const string Root = "/sys/fs/cgroup";

    /// <summary>A limit of version 1 that means none: 2^63 rounded down to pages.</summary>
    private const long NoLimit = long.MaxValue / 2;

    public static ContainerInfo? Describe()
    {
        var kind = File.Exists("/.dockerenv") ? "docker"
            : File.Exists("/run/.containerenv") ? "podman"
            : Environment.GetEnvironmentVariable("KUBERNETES_SERVICE_HOST") is { Length: > 0 } ? "kubernetes"
            : LinuxFiles.Lines("/proc/1/cgroup").Any(l => l.Contains("docker", StringComparison.Ordinal) || l.Contains("kubepods", StringComparison.Ordinal) || l.Contains("containerd", StringComparison.Ordinal)) ? "container" : null;
        var (cpu, memory) = (CpuLimit(), MemoryLimit());
        // /run/.containerenv of podman: image="docker.io/library/python:3.12"
        var image = LinuxFiles.Lines("/run/.containerenv").FirstOrDefault(l => l.StartsWith("image=", StringComparison.Ordinal))?[6..].Trim('"');
        return kind is null && cpu is null && memory is null ? null : new ContainerInfo(kind, image, cpu, memory);
    }

    /// <summary>Cores: <c>cpu.max</c> is <c>150000 100000</c> for 1.5.</summary>
    public static double? CpuLimit()
    {
        if (Find("cpu.max") is { } path && LinuxFiles.Text(path)?.Split(' ') is [var quota, var period] && double.TryParse(quota, CultureInfo.InvariantCulture, out var q) && double.TryParse(period, CultureInfo.InvariantCulture, out var p)) return q / p;
        return LinuxFiles.Number($"{Root}/cpu/cpu.cfs_quota_us") is { } old && LinuxFiles.Number($"{Root}/cpu/cpu.cfs_period_us") is { } length and > 0 ? (double)old / length : null;
    }

    public static long? MemoryLimit() => (Find("memory.max") is { } path ? LinuxFiles.Number(path) : LinuxFiles.Number($"{Root}/memory/memory.limit_in_bytes")) is { } limit and < NoLimit ? limit : null;

    public static long? MemoryUsed() => Find("memory.current") is { } path ? LinuxFiles.Number(path) : LinuxFiles.Number($"{Root}/memory/memory.usage_in_bytes");

    /// <summary>Seconds of CPU used: line <c>usage_usec 12345</c> of cpu.stat.</summary>
    public static double? CpuSeconds() => Find("cpu.stat") is { } path && LinuxFiles.Lines(path).FirstOrDefault(l => l.StartsWith("usage_usec ", StringComparison.Ordinal)) is { } line
        && double.TryParse(line[11..], CultureInfo.InvariantCulture, out var microseconds) ? microseconds / 1e6 : null;

    /// <summary>In the own group (<c>0::/user.slice/x</c> of /proc/self/cgroup), else in the root, which in a container is the own group.</summary>
    private static string? Find(string name)
    {
        var own = LinuxFiles.Lines("/proc/self/cgroup").FirstOrDefault(l => l.StartsWith("0::", StringComparison.Ordinal))?[3..] ?? "/";
        return new[] { Root + own.TrimEnd('/') + "/" + name, $"{Root}/{name}" }.FirstOrDefault(File.Exists);
    }
}
