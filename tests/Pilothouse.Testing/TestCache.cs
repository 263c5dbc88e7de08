using System.Runtime.CompilerServices;

namespace Pilothouse.Testing;

/// <summary>What clients remember between runs (digests of files) stays out of the home directory while tests run; processes started by tests inherit it.</summary>
internal static class TestCache
{
    [ModuleInitializer]
    internal static void Initialize() => Environment.SetEnvironmentVariable("PILOTHOUSE_CACHE", Path.Combine(Path.GetTempPath(), $"pilothouse-test-cache-{Environment.ProcessId}"));
}
