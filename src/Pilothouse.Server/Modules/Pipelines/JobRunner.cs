using System.Collections.Concurrent;
using System.Data.Common;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Pilothouse.Server.Modules.Blobs.Api;
using Pilothouse.Server.Modules.Pipelines.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Pipelines;

/// <summary>Takes jobs from the queue and runs them, a few at a time.</summary>
internal sealed partial class JobRunner(JobStore store, ProcessExecutor executor, IBlobStore blobs, IEventBus events, ServerOptions server, TimeProvider time, IOptions<PipelinesOptions> options,
    ILogger<JobRunner> logger) : BackgroundLoop
{
    /// <summary>A job of another server without a sign of life for this many heartbeats was cut off.</summary>
    private const int SilentHeartbeats = 12;
    private static readonly TimeSpan IdleWait = TimeSpan.FromSeconds(30);

    private readonly string _worker = $"{Environment.MachineName}:{server.Data}";
    private readonly Channel<bool> _bell = Channel.CreateBounded<bool>(new BoundedChannelOptions(256) { FullMode = BoundedChannelFullMode.DropWrite });
    private readonly ConcurrentDictionary<string, CancellationTokenSource> _running = new();

    /// <summary>A job waits.</summary>
    public void Wake() => _bell.Writer.TryWrite(true);

    /// <summary>Kills a job that runs here.</summary>
    public async Task CancelAsync(string id)
    {
        if (!_running.TryGetValue(id, out var cancel)) return;
        try
        {
            await cancel.CancelAsync();
        }
        catch (ObjectDisposedException)
        {
            // It ended at the same moment.
        }
    }

    /// <summary>Where the output goes while the job runs.</summary>
    public string LogPath(string id) => Path.Combine(server.TemporaryPath, $"job-{id}.log");

    /// <summary>Jobs whose runner died: each goes on as its policy says.</summary>
    public async Task RecoverAsync(CancellationToken ct)
    {
        var now = time.NowMs();
        foreach (var job in await store.CutOffAsync(_worker, now - SilentHeartbeats * (long)options.Value.Heartbeat.TotalMilliseconds, ct))
        {
            if (job.ProcessId is { } process) await ProcessExecutor.KillLeftoverAsync(process, job.ProcessStartedMs ?? 0);
            CutOff(job.Id, job.Name, job.OnCrash);
            await EndCutOffAsync(job, ct);
            await TellEndAsync(job.Id);
        }
    }

    /// <summary>Runs the next job, if one waits.</summary>
    /// <returns>False when none did.</returns>
    public async Task<bool> RunNextAsync(CancellationToken stopping)
    {
        if (await store.ClaimAsync(_worker, time.NowMs(), stopping) is not { } job) return false;
        using var cancel = new CancellationTokenSource();
        _running[job.Id] = cancel;
        await events.PublishAsync(new JobStarted(job.Id), CancellationToken.None);
        try
        {
            await RunAsync(job, cancel, stopping);
        }
        finally
        {
            _running.TryRemove(job.Id, out _);
        }
        await TellEndAsync(job.Id);
        return true;
    }

    private async Task TellEndAsync(string id)
    {
        if ((await store.FindAsync(id, CancellationToken.None))?.ToJob() is { FinishedMs: not null } ended) await events.PublishAsync(new JobFinished(ended), CancellationToken.None);
    }

    protected override async Task LoopAsync(CancellationToken ct)
    {
        await RecoverAsync(ct);
        await Task.WhenAll(Enumerable.Range(0, options.Value.Workers).Select(_ => WorkAsync(ct)));
    }

    private async Task WorkAsync(CancellationToken stopping)
    {
        while (!stopping.IsCancellationRequested)
        {
            try
            {
                if (!await RunNextAsync(stopping)) await WaitAsync(stopping);
            }
            catch (Exception e) when (e is not OperationCanceledException || !stopping.IsCancellationRequested)
            {
                WorkerFailed(e);
                await WaitAsync(stopping);
            }
        }
    }

    private async Task WaitAsync(CancellationToken ct)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(ct);
        await Task.WhenAny(_bell.Reader.WaitToReadAsync(either.Token).AsTask(), Task.Delay(IdleWait, time, either.Token));
        await either.CancelAsync();
        _bell.Reader.TryRead(out _);
    }

    private async Task RunAsync(JobRow job, CancellationTokenSource cancel, CancellationToken stopping)
    {
        using var timeout = new CancellationTokenSource(TimeSpan.FromMilliseconds(job.TimeoutMs), time);
        using var end = CancellationTokenSource.CreateLinkedTokenSource(cancel.Token, timeout.Token, stopping);
        var heart = BeatAsync(job.Id, cancel, end.Token);
        try
        {
            var (status, execution) = (await ExecuteAsync(job, end.Token)) switch
            {
                { ExitCode: 0 } ok => ("succeeded", ok),
                { ExitCode: { } code } failed => ("failed", failed with { Error = $"The command ended with exit code {code}." }),
                { Error: not null } failed => ("failed", failed),
                _ when cancel.IsCancellationRequested => ("cancelled", new Execution(null, "Cancelled; its processes were killed.")),
                _ when timeout.IsCancellationRequested => ("timed_out", new Execution(null, $"It ran longer than its {job.TimeoutMs / 1000.0} s and was killed.")),
                _ => ("cut off", new Execution(null, null)),
            };
            if (status == "cut off") await EndCutOffAsync(job, CancellationToken.None);
            else await FinishAsync(job, status, execution);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or DbException or PilothouseException)
        {
            await RetryAsync(job, e);
        }
        finally
        {
            await end.CancelAsync();
            await heart;
        }
    }

    /// <returns>Without exit code and error when it was stopped from outside.</returns>
    private async Task<Execution> ExecuteAsync(JobRow job, CancellationToken ct)
    {
        var own = job.WorkingDirectory is null ? Path.Combine(server.TemporaryPath, $"job-{job.Id}") : null;
        try
        {
            if (own is not null) Directory.CreateDirectory(own);
            await using var log = new JobLog(new FileStream(LogPath(job.Id), FileMode.Create, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete), options.Value.MaxLogBytes);
            return await executor.RunAsync(job, own ?? job.WorkingDirectory!, log, (process, started) => store.StartedAsync(job.Id, process, started, CancellationToken.None), ct);
        }
        catch (OperationCanceledException) when (ct.IsCancellationRequested)
        {
            return new Execution(null, null);
        }
        finally
        {
            if (own is not null && Directory.Exists(own)) Directory.Delete(own, recursive: true);
        }
    }

    /// <summary>A log that cannot be kept does not make a command that has run run again.</summary>
    private async Task FinishAsync(JobRow job, string status, Execution execution)
    {
        var (digest, error) = ((string?)null, execution.Error);
        try
        {
            digest = await KeepLogAsync(job.Id);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or PilothouseException)
        {
            error = $"{error} Its log could not be kept: {e.Message}".TrimStart();
        }
        await store.FinishAsync(job.Id, status, execution.ExitCode, digest, error, time.NowMs(), CancellationToken.None);
    }

    private async Task<string?> KeepLogAsync(string id)
    {
        var path = LogPath(id);
        if (!File.Exists(path)) return null;
        string digest;
        await using (var content = File.OpenRead(path)) digest = (await blobs.PutAsync(content, null, CancellationToken.None)).Digest;
        File.Delete(path);
        return digest;
    }

    /// <summary>The disk, the database or the blob store failed, not the command: it may well work later.</summary>
    private async Task RetryAsync(JobRow job, Exception error)
    {
        InfrastructureFailed(error, job.Id, job.Attempts);
        var now = time.NowMs();
        if (job.Attempts >= options.Value.MaxAttempts)
            await store.FinishAsync(job.Id, "failed", null, null, $"Given up after {job.Attempts} attempts: {error.Message}", now, CancellationToken.None);
        else
            await store.RequeueAsync(job.Id, now + 1000 * (1L << (int)Math.Min(job.Attempts, 10)), $"Attempt {job.Attempts} failed: {error.Message}", now, CancellationToken.None);
    }

    private async Task EndCutOffAsync(JobRow job, CancellationToken ct)
    {
        var now = time.NowMs();
        if (job.OnCrash == "requeue" && job.Attempts < options.Value.MaxAttempts) await store.RequeueAsync(job.Id, now, "The server stopped while it ran; it starts again.", now, ct);
        else await store.FinishAsync(job.Id, "failed", null, await KeepLogAsync(job.Id), $"The server stopped while it ran (attempt {job.Attempts}).", now, ct);
    }

    private async Task BeatAsync(string id, CancellationTokenSource cancel, CancellationToken ct)
    {
        try
        {
            while (true)
            {
                await Task.Delay(options.Value.Heartbeat, time, ct);
                if (await store.HeartbeatAsync(id, time.NowMs(), ct)) await cancel.CancelAsync();
            }
        }
        catch (OperationCanceledException)
        {
            // The job has ended.
        }
        catch (DbException e)
        {
            WorkerFailed(e); // the job itself is not harmed; its end is written when the database is back
        }
    }

    [LoggerMessage(1500, LogLevel.Warning, "Job {Id} ({Name}) was cut off by a stop of its server; policy: {OnCrash}")]
    private partial void CutOff(string id, string name, string onCrash);

    [LoggerMessage(1501, LogLevel.Error, "A worker failed; it goes on")]
    private partial void WorkerFailed(Exception error);

    [LoggerMessage(1502, LogLevel.Warning, "Job {Id}: attempt {Attempt} failed for a reason outside its command")]
    private partial void InfrastructureFailed(Exception error, string id, long attempt);
}
