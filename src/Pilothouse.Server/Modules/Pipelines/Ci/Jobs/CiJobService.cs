using System.IO.Enumeration;
using Pilothouse.Data;
using Pilothouse.Protocols.ProjectFiles;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Blobs.Api;
using Pilothouse.Server.Modules.Pipelines.Api;
using Pilothouse.Server.Modules.Repositories.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Pipelines.Ci.Jobs;

/// <summary>Which jobs of pilothouse.yaml run, and when: those that a push or a new version starts, each after what it needs.</summary>
internal sealed class CiJobService(CiJobStore store, CiJobStarter starter, CiTeller teller, IProjects projects, IRepositories repositories, IRepositoryBrowser browser, IJobs commands, IBlobStore blobs, Ids ids, TimeProvider time) : ICiJobs, IPushSubscriber
{
    /// <summary>Of the file itself, when its faults keep every job from starting.</summary>
    private const string FileContext = ICommitStatuses.OwnPrefix + "ci";
    private const int MaxPage = 1_000;
    private const string Heads = "refs/heads/";

    public string Subscriber => "ci jobs";

    public async Task<IReadOnlyList<CiJob>> ListAsync(string project, string? commit, int limit, CancellationToken ct)
    {
        await projects.GetAsync(project, ct);
        var at = commit is { Length: > 0 } ? await repositories.ResolveAsync(project, commit, ct) : null;
        return [.. (await store.ListAsync(project, at, Math.Clamp(limit, 1, MaxPage), ct)).Select(j => j.ToJob())];
    }

    public async Task<CiJob> GetAsync(string project, string id, CancellationToken ct) => (await FindAsync(project, id, ct)).ToJob();

    public async Task<IReadOnlyList<CiJob>> StartAsync(string project, string? revision, IReadOnlyList<string>? names, string actor, CancellationToken ct)
    {
        var known = await projects.GetAsync(project, ct);
        var commit = await repositories.ResolveAsync(project, revision is { Length: > 0 } ? revision : known.DefaultBranch, ct);
        var jobs = (await repositories.ReadProjectFileAsync(project, commit, ct)).Ci;
        if (names?.FirstOrDefault(n => !jobs.ContainsKey(n)) is { } unknown)
            throw new PilothouseException(ErrorCode.NotFound, $"pilothouse.yaml of {commit[..10]} has no job '{(unknown.Length > 40 ? unknown[..40] : unknown)}'{(jobs.Count == 0 ? "" : "; it has " + string.Join(", ", jobs.Keys))}.");
        if (jobs.Count == 0) throw new PilothouseException(ErrorCode.FailedPrecondition, $"pilothouse.yaml of {commit[..10]} has no jobs. Write them under ci:.");
        return await AddAsync(project, commit, known.DefaultBranch, "by hand", jobs, names is { Count: > 0 } ? names : [.. jobs.Keys], again: true, actor, ct);
    }

    public async Task<CiJob> CancelAsync(string project, string id, string actor, CancellationToken ct)
    {
        var job = await FindAsync(project, id, ct);
        if (job.IsEnded) return job.ToJob();
        if (job.JobId is { } command) await commands.CancelAsync(command, actor, ct); // its end comes as an event
        else await FinishAsync(job, job with { State = "cancelled", Error = $"Cancelled by {actor}." }, ct);
        return await GetAsync(project, id, ct);
    }

    public async Task<Stream> OpenLogAsync(string project, string id, CancellationToken ct) => (await FindAsync(project, id, ct)).JobId is { } command ? await commands.OpenLogAsync(command, ct) : Stream.Null;

    public async Task<Stream> OpenArtifactAsync(string project, string id, string path, CancellationToken ct) =>
        (await FindAsync(project, id, ct)).Artifacts.FirstOrDefault(a => a.Path == path) is { } file ? await blobs.OpenReadAsync(file.Digest, ct) : throw new PilothouseException(ErrorCode.NotFound, "The job kept no such file.");

