using System.Collections.Concurrent;

namespace Pilothouse.Testing;

/// <summary>The repository's real sample models, with the files that are derived and not committed.</summary>
public static class SampleModels
{
    private static readonly ConcurrentDictionary<string, Lazy<Task<string>>> Exported = new();

    /// <summary>Directory of a sample model (<c>assistant-v4</c>, <c>triage-v1</c>, ...) in a copy that holds model.onnx. Shared by all tests of the process: read only.</summary>
    public static Task<string> DirectoryAsync(string name) => Exported.GetOrAdd(name, n => new Lazy<Task<string>>(() => ExportAsync(n))).Value;

    /// <summary>A copy of its own, for tests that damage it.</summary>
    public static async Task<string> CopyAsync(string name) => Copy(await DirectoryAsync(name));

    /// <summary>Runs the samples' own tool, the reference for what the models answer.</summary>
    public static Task<Shell.Outcome> RunToolAsync(params string[] arguments)
    {
        var configuration = new DirectoryInfo(AppContext.BaseDirectory).Name;
        return Shell.RunAsync(RepoRoot.Path, "dotnet", [Path.Combine(RepoRoot.Path, "artifacts", "bin", "TinyModels", configuration, "tiny-models.dll"), .. arguments]);
    }

    public static string Data(string file) => Path.Combine(RepoRoot.Path, "samples", "support-assistant", "data", file);

    private static async Task<string> ExportAsync(string name)
    {
        var copy = Copy(Path.Combine(RepoRoot.Path, "samples", "support-assistant", "models", name));
        if (!File.Exists(Path.Combine(copy, "model.onnx"))) (await RunToolAsync("export", copy, "--onnx")).Succeeded();
        return copy;
    }

    private static string Copy(string source)
    {
        var copy = Directory.CreateTempSubdirectory("pilothouse-model-").FullName;
        foreach (var file in Directory.EnumerateFiles(source)) File.Copy(file, Path.Combine(copy, Path.GetFileName(file)));
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Directory.Delete(copy, recursive: true);
        return copy;
    }
}
