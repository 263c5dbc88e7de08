using System.Globalization;
using Pilothouse.Protocols.Artifacts;
using Pilothouse.Server.Modules.Blobs.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Blobs.Care;

/// <summary>
/// Whether a project has room for more: for what it names, what is being uploaded for it, and what was let in and has no name yet. Each content counts once, whichever ways it comes.
/// </summary>
internal sealed class QuotaService(UsageService usage, CareStore store, TimeProvider time) : IBlobQuota, IDisposable
{
    /// <summary>Figures are at most so old when something is let in; older where looking takes long.</summary>
    private static readonly TimeSpan MaxAge = TimeSpan.FromMinutes(1);

    /// <summary>Before something is refused it is looked again: room may have been made.</summary>
    private static readonly TimeSpan MinAge = TimeSpan.FromSeconds(2);

    /// <summary>So many times as long as looking takes: a full project must not keep the server busy with looking.</summary>
    private const int Rest = 10;

    /// <summary>What was let in, and is named by nothing after that time, is not coming; whoever names it later is asked again.</summary>
    private static readonly TimeSpan Hold = TimeSpan.FromMinutes(10);

    /// <summary>Contents without a digest are known by another name in a moment: a row of an upload, or the digest that they turn out to have.</summary>
    private static readonly TimeSpan HoldUnknown = TimeSpan.FromSeconds(5);
    private const int MaxHeld = 200_000;

    private readonly SemaphoreSlim _gate = new(1, 1);

    /// <summary>By project and key; under <see cref="_gate"/>, or a lock on it.</summary>
    private readonly Dictionary<(string Project, string Key), (long Size, long UntilMs)> _held = [];
    private Dictionary<string, (HashSet<Digest> Named, long Bytes)>? _figures;
    private long _readMs;
    private long _tookMs;

    public async Task RequireRoomAsync(string? project, IReadOnlyCollection<(string Key, long Size)> contents, CancellationToken ct)
    {
        if (string.IsNullOrEmpty(project) || contents.Count == 0 || await store.QuotaAsync(project, ct) is not { } quota) return;
        await _gate.WaitAsync(ct);
        try
        {
            if (_figures?.ContainsKey(project) != true || IsOlder(MaxAge)) await LookAsync(ct);
            var (used, more) = await CountAsync(project, contents, ct);
            if (more > 0 && used + more > quota && IsOlder(MinAge))
            {
                await LookAsync(ct);
                (used, more) = await CountAsync(project, contents, ct);
            }
            if (more > 0 && used + more > quota)
                throw new PilothouseException(ErrorCode.StorageFull, string.Create(CultureInfo.InvariantCulture, $"The project '{project}' may keep {quota} bytes and has {used}: {more} more do not fit. Nothing was kept. Delete what is not needed, or raise it: pilothouse blobs quota {project} SIZE"));
            lock (_held)
            {
                foreach (var (key, size) in contents)
                    if (_held.Count < MaxHeld) _held[(project, key)] = (size, time.NowMs() + (long)(Digest.TryParse(key, out _) ? Hold : HoldUnknown).TotalMilliseconds);
            }
        }
        finally
        {
            _gate.Release();
        }
    }

    public void Release(string? project, string key)
    {
        if (project is null) return;
        lock (_held) _held.Remove((project, key));
    }

    public void Dispose() => _gate.Dispose();

    private bool IsOlder(TimeSpan age) => time.NowMs() - _readMs > Math.Max((long)age.TotalMilliseconds, Rest * _tookMs);

    private async Task LookAsync(CancellationToken ct)
    {
        var started = time.GetTimestamp();
        _readMs = time.NowMs();
        _figures = await usage.LimitedAsync(ct);
        _tookMs = (long)time.GetElapsedTime(started).TotalMilliseconds;
    }

    /// <returns>Bytes that count already, and those of the contents that do not.</returns>
    private async Task<(long Used, long More)> CountAsync(string project, IReadOnlyCollection<(string Key, long Size)> contents, CancellationToken ct)
    {
        var (named, used) = _figures!.TryGetValue(project, out var figures) ? figures : ([], 0L);
        var coming = new Dictionary<string, long>(StringComparer.Ordinal);
        foreach (var (key, size) in await store.UploadsAsync(project, ct)) coming.TryAdd(key, size);
        lock (_held)
        {
            var now = time.NowMs();
            foreach (var gone in _held.Where(h => h.Value.UntilMs <= now).Select(h => h.Key).ToList()) _held.Remove(gone);
            foreach (var (held, (size, _)) in _held)
                if (held.Project == project) coming.TryAdd(held.Key, size);
        }
        foreach (var (key, size) in coming)
            if (!IsNamed(key)) used += size;
        return (used, contents.DistinctBy(c => c.Key).Where(c => !coming.ContainsKey(c.Key) && !IsNamed(c.Key)).Sum(c => c.Size));

        bool IsNamed(string key) => Digest.TryParse(key, out var digest) && named.Contains(digest);
    }
}
