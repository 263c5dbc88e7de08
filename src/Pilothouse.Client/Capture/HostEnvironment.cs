using System.Collections;
using System.Reflection;
using System.Runtime.InteropServices;

namespace Pilothouse.Client.Capture;

/// <param name="MemoryBytes">Of the graphics card.</param>
internal sealed record Gpu(int Index, string Name, long MemoryBytes, string Driver);

/// <summary>A container around the run, as its control group tells.</summary>
/// <param name="Kind"><c>docker</c>, <c>podman</c>, <c>kubernetes</c> or <c>container</c>.</param>
/// <param name="CpuLimit">Cores; null = none.</param>
/// <param name="MemoryLimitBytes">Null = none.</param>
internal sealed record ContainerInfo(string? Kind, string? Image, double? CpuLimit, long? MemoryLimitBytes);

/// <summary>Where a run ran. Written as <c>source/environment.json</c> among its artifacts.</summary>
internal sealed record HostEnvironment(string Os, string Kernel, string Architecture, string Cpu, int Cores, long MemoryBytes, IReadOnlyList<Gpu> Gpus, ContainerInfo? Container, string DotNet, string Pilothouse, string Host,
    string WorkingDirectory, IReadOnlyList<string> Command, PackageLists Packages, IReadOnlyDictionary<string, string> Variables, IReadOnlyList<string> OtherVariables)
{
    private const int MaxVariables = 500;
    private const int MaxValue = 4000;

    /// <summary>Values of variables with these names or beginnings are recorded (secrets among them masked); of all others only the name, since a value may hold anything.</summary>
    private static readonly string[] Recorded = ["PATH", "LD_LIBRARY_PATH", "LD_PRELOAD", "LANG", "LC_", "TZ", "CI", "SHELL", "PYTHON", "VIRTUAL_ENV", "CONDA_", "CUDA", "NVIDIA_", "NCCL_", "ROCR_", "HIP_", "OMP_", "MKL_", "OPENBLAS_", "NUMEXPR_",
        "TORCH", "PYTORCH_", "TF_", "XLA_", "JAX_", "KERAS_", "TOKENIZERS_", "TRANSFORMERS_", "HF_", "HUGGINGFACE_", "VLLM_", "MLFLOW_", "PILOTHOUSE_", "WANDB_", "DOTNET_", "COMPlus_", "ASPNETCORE_ENVIRONMENT", "NODE_", "SLURM_", "RANK", "LOCAL_RANK",
        "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT", "GITHUB_SHA", "GITHUB_REF", "GITHUB_RUN_ID", "GITHUB_REPOSITORY", "CI_COMMIT_", "CI_JOB_ID", "CI_PIPELINE_ID", "BUILD_NUMBER", "BUILD_URL", "JOB_NAME", "CIRCLE_SHA1", "TRAVIS_COMMIT", "KUBERNETES_SERVICE_HOST"];

    private static string ProductVersion => typeof(HostEnvironment).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "";

    public static async Task<HostEnvironment> DescribeAsync(IReadOnlyList<string> command, string directory, CancellationToken ct)
    {
        var variables = Environment.GetEnvironmentVariables().Cast<DictionaryEntry>().Select(v => (Name: (string)v.Key, Value: (string?)v.Value ?? "")).OrderBy(v => v.Name, StringComparer.Ordinal).Take(MaxVariables).ToList();
        var recorded = variables.Where(v => Array.Exists(Recorded, r => v.Name == r || r is not ("CI" or "PATH" or "TZ" or "LANG" or "RANK" or "SHELL") && v.Name.StartsWith(r, StringComparison.Ordinal))).ToList();
        return new HostEnvironment(OsName(), RuntimeInformation.OSDescription, RuntimeInformation.OSArchitecture.ToString().ToLowerInvariant(), CpuName(), Environment.ProcessorCount,
            LinuxFiles.MemoryTotal() ?? GC.GetGCMemoryInfo().TotalAvailableMemoryBytes, await NvidiaSmi.ListAsync(ct), Cgroup.Describe(), RuntimeInformation.FrameworkDescription, ProductVersion, Environment.MachineName,
            directory, Secrets.MaskedCommand(command), await PackageLists.ReadAsync(command, directory, ct), recorded.ToDictionary(v => v.Name, v => Cut(Secrets.Masked(v.Name, v.Value))),
            [.. variables.Select(v => v.Name).Except(recorded.Select(v => v.Name))]);
    }

    /// <summary>Line <c>PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"</c> of /etc/os-release.</summary>
    private static string OsName() => LinuxFiles.Lines("/etc/os-release").FirstOrDefault(l => l.StartsWith("PRETTY_NAME=", StringComparison.Ordinal))?[12..].Trim('"') ?? RuntimeInformation.OSDescription;

    /// <summary>Line <c>model name : AMD EPYC 7B13</c> of /proc/cpuinfo.</summary>
    private static string CpuName() => LinuxFiles.Lines("/proc/cpuinfo").FirstOrDefault(l => l.StartsWith("model name", StringComparison.Ordinal))?.Split(':', 2)[1].Trim()
        ?? Environment.GetEnvironmentVariable("PROCESSOR_IDENTIFIER") ?? "";

    private static string Cut(string value) => value.Length <= MaxValue ? value : value[..MaxValue] + "...";
}
