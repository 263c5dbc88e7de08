using System.Text;
using Microsoft.Extensions.Options;
using Pilothouse.Server.Modules.Repositories.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Repositories.Push;

/// <summary>Decides whether a push may come in: while git holds its objects in quarantine, before a ref moves.</summary>
internal sealed class PushPolicy(Git git, IBranchRules rules, PushContent content, ILineage lineage, IRequiredChecks checks, IOptions<RepositoriesOptions> options)
{
    private const int MaxUpdates = 1000;
    private const int MaxOptions = 20;
    private const int MaxOption = 1024;
    private const int MaxDropped = 10_000;
    private const string Heads = "refs/heads/";
    private const string Override = "ci.override=";

    /// <returns>Lines that say what is wrong; empty = it may come in.</returns>
    public async Task<IReadOnlyList<string>> CheckAsync(string project, Caller caller, PushRequest push, CancellationToken ct)
    {
        if (push.Updates.Count > MaxUpdates) return [$"a push may move {MaxUpdates} refs, not {push.Updates.Count}. Push them in parts."];
        if (push.Options.Count > MaxOptions || push.Options.Any(o => o.Length > MaxOption)) return [$"a push may have {MaxOptions} options of {MaxOption} characters."];
        var findings = new PushFindings();
        var environment = Environment(project, push);
        var protection = await rules.ListAsync(project, ct);
        foreach (var update in push.Updates) await CheckAsync(project, caller, update, protection, push.Options, environment, findings, ct);
        if (findings.Lines() is { Count: > 0 } refused) return refused;
        await CheckDroppedAsync(project, push.Updates, environment, findings, ct);
        var tips = push.Updates.Select(u => u.NewCommit).Where(id => !IsNone(id)).Distinct().ToList();
        if (tips.Count > 0) await content.CheckAsync(project, caller.Name, tips, environment, options.Value.RequireData, findings, ct);
        return findings.Lines();
    }

    /// <summary>What a mirror is about to move: its objects are in the repository already. Protection of branches does not count, what releases stand on and data that is missing do.</summary>
    public async Task<PushFindings> CheckMirrorAsync(string project, IReadOnlyList<RefUpdate> updates, CancellationToken ct)
    {
        var findings = new PushFindings();
        await CheckDroppedAsync(project, updates, Git.NoEnvironment, findings, ct);
        var tips = updates.Select(u => u.NewCommit).Where(id => !IsNone(id)).Distinct().ToList();
        foreach (var chunk in tips.Chunk(MaxUpdates)) await content.CheckAsync(project, null, chunk, Git.NoEnvironment, options.Value.RequireData, findings, ct);
        return findings;
    }

    private async Task CheckAsync(string project, Caller caller, RefUpdate update, IReadOnlyList<BranchRule> protection, IReadOnlyList<string> asked, IReadOnlyDictionary<string, string> environment, PushFindings findings, CancellationToken ct)
    {
        if (update.Ref.StartsWith(RepositoryService.InternalRefs, StringComparison.Ordinal))
        {
            findings.Add($"{update.Ref} is the server's own.");
            return;
        }
        if (!update.Ref.StartsWith(Heads, StringComparison.Ordinal) || BranchRules.For(protection, update.Ref[Heads.Length..]) is not { } rule) return;
        var branch = update.Ref[Heads.Length..];
        if (!BranchRules.MayPush(rule, caller)) findings.Add($"{branch} is protected: '{caller.Name}' may not push to it, only {string.Join(", ", rule.Pushers)}.");
        if (IsNone(update.NewCommit))
        {
            if (!rule.AllowDeletion) findings.Add($"{branch} is protected: it may not be deleted.");
        }
        else if (!rule.AllowForce && !IsNone(update.OldCommit) && !await IsAncestorAsync(project, update.OldCommit, update.NewCommit, environment, ct))
            findings.Add($"{branch} is protected: it may only go forward, and {update.OldCommit[..10]} is not among the ancestors of {update.NewCommit[..10]}. Merge or rebase onto it instead of forcing.");
        if (!IsNone(update.NewCommit)) await RequireChecksAsync(project, caller, branch, update, rule, asked, findings, ct);
    }

