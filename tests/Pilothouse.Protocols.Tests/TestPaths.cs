namespace Pilothouse.Protocols.Tests;

/// <summary>Finds files of the repository and, beside it, the shared recordings of real producers.</summary>
internal static class TestPaths
{
    public static string RepositoryRoot { get; } = FindRoot();

    /// <summary>The golden folder of a protocol; skips the test, visibly, when it is not there.</summary>
    public static string Golden(string name)
    {
        var path = Path.GetFullPath(Path.Combine(RepositoryRoot, "..", "shared", "golden", name));
        if (!Directory.Exists(path))
            Assert.Skip($"Golden data is not present: {path}");
        return path;
    }

    private static string FindRoot()
    {
        var directory = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(directory, "pilothouse.slnx")))
            directory = Path.GetDirectoryName(directory) ?? throw new InvalidOperationException("The tests run outside their repository.");
        return directory;
    }
}
