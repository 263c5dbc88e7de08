using System.Globalization;

namespace Pilothouse.Server.Platform;

/// <summary>
/// Identifiers: 32 lower-case hex digits, as MLflow's run ids, but in the order in which this process made them (UUID version 7 with the counter of RFC 9562
/// section 6.2, method 1), so that "newest first" and keyset paging work on them even within one millisecond.
/// </summary>
public sealed class Ids(TimeProvider time)
{
    private const int MaxCounter = 0xFFF;
    private readonly Lock _gate = new();
    private long _lastMs;
    private int _counter;

    public string New()
    {
        var (ms, counter) = Next();
        // 019a8f3c21d4 7 003 9c1e7a5b03d2f486: milliseconds, version, counter, random.
        var id = Guid.CreateVersion7(DateTimeOffset.FromUnixTimeMilliseconds(ms)).ToString("N");
        return string.Concat(id.AsSpan(0, 13), counter.ToString("x3", CultureInfo.InvariantCulture), id.AsSpan(16));
    }

    /// <summary>A clock that stands still or is set back, and more than 4,096 ids in a millisecond, run ahead of the clock instead of out of order.</summary>
    private (long Ms, int Counter) Next()
    {
        lock (_gate)
        {
            var now = time.NowMs();
            if (now > _lastMs) (_lastMs, _counter) = (now, 0);
            else if (++_counter > MaxCounter) (_lastMs, _counter) = (_lastMs + 1, 0);
            return (_lastMs, _counter);
        }
    }
}
