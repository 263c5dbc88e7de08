using Pilothouse.Data;
using Pilothouse.Server.Platform.Projects;

namespace Pilothouse.Server.Modules.Evaluation;

/// <summary>Commits of evaluations, and those that they were compared with, are held.</summary>
internal sealed class EvaluatedCommits(Db db) : ICommitClaims
{
    public async Task<IReadOnlyCollection<string>> HeldAsync(string project, IReadOnlyCollection<string> commits, CancellationToken ct) => await db.ReadAsync(s => s.QueryAsync<string>($"""
        SELECT commit_id FROM evl_evaluation WHERE project = @project AND {s.Dialect.In("commit_id", "@commits")}
        UNION SELECT baseline_commit FROM evl_evaluation WHERE project = @project AND {s.Dialect.In("baseline_commit", "@commits")}
        """, new { project, commits = commits.ToArray() }), ct);
}
