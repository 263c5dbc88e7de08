using Pilothouse.Protocols.ProjectFiles;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Repositories.Api;
using Pilothouse.Server.Platform;
using Pilothouse.Server.Platform.Inference;
using Pilothouse.Server.Platform.Projects;

namespace Pilothouse.Server.Modules.Evaluation;

/// <summary>What a commit is compared with when nobody says: where it left the default branch, else what is in production. Answers of stored runs are used again.</summary>
internal sealed class BaselineFinder(IRepositories repositories, IProjects projects, EvaluationStore store, IServedTargets served, IReleaseCommits releases)
{
    public const string Auto = "auto", None = "none", Production = "production";

    /// <summary>Ancestors looked at for a stored run.</summary>
    private const int MaxAncestors = 200;

    /// <returns>The commit (null = there is none) and what the reader has to know.</returns>
    public async Task<(string? Commit, string? Note)> FindAsync(string project, string commit, CancellationToken ct)
    {
        if (await MergeBaseAsync(project, commit, ct) is { } mergeBase)
        {
            // On the default branch itself the base line is what came before.
            var ancestors = (await repositories.LogAsync(project, mergeBase, MaxAncestors, ct)).Where(c => c.Id != commit).ToArray();
            for (var back = 0; back < ancestors.Length; back++)
            {
                if (!await store.HasFinishedAsync(project, ancestors[back].Id, ct)) continue;
                var id = ancestors[back].Id;
                return (id, back == 0 ? $"The base line is {ProjectContent.Short(id)}, where this commit left the default branch." : $"The base line is {ProjectContent.Short(id)}, {back} commits before the merge base: the nearest with a finished evaluation. It may be stale.");
            }
        }
        if (served.ReleaseOf($"{project}/{Production}") is { } release)
        {
            var found = await releases.FindAsync(project, release, ct);
            return (found.Commit, $"No commit on the way to the default branch was evaluated: the base line is the release in production, commit {ProjectContent.Short(found.Commit)}.");
        }
        return (null, "There is no base line: no commit on the way to the default branch was evaluated, and nothing is in production.");
    }

    /// <summary>What a suite's own <c>baseline:</c> leads to.</summary>
    /// <exception cref="PilothouseException">NotFound: there is no such release or revision.</exception>
    public async Task<(string? Commit, string? Note)> OwnAsync(string project, string commit, BaselineEntry entry, CancellationToken ct)
    {
        if (entry.IsNone) return (null, "The suite is compared with nothing (baseline: none).");
        if (entry.Commit == Auto) return await FindAsync(project, commit, ct);
        if (entry.Commit is { } revision)
        {
            var id = await repositories.ResolveAsync(project, revision, ct);
            return (id, $"The suite's own base line is {revision}, commit {ProjectContent.Short(id)}.");
        }
        var release = entry.Release ?? served.ReleaseOf($"{project}/{entry.Environment}");
        if (release is null) return (null, $"The suite's own base line is the environment {entry.Environment}, where nothing runs yet.");
        var origin = await releases.FindAsync(project, release, ct);
        return (origin.Commit, $"The suite's own base line is the {entry}: release {ProjectContent.Short(origin.Digest["sha256:".Length..])}, commit {ProjectContent.Short(origin.Commit)}.");
    }

    /// <summary>The answers of a stored run of the very suite at the base line's commit; null = there is none, or it asked something else.</summary>
    public async Task<IReadOnlyDictionary<string, Answer>?> StoredAsync(string project, string commit, SuitePlan plan, Func<string, CancellationToken, Task<EvaluationDetail>> read, CancellationToken ct)
    {
        // What has a digest is in the cache, with every repeat.
        if (plan.Baseline is not { Digest: null } baseline || plan.Repeats != 1 || !plan.ComparesBaseline) return null;
        foreach (var id in await store.FinishedAsync(project, commit, ct))
        {
            var suite = (await read(id, ct)).Suites.FirstOrDefault(s => s.Name == plan.Name);
            if (suite is null || suite.DatasetDigest != plan.Data.Digest || suite.PromptDigest != baseline.PromptDigest || suite.Model != baseline.Reference || suite.Looks?.Reason is not null) continue;
            return await store.AnswersAsync(id, plan.Name, ct);
        }
        return null;
    }

    private async Task<string?> MergeBaseAsync(string project, string commit, CancellationToken ct)
    {
        try
        {
            var head = await repositories.ResolveAsync(project, (await projects.GetAsync(project, ct)).DefaultBranch, ct);
            return await repositories.MergeBaseAsync(project, commit, head, ct);
        }
        catch (PilothouseException e) when (e.Code == ErrorCode.NotFound)
        {
            return null; // the default branch was never pushed
        }
    }
}