    /// <summary>A commit comes in when what must look at it has, and said yes. The option that goes past this is an administrator's, and stands in the audit log with its reason.</summary>
    private async Task RequireChecksAsync(string project, Caller caller, string branch, RefUpdate update, BranchRule rule, IReadOnlyList<string> asked, PushFindings findings, CancellationToken ct)
    {
        var missing = await checks.MissingAsync(project, IsNone(update.OldCommit) ? null : update.OldCommit, update.NewCommit, rule.RequiredChecks, ct);
        if (missing.Count == 0) return;
        if (asked.Any(o => o.StartsWith(Override, StringComparison.Ordinal) && o.Length > Override.Length))
        {
            if (caller.Role == Role.Admin) return;
            findings.Add($"only an administrator may push with {Override}REASON.");
        }
        findings.Add($"{branch} is protected: these checks of {update.NewCommit[..10]} are not green (check: state):");
        foreach (var line in missing) findings.Add(line);
        findings.Add($"Push the commit to another branch, wait until they are (pilothouse ci status --commit {update.NewCommit[..10]}), then push it to {branch}.");
    }

    /// <summary>Commits that no ref would lead to any more: git deletes them some day, and with them what a release was made from.</summary>
    private async Task CheckDroppedAsync(string project, IReadOnlyList<RefUpdate> updates, IReadOnlyDictionary<string, string> environment, PushFindings findings, CancellationToken ct)
    {
        var old = updates.Select(u => u.OldCommit).Where(id => !IsNone(id)).Distinct().ToList();
        if (old.Count == 0) return;
        using var output = new MemoryStream();
        // Not --all: that has HEAD too, which would still lead to what its branch is about to leave.
        var (exitCode, error) = await git.PipeAsync(project, [
            "rev-list", $"--max-count={MaxDropped + 1}", .. old, "--not", .. updates.Select(u => u.NewCommit).Where(id => !IsNone(id)).Distinct(), .. updates.Select(u => "--exclude=" + u.Ref), $"--exclude={RepositoryService.InternalRefs}*", "--glob=refs/*"],
            environment, Stream.Null, output, ct);
        if (exitCode != 0) throw new PilothouseException(ErrorCode.Internal, $"git rev-list failed: {error}");
        var dropped = Encoding.ASCII.GetString(output.ToArray()).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        if (dropped.Length == 0) return;
        if (dropped.Length > MaxDropped)
        {
            findings.Add($"this push would drop more than {MaxDropped} commits; whether a release stands on one of them is not looked up for so many. Keep them under another branch or tag.");
            return;
        }
        var holders = await lineage.HoldersAsync([.. dropped.Select(id => LineageNode.Commit(project, id))], ct);
        if (holders.Count > 0)
            findings.Add($"this push would drop commits on which {LineageExtensions.Names(holders)} stand{(holders.Count == 1 ? "s" : "")}. Keep them: give them a branch or tag of their own first.");
    }

    private async Task<bool> IsAncestorAsync(string project, string old, string now, IReadOnlyDictionary<string, string> environment, CancellationToken ct) =>
        (await git.PipeAsync(project, ["merge-base", "--is-ancestor", old, now], environment, Stream.Null, Stream.Null, ct)).ExitCode == 0;

    /// <summary>The new objects are seen only with the quarantine's directory (git-receive-pack, "quarantine environment").</summary>
    private Dictionary<string, string> Environment(string project, PushRequest push)
    {
        if (push.Quarantine.Length == 0) return [];
        var objects = Path.Combine(git.PathOf(project), "objects");
        var quarantine = Path.GetFullPath(push.Quarantine, git.PathOf(project));
        if (!quarantine.StartsWith(Path.GetFullPath(objects) + Path.DirectorySeparatorChar, StringComparison.Ordinal))
            throw new PilothouseException(ErrorCode.Internal, "git keeps the objects of this push in a place that is not its repository's.");
        return new() { ["GIT_OBJECT_DIRECTORY"] = quarantine, ["GIT_ALTERNATE_OBJECT_DIRECTORIES"] = objects };
    }

    private static bool IsNone(string id) => id.AsSpan().TrimStart('0').Length == 0;
}
