using System.Globalization;
using System.Text;

namespace Pilothouse.Client.Capture;

/// <summary>One reading of a graphics card; null where the driver does not tell.</summary>
internal sealed record GpuUsage(int Index, double? UtilizationPercent, double? MemoryUsedMegabytes, double? MemoryPercent, double? PowerWatts, double? PowerPercent);

/// <summary>NVIDIA graphics cards by <c>nvidia-smi --query-gpu=... --format=csv,noheader,nounits</c>.</summary>
internal static class NvidiaSmi
{
    private const int MaxOutput = 64 * 1024;
    private const double Mebi = 1024 * 1024;
    private static readonly TimeSpan TimeLimit = TimeSpan.FromSeconds(10);

    /// <summary>Looked for once: most machines have none, and a search through PATH at each sample is not free.</summary>
    private static readonly Lazy<bool> Present = new(() => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator).Any(d => d.Length > 0 && File.Exists(Path.Combine(d, "nvidia-smi"))));

    public static async Task<IReadOnlyList<Gpu>> ListAsync(CancellationToken ct) =>
        [.. (await QueryAsync("index,name,memory.total,driver_version", ct)).Where(f => f.Length == 4)
            .Select(f => new Gpu((int)(Number(f[0]) ?? 0), f[1], (long)((Number(f[2]) ?? 0) * Mebi), f[3]))];

    public static async Task<IReadOnlyList<GpuUsage>> SampleAsync(CancellationToken ct) =>
        [.. (await QueryAsync("index,utilization.gpu,memory.used,memory.total,power.draw,enforced.power.limit", ct)).Where(f => f.Length == 6).Select(Usage)];

    /// <summary>For example <c>0, 37, 1843, 24564, 61.20, 350.00</c>: memory in MiB, power in W, <c>[N/A]</c> where unknown.</summary>
    internal static GpuUsage Usage(string[] f)
    {
        var (used, total, power, limit) = (Number(f[2]), Number(f[3]), Number(f[4]), Number(f[5]));
        return new GpuUsage((int)(Number(f[0]) ?? 0), Number(f[1]), used * Mebi / 1e6, total > 0 ? Math.Round((used ?? 0) / total.Value * 100, 1) : null, power, limit > 0 ? power / limit * 100 : null);
    }

    internal static List<string[]> Rows(string text) => [.. text.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Select(l => l.Split(',', StringSplitOptions.TrimEntries))];

    private static async Task<List<string[]>> QueryAsync(string fields, CancellationToken ct)
    {
        if (!Present.Value) return [];
        var output = await Tool.RunAsync("nvidia-smi", [$"--query-gpu={fields}", "--format=csv,noheader,nounits"], Environment.CurrentDirectory, MaxOutput, TimeLimit, ct);
        return output is null ? [] : Rows(Encoding.UTF8.GetString(output));
    }

    private static double? Number(string text) => double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) ? number : null;
}
