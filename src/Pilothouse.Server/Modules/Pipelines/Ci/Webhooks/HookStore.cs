using Microsoft.Extensions.Options;
using Pilothouse.Data;
using Pilothouse.Server.Modules.Audit.Api;

namespace Pilothouse.Server.Modules.Pipelines.Ci.Webhooks;

/// <summary>What became of a delivery.</summary>
/// <param name="Result">applied, unchanged, duplicate or ignored.</param>
/// <param name="Build">As it is now, when it changed.</param>
internal sealed record HookOutcome(string Result, string? Reason, BuildRow? Build);

/// <summary>Takes deliveries: the note that it came and what it changes, up to the status of the commit, are one transaction, so one that failed may come again.</summary>
internal sealed class HookStore(Db db, CiTeller teller, IAuditLog audit, IOptions<PipelinesOptions> options)
{
    /// <summary>A delivery is known for this long; what it told of has ended long before, and older builds take no reports.</summary>
    private long KeepMs => (long)options.Value.KeepDeliveries.TotalMilliseconds;

    private const long AskEveryMs = 5_000;

    /// <param name="ids">Names of the delivery; one that is known makes it a duplicate.</param>
    /// <param name="report">Null = it is about no build.</param>
    /// <param name="fresh">The build that this delivery begins, when it is about none that is known; null = its commit is not here.</param>
    public Task<HookOutcome> TakeAsync(string project, string connection, IReadOnlyList<string> ids, HookReport? report, BuildRow? fresh, long nowMs, CancellationToken ct) => db.WriteAsync(async s =>
    {
        foreach (var id in ids)
            if (await s.ExecuteAsync("INSERT INTO pip_delivery (project, connection, id, received_ms) VALUES (@project, @connection, @id, @nowMs) ON CONFLICT (project, connection, id) DO NOTHING", new { project, connection, id, nowMs }) == 0)
                return new HookOutcome("duplicate", "This delivery was taken before.", null);
        if (report is null) return new HookOutcome("ignored", "The event tells of no build.", null);
        if (await FindAsync(s, project, connection, report) is not { } build)
        {
            if (fresh is null) return new HookOutcome("ignored", "The build's commit is not in this repository.", null);
            await CiStore.InsertAsync(s, fresh);
            await teller.WriteAsync(s, fresh);
            await audit.AppendAsync(s, new AuditEvent("ci:" + connection, "ci.build", $"projects/{project}", new { build = fresh.Id, connection, cause = fresh.Cause, commit = fresh.CommitId, branch = fresh.BuildRef }));
            return new HookOutcome("applied", null, fresh);
        }
        if (nowMs - build.CreatedMs > KeepMs) return new HookOutcome("ignored", "The build is too old.", null);
        if (build.IsEnded && (report.AskAgain || !BuildRow.Ended(report.State))) return new HookOutcome("unchanged", "The build has ended.", null);
        var next = build with { State = report.State, Handle = report.Handle ?? build.Handle, Url = report.Url ?? build.Url, Error = report.Error, Attempts = 0, NextMs = report.AskAgain ? nowMs : nowMs + AskEveryMs, UpdatedMs = nowMs };
        if (next.State == build.State && next.Handle == build.Handle && next.Url == build.Url && !report.AskAgain) return new HookOutcome("unchanged", null, null);
        await CiStore.UpdateAsync(s, next, build.State);
        if (next.State == build.State) return new HookOutcome("unchanged", null, null);
        await teller.WriteAsync(s, next);
        return new HookOutcome("applied", null, next);
    }, ct);

    /// <summary>By our id, else the system's, else its address, else the newest open build of the commit that no other run has claimed.</summary>
    private static async Task<BuildRow?> FindAsync(DbSession s, string project, string connection, HookReport report)
    {
        const string From = $"SELECT {CiStore.Builds} FROM pip_build WHERE project = @project AND connection = @connection AND ";
        var values = new { project, connection, report.BuildId, report.Handle, report.Url, report.Commit };
        if (report.BuildId is not null && await s.FirstOrDefaultAsync<BuildRow>(From + "id = @BuildId", values) is { } own) return own;
        if (report.Handle is not null && await s.FirstOrDefaultAsync<BuildRow>(From + "handle = @Handle ORDER BY id DESC LIMIT 1", values) is { } known) return known;
        if (report.Url is not null && await s.FirstOrDefaultAsync<BuildRow>(From + "url = @Url ORDER BY id DESC LIMIT 1", values) is { } linked) return linked;
        return report.Commit is null ? null : await s.FirstOrDefaultAsync<BuildRow>(From + "commit_id = @Commit AND handle IS NULL AND cause <> 'webhook' AND state IN ('triggered', 'running') ORDER BY id DESC LIMIT 1", values);
    }
}
