using Pilothouse.Protocols.V1;

namespace Pilothouse.Client;

public sealed partial class PilothouseClient
{
    /// <summary>What the checks say of a commit, by name.</summary>
    public Task<IReadOnlyList<CommitStatus>> ListCommitStatusesAsync(string project, string commit, CancellationToken ct) => GetAsync<IReadOnlyList<CommitStatus>>(StatusPath(project, commit), ct);

    /// <summary>Sets what one check says of a commit. Needs the role writer.</summary>
    public Task<CommitStatus> SetCommitStatusAsync(string project, string commit, NewCommitStatus status, CancellationToken ct) => PostAsync<CommitStatus>(StatusPath(project, commit), status, ct);

    private static string StatusPath(string project, string commit) => $"api/v1/projects/{Uri.EscapeDataString(project)}/commits/{Uri.EscapeDataString(commit)}/statuses";
}
