namespace Pilothouse.Samples.Tests;

/// <summary>Finds samples/support-assistant from the test's output directory.</summary>
internal static class SampleFiles
{
    public static string Project { get; } = Path.Combine(Root(), "samples", "support-assistant");

    public static string Data(string file) => Path.Combine(Project, "data", file);

    public static string Model(string name) => Path.Combine(Project, "models", name);

    private static string Root()
    {
        for (var directory = new DirectoryInfo(AppContext.BaseDirectory); directory is not null; directory = directory.Parent)
            if (File.Exists(Path.Combine(directory.FullName, "pilothouse.slnx"))) return directory.FullName;
        throw new InvalidOperationException("pilothouse.slnx was not found above the test's directory.");
    }
}
