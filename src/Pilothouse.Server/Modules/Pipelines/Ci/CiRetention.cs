using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Pilothouse.Server.Platform;
using Pilothouse.Server.Platform.Projects;

namespace Pilothouse.Server.Modules.Pipelines.Ci;

/// <summary>
/// Removes jobs, builds and deliveries that are older than the options say. At a commit that something stands on (a branch or tag has it now, so that its required checks count; a release; an evaluation) the
/// newest of each job and build stays. Logs and artifacts go with their rows: the blobs are freed by the next garbage collection.
/// </summary>
internal sealed partial class CiRetention(CiRetentionStore store, IEnumerable<ICommitClaims> claims, TimeProvider time, IOptions<PipelinesOptions> options, ILogger<CiRetention> logger) : BackgroundLoop
{
    private const int Page = 200;
    private static readonly TimeSpan Interval = TimeSpan.FromHours(1);
    private static readonly CiCommit First = new("", "");

    /// <summary>Everything that is too old now.</summary>
    public async Task<CiRemoved> PassAsync(CancellationToken ct)
    {
        var now = time.NowMs();
        var (jobs, builds) = (now - (long)options.Value.KeepJobs.TotalMilliseconds, now - (long)options.Value.KeepBuilds.TotalMilliseconds);
        var removed = new CiRemoved(0, 0, 0, 0);
        for (var after = First; await store.CommitsAsync(after, jobs, builds, Page, ct) is { Count: > 0 } page; after = page[^1])
            foreach (var project in page.GroupBy(c => c.Project))
            {
                var held = await HeldAsync(project.Key, [.. project.Select(c => c.CommitId)], ct);
                foreach (var commit in project) removed += await store.RemoveAsync(commit, held.Contains(commit.CommitId), jobs, builds, ct);
            }
        while (await store.RemoveRestAsync(jobs, builds, now - (long)options.Value.KeepDeliveries.TotalMilliseconds, ct) is { Total: > 0 } rest) removed += rest;
        if (removed.Total > 0) Removed(removed.Jobs, removed.Commands, removed.Builds, removed.Notes);
        return removed;
    }

    protected override async Task LoopAsync(CancellationToken ct)
    {
        await foreach (var _ in RoundsAsync(time, Interval, ct))
        {
            try
            {
                await PassAsync(ct);
            }
            catch (Exception e) when (!ct.IsCancellationRequested)
            {
                Failed(e);
            }
        }
    }

    private async Task<HashSet<string>> HeldAsync(string project, IReadOnlyCollection<string> commits, CancellationToken ct)
    {
        var held = new HashSet<string>(StringComparer.Ordinal);
        foreach (var claim in claims) held.UnionWith(await claim.HeldAsync(project, commits, ct));
        return held;
    }

    [LoggerMessage(1540, LogLevel.Information, "Removed what is too old: {Jobs} jobs of pilothouse.yaml, {Commands} commands, {Builds} builds, {Notes} notes of deliveries and statuses")]
    private partial void Removed(long jobs, long commands, long builds, long notes);

    [LoggerMessage(1541, LogLevel.Error, "Old jobs and builds cannot be removed; tried again in an hour")]
    private partial void Failed(Exception error);
}
