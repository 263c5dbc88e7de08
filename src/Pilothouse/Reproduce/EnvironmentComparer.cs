using System.Globalization;
using Pilothouse.Client.Capture;
using Pilothouse.Protocols.V1;

namespace Pilothouse.Reproduce;

/// <summary>What is different here from where a run ran.</summary>
internal static class EnvironmentComparer
{
    /// <summary>Variables that change what a program computes, and that mean the same on every machine: they are set again as they were.</summary>
    private static readonly string[] Restored = ["PYTHONHASHSEED", "CUBLAS_WORKSPACE_CONFIG", "OMP_NUM_THREADS", "OMP_SCHEDULE", "MKL_", "OPENBLAS_", "NUMEXPR_", "TORCH_DETERMINISTIC", "PYTORCH_CUDA_ALLOC", "TF_DETERMINISTIC", "TF_CUDNN", "XLA_FLAGS", "JAX_", "TOKENIZERS_PARALLELISM", "DOTNET_Enable", "NVIDIA_TF32", "PILOTHOUSE_SEED"];

    private const string Masked = "***";

    public static IReadOnlyDictionary<string, string> Variables(HostEnvironment recorded) => recorded.Variables
        .Where(v => Array.Exists(Restored, r => v.Key.StartsWith(r, StringComparison.Ordinal)) && !v.Value.Contains(Masked, StringComparison.Ordinal)).ToDictionary(v => v.Key, v => v.Value);

    /// <returns>Differences, and packages that are not here at all.</returns>
    public static (IReadOnlyList<EnvironmentDifference> Differences, IReadOnlyList<string> Missing) Compare(HostEnvironment recorded, HostEnvironment here)
    {
        var differences = new List<EnvironmentDifference>();
        var missing = new List<string>();
        Add("operating system", recorded.Os, here.Os);
        Add("kernel", recorded.Kernel, here.Kernel);
        Add("architecture", recorded.Architecture, here.Architecture);
        Add("cpu", recorded.Cpu, here.Cpu);
        Add("cores", recorded.Cores.ToString(CultureInfo.InvariantCulture), here.Cores.ToString(CultureInfo.InvariantCulture));
        Add("gpus", Gpus(recorded), Gpus(here));
        Add("container image", recorded.Container?.Image, here.Container?.Image);
        Add("pilothouse", recorded.Pilothouse, here.Pilothouse);
        Add("python", recorded.Packages.PythonVersion, here.Packages.PythonVersion);
        Packages("package", recorded.Packages.Python, here.Packages.Python, "==");
        Packages("conda package", recorded.Packages.Conda, here.Packages.Conda, "=");
        Packages("nuget package", recorded.Packages.DotNet, here.Packages.DotNet, "/");
        var restored = Variables(recorded);
        foreach (var name in restored.Keys.Union(Variables(here).Keys).Order(StringComparer.Ordinal))
            if (!restored.ContainsKey(name)) Add($"variable {name}", null, here.Variables[name]);
        return (differences, missing);

        void Add(string what, string? was, string? now)
        {
            if (!string.IsNullOrEmpty(was + now) && was != now) differences.Add(new EnvironmentDifference(what, was, now));
        }

        // A list that is null is not known, on either side: dotnet's is there only after a restore, which the command does itself.
        void Packages(string what, IReadOnlyList<string>? was, IReadOnlyList<string>? now, string separator)
        {
            if (was is null || now is null) return;
            var (before, after) = (Versions(was, separator), Versions(now, separator));
            foreach (var (name, version) in before)
            {
                if (!after.TryGetValue(name, out var other)) missing.Add($"{what} {name} {version}".TrimEnd());
                else Add($"{what} {name}", version, other);
            }
        }
    }

    private static string Gpus(HostEnvironment e) => string.Join(", ", e.Gpus.Select(g => $"{g.Name} (driver {g.Driver})"));

    // numpy==2.1.0 | numpy=2.1.0=py312_0 | Google.Protobuf/3.30.0
    private static Dictionary<string, string> Versions(IReadOnlyList<string> lines, string separator)
    {
        var versions = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        foreach (var line in lines)
        {
            var cut = line.IndexOf(separator, StringComparison.Ordinal);
            versions[cut < 0 ? line : line[..cut]] = cut < 0 ? "" : line[(cut + separator.Length)..];
        }
        return versions;
    }
}
