namespace Pilothouse.Testing;

/// <summary>Waits for what another process does. The limit only ends a test that would hang.</summary>
public static class Eventually
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(2);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(50);

    /// <summary>Asks again until the answer is not null.</summary>
    public static async Task<T> GetAsync<T>(Func<Task<T?>> ask) where T : class
    {
        using var limit = new CancellationTokenSource(Limit);
        while (true)
        {
            if (await ask() is { } answer) return answer;
            await Task.Delay(Pause, limit.Token);
        }
    }

    /// <summary>Asks again until the answer is true.</summary>
    public static Task TrueAsync(Func<Task<bool>> ask) => GetAsync(async () => await ask() ? "" : null);
}
