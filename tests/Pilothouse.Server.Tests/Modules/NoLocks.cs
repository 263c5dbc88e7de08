using Pilothouse.Protocols.Locks;
using Pilothouse.Server.Modules.Repositories.Api;

namespace Pilothouse.Server.Tests.Modules;

/// <summary>Repositories in which nobody ever wrote a lock.</summary>
internal sealed class NoLocks : IProjectLocks
{
    public Task<LockFile?> FindAsync(string project, string commit, CancellationToken ct) => Task.FromResult<LockFile?>(null);

    public Task<LockState> CheckAsync(string project, string commit, CancellationToken ct) => Task.FromResult(new LockState(null, []));

    public Task<TreeContent?> TrackedAsync(string project, string commit, string path, CancellationToken ct) => Task.FromResult<TreeContent?>(null);
}
