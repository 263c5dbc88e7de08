using Pilothouse.Testing;

namespace Pilothouse.EndToEnd.Tests.Hub;

/// <summary>A package of npm, installed once beside the build's results. The test that needs it is skipped visibly where there is no Node or no registry.</summary>
internal static class NpmPeer
{
    private static readonly SemaphoreSlim Gate = new(1);

    /// <param name="package">With its version: <c>@huggingface/hub@2.17.5</c>.</param>
    /// <returns>Directory in which a script finds the package.</returns>
    public static async Task<string> InstallAsync(string package)
    {
        if (!Shell.Has("node") || !Shell.Has("npm")) Assert.Skip("Node and npm are not here.");
        var directory = Path.Combine(RepoRoot.Path, "artifacts", "npm", package.Replace('/', '_').Replace('@', '_'));
        var done = Path.Combine(directory, "installed");
        await Gate.WaitAsync();
        try
        {
            if (File.Exists(done)) return directory;
            Directory.CreateDirectory(directory);
            await File.WriteAllTextAsync(Path.Combine(directory, "package.json"), """{"private":true,"type":"module"}""");
            // No scripts of packages are run: what is needed is there without them.
            var outcome = await Shell.RunAsync(directory, "npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", package);
            if (outcome.ExitCode != 0) Assert.Skip($"{package} cannot be installed: {outcome.Error}");
            await File.WriteAllTextAsync(done, "");
            return directory;
        }
        finally
        {
            Gate.Release();
        }
    }

    /// <summary>Runs a script of the tests with the package in reach.</summary>
    /// <returns>The last line it printed: clients print their own progress before it.</returns>
    public static async Task<string> RunAsync(string directory, string script, params string[] arguments)
    {
        var copy = Path.Combine(directory, script);
        File.Copy(Path.Combine(RepoRoot.Path, "tests", "Pilothouse.EndToEnd.Tests", "Hub", script), copy, overwrite: true);
        return (await Shell.RunAsync(directory, "node", [copy, .. arguments])).Succeeded().TrimEnd().Split('\n')[^1];
    }
}
