using Pilothouse.Protocols.V1;

namespace Pilothouse.Server.Modules.Pipelines.Api;

/// <summary>What checks say of commits of hosted repositories.</summary>
public interface ICommitStatuses
{
    /// <summary>First part of the names that only this server sets.</summary>
    const string OwnPrefix = "pilothouse/";

    /// <param name="commit">A full id, or anything that leads to a commit.</param>
    /// <exception cref="Platform.PilothouseException">NotFound.</exception>
    Task<IReadOnlyList<CommitStatus>> ListAsync(string project, string commit, CancellationToken ct);

    /// <summary>Statuses of all commits of a project, newest first.</summary>
    Task<IReadOnlyList<CommitStatus>> RecentAsync(string project, int limit, CancellationToken ct);

    /// <summary>Replaces what this check said before.</summary>
    /// <exception cref="Platform.PilothouseException">NotFound, InvalidArgument, TooLarge.</exception>
    Task<CommitStatus> SetAsync(string project, string commit, NewCommitStatus status, string actor, CancellationToken ct);
}
