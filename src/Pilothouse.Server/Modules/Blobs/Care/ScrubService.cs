using System.Buffers;
using System.Security.Cryptography;
using Pilothouse.Protocols.Artifacts;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Blobs.Api;
using Pilothouse.Server.Modules.Blobs.Storage;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Blobs.Care;

/// <summary>
/// Reads everything in the store at a limited rate and compares it with its digest; then looks whether everything that is named is there. Changes nothing, and does
/// not count as use.
/// </summary>
internal sealed class ScrubService(BlobStore blobs, IBlobBackend backend, CareStore store, IEnumerable<IBlobClaims> claims, IBackgroundWork work, TimeProvider time)
{
    private const int MaxFaults = 1000;
    private const int BufferSize = 1024 * 1024;
    private static readonly TimeSpan SaveInterval = TimeSpan.FromSeconds(5);

    private Run? _run;

    /// <summary>Begins a scrub; it goes on by itself.</summary>
    /// <exception cref="PilothouseException">FailedPrecondition: one runs already. InvalidArgument.</exception>
    public async Task<ScrubReport> StartAsync(ScrubRequest request, CancellationToken ct)
    {
        if (request.MegabytesPerSecond is not (>= 0 and <= 1_000_000)) throw new PilothouseException(ErrorCode.InvalidArgument, "megabytes_per_second must be between 0 (as fast as it goes) and 1000000.");
        var run = new Run(time.NowMs(), request.MegabytesPerSecond * 1e6);
        if (Interlocked.CompareExchange(ref _run, run, null) is not null) throw new PilothouseException(ErrorCode.FailedPrecondition, "A scrub is running already: pilothouse blobs scrub --status");
        try
        {
            await store.SaveAsync("scrub", run.StartedMs, WireJson.Write(run.Report("running", null)), ct);
            work.Enqueue("blob scrub", token => ScrubAsync(run, token));
        }
        catch
        {
            Volatile.Write(ref _run, null);
            throw;
        }
        return run.Report("running", null);
    }

    /// <returns>Null = there was none yet.</returns>
    public async Task<ScrubReport?> LastAsync(CancellationToken ct)
    {
        if (Volatile.Read(ref _run) is { } run) return run.Report("running", null);
        if (await store.LastAsync("scrub", ct) is not { } saved) return null;
        var report = WireJson.Read<ScrubReport>(saved);
        return report.State == "running" ? report with { State = "interrupted" } : report;
    }

    private async Task ScrubAsync(Run run, CancellationToken ct)
    {
        try
        {
            var seen = new HashSet<Digest>();
            await foreach (var stored in backend.ListAsync(BlobForm.Whole, ct))
            {
                seen.Add(stored.Digest);
                await CheckAsync(run, stored.Digest, ct);
            }
            await foreach (var stored in backend.ListAsync(BlobForm.Recipe, ct))
            {
                seen.Add(stored.Digest);
                await CheckAsync(run, stored.Digest, ct);
            }
            await FindMissingAsync(run, seen, ct);
            await store.SaveAsync("scrub", run.StartedMs, WireJson.Write(run.Report("done", time.NowMs())), ct);
        }
        finally
        {
            Volatile.Write(ref _run, null);
        }
    }

    private async Task CheckAsync(Run run, Digest digest, CancellationToken ct)
    {
        try
        {
            await using var content = await blobs.OpenAsync(digest, ct);
            if (content is null) return; // collected meanwhile
            var actual = await HashAsync(run, content, ct);
            if (actual != digest) run.Add(new ScrubFault(digest.ToString(), "corrupt", $"its content has the digest {actual}"));
            run.Counted();
        }
        catch (IOException e)
        {
            run.Add(new ScrubFault(digest.ToString(), "corrupt", e.Message));
        }
        if (time.NowMs() - run.SavedMs < SaveInterval.TotalMilliseconds) return;
        run.SavedMs = time.NowMs();
        await store.SaveAsync("scrub", run.StartedMs, WireJson.Write(run.Report("running", null)), ct);
    }

    private async Task<Digest> HashAsync(Run run, Stream content, CancellationToken ct)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var buffer = ArrayPool<byte>.Shared.Rent(BufferSize);
        try
        {
            for (int read; (read = await content.ReadAsync(buffer, ct)) > 0;)
            {
                hash.AppendData(buffer, 0, read);
                if (run.Behind(read, time.NowMs()) is { } wait) await Task.Delay(wait, time, ct);
            }
            return Digest.FromHash(hash.GetHashAndReset());
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private async Task FindMissingAsync(Run run, HashSet<Digest> seen, CancellationToken ct)
    {
        var missing = new Dictionary<Digest, string>();
        foreach (var module in claims)
        {
            await module.ReadAsync(claim =>
            {
                if (Digest.TryParse(claim.Digest, out var digest) && !seen.Contains(digest)) missing.TryAdd(digest, claim.Name);
            }, ct);
        }
        foreach (var (digest, name) in missing)
        {
            // Stored since the list was made?
            await using var content = await blobs.OpenAsync(digest, ct);
            if (content is null) run.Add(new ScrubFault(digest.ToString(), "missing", name));
        }
    }

    private sealed class Run(long startedMs, double bytesPerSecond)
    {
        private readonly Lock _lock = new();
        private readonly List<ScrubFault> _faults = [];
        private long _blobs;
        private long _bytes;
        private int _count;

        public long StartedMs { get; } = startedMs;

        public long SavedMs { get; set; } = startedMs;

        public void Counted() => Interlocked.Increment(ref _blobs);

        public void Add(ScrubFault fault)
        {
            lock (_lock)
            {
                _count++;
                if (_faults.Count < MaxFaults) _faults.Add(fault);
            }
        }

        /// <returns>How long to wait to keep the rate; null = not at all.</returns>
        public TimeSpan? Behind(int read, long nowMs)
        {
            var bytes = Interlocked.Add(ref _bytes, read);
            if (bytesPerSecond == 0) return null;
            var ahead = bytes / bytesPerSecond * 1000 - (nowMs - StartedMs);
            return ahead > 10 ? TimeSpan.FromMilliseconds(ahead) : null;
        }

        public ScrubReport Report(string state, long? endedMs)
        {
            lock (_lock) return new ScrubReport(state, StartedMs, endedMs, Interlocked.Read(ref _blobs), Interlocked.Read(ref _bytes), _count, [.. _faults]);
        }
    }
}
