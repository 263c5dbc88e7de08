using System.Runtime.CompilerServices;

namespace Pilothouse.Testing;

/// <summary>What clients remember between runs (digests of files) stays out of the home directory while tests run; processes started by tests inherit it.</summary>
internal static class TestCache
{
#pragma warning disable CA2255 // Before the first client of a test assembly is made, whichever that is.
    [ModuleInitializer]
#pragma warning restore CA2255
    internal static void Initialize() => Environment.SetEnvironmentVariable("PILOTHOUSE_CACHE", Path.Combine(Path.GetTempPath(), $"pilothouse-test-cache-{Environment.ProcessId}"));
}
