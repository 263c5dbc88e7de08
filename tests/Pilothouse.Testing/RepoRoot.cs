namespace Pilothouse.Testing;

/// <summary>Finds files of the repository from a test's output directory.</summary>
public static class RepoRoot
{
    public static string Path { get; } = Find();

    /// <summary>Recordings and reference values that may lie beside the repository; null when they do not.</summary>
    public static string? Shared(params string[] parts)
    {
        var path = System.IO.Path.Combine([Path, "..", "shared", .. parts]);
        return File.Exists(path) || Directory.Exists(path) ? path : null;
    }

    private static string Find()
    {
        for (var directory = new DirectoryInfo(AppContext.BaseDirectory); directory is not null; directory = directory.Parent)
            if (File.Exists(System.IO.Path.Combine(directory.FullName, "pilothouse.slnx"))) return directory.FullName;
        throw new InvalidOperationException("pilothouse.slnx was not found above the test's directory.");
    }
}