    /// <summary>Told twice of a push, it starts nothing twice: jobs of a commit run once.</summary>
    public async Task PushedAsync(string id, RepositoryPushed push, CancellationToken ct)
    {
        if (push.Options.Contains(RepositoryPushed.SkipCi)) return;
        foreach (var update in push.Updates.Where(u => u.Ref.StartsWith(Heads, StringComparison.Ordinal) && !IsNone(u.NewCommit)))
        {
            if (await JobsAsync(push.Project, update.NewCommit, ct) is not { Count: > 0 } jobs) continue;
            var branch = update.Ref[Heads.Length..];
            var wanted = jobs.Where(j => j.Value.On.Push.Any(p => Matches(p, branch))).ToList();
            if (wanted.Any(j => j.Value.On.Paths.Count > 0) && await ChangedAsync(push.Project, update, ct) is { } changed)
                wanted.RemoveAll(j => j.Value.On.Paths.Count > 0 && !j.Value.On.Paths.Any(p => changed.Any(file => Matches(p, file))));
            await AddAsync(push.Project, update.NewCommit, branch, "push", jobs, [.. wanted.Select(j => j.Key)], again: false, push.Actor, ct);
        }
    }

    public async Task VersionAddedAsync(CancellationToken ct)
    {
        foreach (var project in await projects.ListAsync(ct))
        {
            if (await HeadAsync(project, ct) is not { } commit || await JobsAsync(project.Name, commit, ct) is not { Count: > 0 } jobs) continue;
            await AddAsync(project.Name, commit, project.DefaultBranch, "registry", jobs, [.. jobs.Where(j => j.Value.On.Registry).Select(j => j.Key)], again: true, Caller.System.Name, ct);
        }
    }

    /// <summary>Starts a job, with what it needs, at a round of its schedule.</summary>
    /// <param name="claim">Takes the round, in the transaction that adds the job; false = another server did.</param>
    /// <exception cref="PilothouseException">The branch, its file or the job is not there.</exception>
    public async Task StartRoundAsync(string project, string branch, string name, Func<DbSession, Task<bool>> claim, CancellationToken ct)
    {
        var commit = await repositories.ResolveAsync(project, branch, ct);
        var jobs = (await repositories.ReadProjectFileAsync(project, commit, ct)).Ci;
        if (!jobs.ContainsKey(name)) throw new PilothouseException(ErrorCode.FailedPrecondition, $"pilothouse.yaml of {branch} has no job '{name}'.");
        await AddAsync(project, commit, branch, "schedule", jobs, [name], again: true, Caller.System.Name, ct, claim);
    }

    /// <summary>Goes on with what a commit's jobs need: those whose needs succeeded start, those whose needs did not are skipped.</summary>
    public async Task AdvanceAsync(string project, string commit, CancellationToken ct)
    {
        for (var moved = true; moved;)
        {
            moved = false;
            var latest = await store.LatestAsync(project, commit, ct);
            foreach (var job in latest.Values.Where(j => j.State == CiJobRow.Waiting))
            {
                var needs = job.Needs.Select(n => (Name: n, State: latest.GetValueOrDefault(n)?.State)).ToList();
                if (needs.Find(n => n.State is not ("success" or CiJobRow.Waiting or CiJobRow.Queued or CiJobRow.Running)) is { Name: not null } failed)
                    moved |= await FinishAsync(job, job with { State = "skipped", Error = $"It needs {failed.Name}: {failed.State ?? "not run"}." }, ct);
                else if (needs.TrueForAll(n => n.State == "success"))
                    moved |= await BeginAsync(job, ct);
            }
        }
    }

    /// <summary>Writes an end, and with it the status of the commit.</summary>
    /// <returns>False when it had ended before.</returns>
    public async Task<bool> FinishAsync(CiJobRow was, CiJobRow ended, CancellationToken ct)
    {
        if (!await store.MoveAsync(ended with { FinishedMs = time.NowMs() }, was.State, ct)) return false;
        teller.Moved();
        return true;
    }

