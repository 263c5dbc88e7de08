using System.Reflection;
using System.Runtime.InteropServices;

namespace Pilothouse.Commands.Runs;

/// <summary>Where a run ran. Written as <c>environment.json</c> among its artifacts.</summary>
internal sealed record HostEnvironment(string Os, string Architecture, string Cpu, int Cores, long MemoryBytes, string DotNet, string Pilothouse, string Host, string WorkingDirectory,
    IReadOnlyList<string> Command, IReadOnlyDictionary<string, string> Variables)
{
    /// <summary>Only these variables are recorded: others may hold secrets.</summary>
    private static readonly string[] Allowed = ["PATH", "PYTHONPATH", "PYTHONHASHSEED", "VIRTUAL_ENV", "CONDA_DEFAULT_ENV", "CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES", "OMP_NUM_THREADS",
        "MKL_NUM_THREADS", "TOKENIZERS_PARALLELISM", "DOTNET_gcServer", "DOTNET_TieredPGO", "LANG", "LC_ALL", "TZ", "CI", "BUILD_NUMBER", "JOB_NAME", "GITHUB_SHA", "GITHUB_RUN_ID", "CI_COMMIT_SHA",
        "CI_JOB_ID", "SLURM_JOB_ID", "RANK", "LOCAL_RANK", "WORLD_SIZE"];

    private static string ProductVersion => typeof(HostEnvironment).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "";

    public static HostEnvironment Describe(IReadOnlyList<string> command) => new(RuntimeInformation.OSDescription, RuntimeInformation.OSArchitecture.ToString().ToLowerInvariant(), CpuName(),
        Environment.ProcessorCount, GC.GetGCMemoryInfo().TotalAvailableMemoryBytes, RuntimeInformation.FrameworkDescription, ProductVersion, Environment.MachineName,
        Environment.CurrentDirectory, command, Allowed.Select(name => (name, value: Environment.GetEnvironmentVariable(name))).Where(v => v.value is not null).ToDictionary(v => v.name, v => v.value!));

    /// <summary>Line <c>model name : AMD EPYC 7B13</c> of /proc/cpuinfo.</summary>
    private static string CpuName()
    {
        try
        {
            return OperatingSystem.IsLinux() ? File.ReadLines("/proc/cpuinfo").FirstOrDefault(l => l.StartsWith("model name", StringComparison.Ordinal))?.Split(':', 2)[1].Trim() ?? ""
                : Environment.GetEnvironmentVariable("PROCESSOR_IDENTIFIER") ?? "";
        }
        catch (IOException)
        {
            return "";
        }
    }
}
