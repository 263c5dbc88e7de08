using System.IO.Enumeration;
using Microsoft.Extensions.Options;
using Pilothouse.Server.Modules.Audit.Api;
using Pilothouse.Server.Modules.Repositories.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Repositories.Push;

/// <summary>Protection of branches: which may be forced or deleted, and who may push to them.</summary>
internal sealed class BranchRules(IProjects projects, PushStore store, IOptions<RepositoriesOptions> options, TimeProvider time) : IBranchRules
{
    private const int MaxRules = 200;
    private const int MaxPattern = 255;
    private const int MaxPushers = 100;
    private const int MaxChecks = 50;

    public async Task<IReadOnlyList<BranchRule>> ListAsync(string project, CancellationToken ct)
    {
        var known = await projects.GetAsync(project, ct);
        var rules = await store.RulesAsync(project, MaxRules, ct);
        if (!options.Value.ProtectDefaultBranch || rules.Any(r => r.Pattern == known.DefaultBranch)) return rules;
        return [.. rules, new BranchRule(known.DefaultBranch, AllowForce: false, AllowDeletion: false, [], "", 0)];
    }

    public async Task SetAsync(string project, BranchRule rule, string actor, CancellationToken ct)
    {
        await projects.GetAsync(project, ct);
        if (rule.Pattern is not { Length: > 0 and <= MaxPattern } || rule.Pattern.Any(c => char.IsControl(c) || c is ' ' or '~' or '^' or ':' or '\\'))
            throw new PilothouseException(ErrorCode.InvalidArgument, $"A rule is for a branch, or a pattern such as release/*, of at most {MaxPattern} characters.");
        if (rule.Pushers.Count > MaxPushers || rule.Pushers.Any(p => p is not { Length: > 0 and <= 100 }))
            throw new PilothouseException(ErrorCode.InvalidArgument, $"Name at most {MaxPushers} logins who may push, or {BranchRule.Admins}.");
        if (rule.RequiredChecks.Count > MaxChecks || rule.RequiredChecks.Any(c => c is not { Length: > 0 and <= 100 } || c.Any(char.IsControl)))
            throw new PilothouseException(ErrorCode.InvalidArgument, $"Name at most {MaxChecks} checks, such as ci/jenkins.");
        if ((await store.RulesAsync(project, MaxRules, ct)).Count(r => r.Pattern != rule.Pattern) >= MaxRules - 1)
            throw new PilothouseException(ErrorCode.TooLarge, $"A project has at most {MaxRules} rules; one pattern can stand for many branches.");
        await store.SetRuleAsync(project, rule with { UpdatedBy = actor, UpdatedMs = time.NowMs() }, new AuditEvent(actor, "branch.protect", $"projects/{project}",
            new { branch = rule.Pattern, allow_force = rule.AllowForce, allow_deletion = rule.AllowDeletion, pushers = rule.Pushers, required_checks = rule.RequiredChecks }), ct);
    }

    public async Task RemoveAsync(string project, string pattern, string actor, CancellationToken ct)
    {
        await projects.GetAsync(project, ct);
        await store.RemoveRuleAsync(project, pattern, new AuditEvent(actor, "branch.unprotect", $"projects/{project}", new { branch = pattern }), ct);
    }

    /// <summary>The rule for a branch: its own, else that with the longest pattern; null = none.</summary>
    public static BranchRule? For(IReadOnlyList<BranchRule> rules, string branch) =>
        rules.FirstOrDefault(r => r.Pattern == branch) ?? rules.Where(r => FileSystemName.MatchesSimpleExpression(r.Pattern, branch, ignoreCase: false)).MaxBy(r => r.Pattern.Length);

    public static bool MayPush(BranchRule rule, Caller caller) =>
        rule.Pushers.Count == 0 || rule.Pushers.Contains(caller.Name) || caller.Role == Role.Admin && rule.Pushers.Contains(BranchRule.Admins);
}