    private async Task<bool> BeginAsync(CiJobRow job, CancellationToken ct)
    {
        // Taken first, so that two that advance the same commit do not both start it.
        if (!await store.UpdateAsync(job with { State = CiJobRow.Queued, StartedMs = time.NowMs() }, CiJobRow.Waiting, ct)) return false;
        job = job with { State = CiJobRow.Queued, StartedMs = time.NowMs() };
        try
        {
            await store.UpdateAsync(await starter.StartAsync(job, ct), CiJobRow.Queued, ct);
        }
        catch (PilothouseException e)
        {
            await FinishAsync(job, job with { State = "error", Error = e.Message, StartedMs = null }, ct); // it never began
        }
        return true;
    }

    private async Task<IReadOnlyList<CiJob>> AddAsync(string project, string commit, string branch, string cause, IReadOnlyDictionary<string, CiJobEntry> jobs, IReadOnlyList<string> names, bool again, string actor, CancellationToken ct, Func<DbSession, Task<bool>>? claim = null)
    {
        if (names.Count == 0) return [];
        var now = time.NowMs();
        var rows = CiJobs.WithNeeds(jobs, names).Select(name => new CiJobRow
        {
            Id = ids.New(),
            Project = project,
            CommitId = commit,
            BuildRef = branch,
            Name = name,
            Cause = cause,
            Runner = jobs[name].Runner,
            Required = jobs[name].Required ? 1 : 0,
            NeedsJson = WireJson.Write(jobs[name].Needs),
            TimeoutMs = (long)jobs[name].Timeout.TotalMilliseconds,
            CreatedBy = actor,
            CreatedMs = now,
        }).ToList();
        var added = await store.AddAsync(rows, again, actor, claim, ct);
        teller.Moved();
        await AdvanceAsync(project, commit, ct);
        return [.. added.Select(j => j.ToJob())];
    }

    /// <returns>Null when there is no file, or one with faults, which the commit's status then tells.</returns>
    private async Task<IReadOnlyDictionary<string, CiJobEntry>?> JobsAsync(string project, string commit, CancellationToken ct)
    {
        try
        {
            return (await repositories.ReadProjectFileAsync(project, commit, ct)).Ci;
        }
        catch (PilothouseException e) when (e.Code == ErrorCode.NotFound)
        {
            return null;
        }
        catch (PilothouseException e)
        {
            await teller.TellFaultAsync(project, commit, FileContext, e.Message, ct);
            return null;
        }
    }

    /// <returns>Null when it cannot be told, as for a new branch: then every job runs.</returns>
    private async Task<IReadOnlyList<string>?> ChangedAsync(string project, RefUpdate update, CancellationToken ct)
    {
        if (IsNone(update.OldCommit)) return null;
        try
        {
            var diff = (await browser.CompareAsync(project, update.OldCommit, update.NewCommit, ct)).Diff;
            return diff.Count > diff.Files.Count ? null : [.. diff.Files.SelectMany(f => new[] { f.OldPath, f.Path }).OfType<string>()];
        }
        catch (PilothouseException e) when (e.Code == ErrorCode.NotFound)
        {
            return null; // told late: what the branch had is gone
        }
    }

    private async Task<string?> HeadAsync(Project project, CancellationToken ct)
    {
        try
        {
            return await repositories.ResolveAsync(project.Name, project.DefaultBranch, ct);
        }
        catch (PilothouseException e) when (e.Code == ErrorCode.NotFound)
        {
            return null;
        }
    }

    private async Task<CiJobRow> FindAsync(string project, string id, CancellationToken ct) =>
        await store.FindAsync(id, ct) is { } job && job.Project == project ? job : throw new PilothouseException(ErrorCode.NotFound, $"Project '{project}' has no such job of CI. Jobs and their ids: pilothouse ci jobs");

    private static bool Matches(string pattern, string name) => FileSystemName.MatchesSimpleExpression(pattern, name, ignoreCase: false);

    private static bool IsNone(string id) => id.AsSpan().TrimStart('0').Length == 0;
}
