namespace Pilothouse.Server.Platform;

/// <summary>The one way time is stored and sent: milliseconds since 1970-01-01 UTC.</summary>
public static class Clock
{
    public static long NowMs(this TimeProvider time) => time.GetUtcNow().ToUnixTimeMilliseconds();
}
