using System.Collections.Concurrent;
using Pilothouse.Server.Platform.Inference;

namespace Pilothouse.Server.Modules.Evaluation;

/// <summary>Keeps all evaluations together within what a remote engine allows: requests and tokens a minute, and the pauses that it asks for.</summary>
internal sealed class RateLimits(TimeProvider time)
{
    /// <summary>Engines that are remembered; beyond it all start anew.</summary>
    private const int MaxEngines = 1_000;

    /// <summary>An engine that asks for more is asked again after this: its answer then says why not.</summary>
    private static readonly TimeSpan LongestPause = TimeSpan.FromMinutes(2);

    private readonly ConcurrentDictionary<(string?, string), Bucket> _buckets = new();

    /// <summary>Waits until one more request may be sent.</summary>
    public async Task WaitAsync(InferenceTarget target, CancellationToken ct)
    {
        if (target.Url is null) return;
        var bucket = Of(target);
        for (var wait = bucket.Take(target, time); wait > TimeSpan.Zero; wait = bucket.Take(target, time)) await Task.Delay(wait, time, ct);
    }

    public void Spent(InferenceTarget target, int tokens)
    {
        if (target is { Url: not null, TokensPerMinute: not null }) Of(target).Spend(tokens);
    }

    /// <summary>The engine said when to come again: nobody asks it before.</summary>
    public void Pause(InferenceTarget target, TimeSpan wait)
    {
        if (wait > LongestPause) wait = LongestPause;
        if (target.Url is not null) Of(target).Pause(time.GetTimestamp() + (long)(wait.TotalSeconds * time.TimestampFrequency));
    }

    private Bucket Of(InferenceTarget target)
    {
        if (_buckets.Count >= MaxEngines) _buckets.Clear();
        return _buckets.GetOrAdd((target.Url, target.Model), _ => new Bucket(time.GetTimestamp()));
    }

    /// <summary>Token buckets of one engine: a second's worth of requests and ten seconds' worth of tokens may come at once.</summary>
    private sealed class Bucket(long started)
    {
        private static readonly TimeSpan Shortest = TimeSpan.FromMilliseconds(1);

        private readonly Lock _gate = new();
        private double _requests = 1;
        private double? _tokens;
        private long _at = started;
        private long _pausedUntil = started;

        /// <returns>Zero = taken; else how long to wait before asking again.</returns>
        public TimeSpan Take(InferenceTarget target, TimeProvider time)
        {
            lock (_gate)
            {
                var now = time.GetTimestamp();
                if (now < _pausedUntil) return AtLeastShortest(time.GetElapsedTime(now, _pausedUntil));
                var minutes = time.GetElapsedTime(_at, now).TotalMinutes;
                _at = now;
                if (target.RequestsPerMinute is { } requests)
                {
                    _requests = Math.Min(Math.Max(1, requests / 60.0), _requests + minutes * requests);
                    if (_requests < 1) return AtLeastShortest(TimeSpan.FromMinutes((1 - _requests) / requests));
                }
                if (target.TokensPerMinute is { } tokens)
                {
                    var most = Math.Max(1, tokens / 6.0);
                    _tokens = Math.Min(most, (_tokens ?? most) + minutes * tokens);
                    if (_tokens <= 0) return AtLeastShortest(TimeSpan.FromMinutes((1 - _tokens.Value) / tokens));
                }
                if (target.RequestsPerMinute is not null) _requests--;
                return TimeSpan.Zero;
            }
        }

        public void Spend(int tokens)
        {
            lock (_gate) _tokens -= tokens;
        }

        public void Pause(long until)
        {
            lock (_gate) _pausedUntil = Math.Max(_pausedUntil, until);
        }

        private static TimeSpan AtLeastShortest(TimeSpan wait) => wait < Shortest ? Shortest : wait;
    }
}
