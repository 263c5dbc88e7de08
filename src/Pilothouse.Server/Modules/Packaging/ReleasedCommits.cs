using Pilothouse.Data;
using Pilothouse.Server.Platform.Projects;

namespace Pilothouse.Server.Modules.Packaging;

/// <summary>Commits of releases are held.</summary>
internal sealed class ReleasedCommits(Db db) : ICommitClaims
{
    public async Task<IReadOnlyCollection<string>> HeldAsync(string project, IReadOnlyCollection<string> commits, CancellationToken ct) =>
        await db.ReadAsync(s => s.QueryAsync<string>($"SELECT DISTINCT commit_id FROM pkg_release WHERE project = @project AND {s.Dialect.In("commit_id", "@commits")}", new { project, commits = commits.ToArray() }), ct);
}
