using Microsoft.Extensions.Options;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Audit.Api;
using Pilothouse.Server.Modules.Blobs.Api;
using Pilothouse.Server.Modules.Pipelines.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Pipelines;

internal sealed class JobService(JobStore store, JobRunner runner, IBlobStore blobs, Ids ids, TimeProvider time, IOptions<PipelinesOptions> options) : IJobs
{
    private const int MaxArguments = 1000;
    private const int MaxText = 128 * 1024;
    private const int MaxPage = 1000;
    private static readonly TimeSpan DefaultTimeout = TimeSpan.FromHours(1);
    private static readonly TimeSpan LongestTimeout = TimeSpan.FromDays(30);

    public async Task<Job> EnqueueAsync(NewJob job, string actor, CancellationToken ct)
    {
        Validate(job);
        if (job.WorkingDirectory is { } directory) await DirectoryLock.RequireFreshAsync(directory, ct);
        var row = new JobRow
        {
            Id = ids.New(),
            Name = job.Name ?? Path.GetFileName(job.Command[0]),
            Project = job.Project,
            CommandJson = WireJson.Write(job.Command),
            WorkingDirectory = job.WorkingDirectory,
            VariablesJson = WireJson.Write(job.Environment ?? new Dictionary<string, string>()),
            TimeoutMs = (long)(job.TimeoutSeconds * 1000 ?? DefaultTimeout.TotalMilliseconds),
            OnCrash = job.OnCrash ?? "fail",
            CreatedBy = actor,
            CreatedMs = time.NowMs(),
        };
        // Values of variables may be secrets; the log gets their names.
        var entry = new AuditEvent(actor, "job.enqueue", $"jobs/{row.Id}", new { row.Name, row.Project, job.Command, variables = job.Environment?.Keys, row.TimeoutMs });
        if (!await store.AddAsync(row, options.Value.MaxQueued, entry, ct))
            throw new PilothouseException(ErrorCode.RateLimited, $"{options.Value.MaxQueued} jobs wait already (Pipelines:MaxQueued). Try again when some have run.");
        runner.Wake();
        return row.ToJob();
    }

    public async Task<Job> GetAsync(string id, CancellationToken ct) => (await FindAsync(id, ct)).ToJob();

    public async Task<IReadOnlyList<Job>> ListAsync(string? project, string? status, int limit, CancellationToken ct) =>
        [.. (await store.ListAsync(project, status, Math.Clamp(limit, 1, MaxPage), ct)).Select(j => j.ToJob())];

    public async Task<Job> CancelAsync(string id, string actor, CancellationToken ct)
    {
        await FindAsync(id, ct);
        await store.CancelAsync(id, new AuditEvent(actor, "job.cancel", $"jobs/{id}", new { }), time.NowMs(), ct);
        await runner.CancelAsync(id);
        return await GetAsync(id, ct);
    }

    public async Task<Stream> OpenLogAsync(string id, CancellationToken ct)
    {
        var job = await FindAsync(id, ct);
        if (job.LogDigest is { } digest) return await blobs.OpenReadAsync(digest, ct);
        try
        {
            return new FileStream(runner.LogPath(id), FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        }
        catch (FileNotFoundException)
        {
            return Stream.Null; // it has not started yet, or runs on another server
        }
    }

    private async Task<JobRow> FindAsync(string id, CancellationToken ct) =>
        await store.FindAsync(id, ct) ?? throw new PilothouseException(ErrorCode.NotFound, $"There is no job '{id}'.");

    private static void Validate(NewJob job)
    {
        if (job.Command is not { Count: > 0 and <= MaxArguments } || job.Command[0].Length == 0) throw Wrong($"A job needs a command: a program and at most {MaxArguments - 1} arguments, e.g. [\"dotnet\", \"test\"].");
        if (job.Command.Concat(job.Environment?.Values ?? []).Any(text => text is null || text.Length > MaxText || text.Contains('\0')))
            throw Wrong($"Arguments and variables may have {MaxText} characters and no NUL.");
        if (job.Environment?.Keys.Any(name => name.Length == 0 || name.Contains('=') || name.Contains('\0')) == true) throw Wrong("The name of a variable may be neither empty nor contain '='.");
        if (job.WorkingDirectory is { } directory && !Path.IsPathFullyQualified(directory)) throw Wrong($"The working directory '{directory}' is not an absolute path.");
        if (job.TimeoutSeconds is { } seconds && !(seconds > 0 && seconds <= LongestTimeout.TotalSeconds)) throw Wrong($"The timeout must be above 0 and at most {LongestTimeout.TotalSeconds} seconds.");
        if (job.OnCrash is not (null or "fail" or "requeue")) throw Wrong($"on_crash is '{job.OnCrash}'; it is fail or requeue.");
    }

    private static PilothouseException Wrong(string message) => new(ErrorCode.InvalidArgument, message);
}
