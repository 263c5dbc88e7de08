namespace Pilothouse.CiRunner;

internal static class Programs
{
    /// <returns>The full path of a program in PATH; null when there is none.</returns>
    public static string? Find(string name) => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Where(p => p.StartsWith('/')).Select(p => Path.Combine(p, name)).FirstOrDefault(File.Exists);
}
