using Pilothouse.Protocols.Locks;

namespace Pilothouse.Server.Modules.Repositories.Api;

/// <summary><c>pilothouse.lock</c> of commits of hosted repositories.</summary>
public interface IProjectLocks
{
    /// <returns>Null when the commit has none.</returns>
    /// <exception cref="Platform.PilothouseException">LockStale: it has faults, each with its line.</exception>
    Task<LockFile?> FindAsync(string project, string commit, CancellationToken ct);

    /// <summary>What does not fit between the lock, pilothouse.yaml and the files of a commit.</summary>
    Task<LockState> CheckAsync(string project, string commit, CancellationToken ct);

    /// <summary>What the lock says that a file holds which Git does not; null when the lock does not track it.</summary>
    Task<TreeContent?> TrackedAsync(string project, string commit, string path, CancellationToken ct);
}

/// <summary>How a commit stands to its lock.</summary>
/// <param name="Lock">Null when there is none.</param>
/// <param name="Reasons">Why it is stale or missing, in words; empty = fresh, or a project that never had one.</param>
public sealed record LockState(LockFile? Lock, IReadOnlyList<string> Reasons)
{
    /// <summary>Reasons in a message; the rest is counted.</summary>
    private const int MaxNamed = 10;

    /// <summary>One sentence with the command that mends it; null when there is nothing to mend.</summary>
    public string? Complaint => Reasons.Count == 0 ? null
        : $"{LockFile.FileName} is {(Lock is null ? "missing" : "stale")}: {string.Join("; ", Reasons.Take(MaxNamed))}{(Reasons.Count > MaxNamed ? $"; and {Reasons.Count - MaxNamed} more" : "")}. Run 'pilothouse lock', commit {LockFile.FileName} and push.";
}

public static class ProjectLocksExtensions
{
    /// <exception cref="Platform.PilothouseException">LockStale, with what does not fit and the command that mends it.</exception>
    public static async Task<LockState> RequireFreshAsync(this IProjectLocks locks, string project, string commit, CancellationToken ct)
    {
        var state = await locks.CheckAsync(project, commit, ct);
        return state.Complaint is { } complaint ? throw new Platform.PilothouseException(Platform.ErrorCode.LockStale, complaint) : state;
    }
}
