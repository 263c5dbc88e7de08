using Pilothouse.Data;
using Pilothouse.Server.Modules.Audit.Api;
using Pilothouse.Server.Modules.Repositories.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Repositories.Push;

/// <summary>A push that was accepted; its refs may have moved.</summary>
internal sealed record PendingPush(string Id, string Project, string Actor, IReadOnlyList<RefUpdate> Updates, IReadOnlyList<string> Options, long CreatedMs);

internal sealed class PushStore(Db db, IAuditLog audit)
{
    private const int MaxPending = 1000;

    /// <summary>Before git moves the refs: should the server be killed then, what moved is recorded at the next start.</summary>
    public Task BeginAsync(PendingPush push, CancellationToken ct) => db.WriteAsync(session => session.ExecuteAsync(
        "INSERT INTO rep_push (id, project, actor, updates, options, created_ms) VALUES (@Id, @Project, @Actor, @updates, @options, @CreatedMs)",
        new { push.Id, push.Project, push.Actor, updates = WireJson.Write(push.Updates), options = WireJson.Write(push.Options), push.CreatedMs }), ct);

    /// <summary>After git moved the refs, or did not (no record).</summary>
    /// <param name="subscribers">Those who are to be told of <paramref name="push"/>, whatever happens from here on.</param>
    public Task EndAsync(string id, AuditEvent? record, RepositoryPushed push, IReadOnlyCollection<string> subscribers, long nowMs, CancellationToken ct) => db.WriteAsync(async session =>
    {
        if (await session.ExecuteAsync("DELETE FROM rep_push WHERE id = @id", new { id }) == 0 || record is null) return;
        await audit.AppendAsync(session, record);
        await PushOutbox.AddAsync(session, id, subscribers, push, nowMs);
    }, ct);

    /// <param name="project">Null = of all.</param>
    public async Task<IReadOnlyList<PendingPush>> PendingAsync(string? project, CancellationToken ct) => [.. (await db.ReadAsync(session => session.QueryAsync<PushRow>($"""
        SELECT id, project, actor, updates, options, created_ms AS CreatedMs FROM rep_push WHERE (CAST(@project AS TEXT) IS NULL OR project = @project) ORDER BY id LIMIT {MaxPending}
        """, new { project }), ct)).Select(r => new PendingPush(r.Id, r.Project, r.Actor, WireJson.Read<List<RefUpdate>>(r.Updates), WireJson.Read<List<string>>(r.Options), r.CreatedMs))];

    public async Task<IReadOnlyList<BranchRule>> RulesAsync(string project, int limit, CancellationToken ct) => [.. (await db.ReadAsync(session => session.QueryAsync<RuleRow>("""
        SELECT pattern, allow_force AS AllowForce, allow_deletion AS AllowDeletion, pushers, required_checks AS Checks, updated_by AS UpdatedBy, updated_ms AS UpdatedMs FROM rep_branch_rule WHERE project = @project ORDER BY pattern LIMIT @limit
        """, new { project, limit }), ct)).Select(r => new BranchRule(r.Pattern, r.AllowForce != 0, r.AllowDeletion != 0, WireJson.Read<List<string>>(r.Pushers), r.UpdatedBy, r.UpdatedMs) { RequiredChecks = WireJson.Read<List<string>>(r.Checks) })];

    public Task SetRuleAsync(string project, BranchRule rule, AuditEvent record, CancellationToken ct) => db.WriteAsync(async session =>
    {
        await session.ExecuteAsync("""
            INSERT INTO rep_branch_rule (project, pattern, allow_force, allow_deletion, pushers, required_checks, updated_by, updated_ms) VALUES (@project, @Pattern, @force, @deletion, @pushers, @checks, @UpdatedBy, @UpdatedMs)
            ON CONFLICT (project, pattern) DO UPDATE SET allow_force = excluded.allow_force, allow_deletion = excluded.allow_deletion, pushers = excluded.pushers, required_checks = excluded.required_checks,
                updated_by = excluded.updated_by, updated_ms = excluded.updated_ms
            """, new { project, rule.Pattern, force = rule.AllowForce ? 1L : 0L, deletion = rule.AllowDeletion ? 1L : 0L, pushers = WireJson.Write(rule.Pushers), checks = WireJson.Write(rule.RequiredChecks), rule.UpdatedBy, rule.UpdatedMs });
        await audit.AppendAsync(session, record);
    }, ct);

    public Task RemoveRuleAsync(string project, string pattern, AuditEvent record, CancellationToken ct) => db.WriteAsync(async session =>
    {
        if (await session.ExecuteAsync("DELETE FROM rep_branch_rule WHERE project = @project AND pattern = @pattern", new { project, pattern }) == 0)
            throw new PilothouseException(ErrorCode.NotFound, $"There is no rule for '{pattern}'. The default branch is protected by Repositories:ProtectDefaultBranch; give it a rule of its own to change that.");
        await audit.AppendAsync(session, record);
    }, ct);

    private sealed class PushRow
    {
        public string Id { get; init; } = "";
        public string Project { get; init; } = "";
        public string Actor { get; init; } = "";
        public string Updates { get; init; } = "";
        public string Options { get; init; } = "";
        public long CreatedMs { get; init; }
    }

    private sealed class RuleRow
    {
        public string Pattern { get; init; } = "";
        public long AllowForce { get; init; }
        public long AllowDeletion { get; init; }
        public string Pushers { get; init; } = "";
        public string Checks { get; init; } = "[]";
        public string UpdatedBy { get; init; } = "";
        public long UpdatedMs { get; init; }
    }
}
