using Pilothouse.Protocols.V1;

namespace Pilothouse.Server.Modules.Repositories.Api;

/// <summary>Copies of a repository from and to other servers.</summary>
public interface IMirrors
{
    Task<IReadOnlyList<MirrorInfo>> ListAsync(string project, CancellationToken ct);

    /// <exception cref="Platform.PilothouseException">InvalidArgument, AlreadyExists.</exception>
    Task<MirrorInfo> CreateAsync(string project, NewMirror mirror, string actor, CancellationToken ct);

    Task DeleteAsync(string project, string id, string actor, CancellationToken ct);

    /// <summary>Runs it now and waits. What went wrong stands in the answer, as it does after a run by schedule.</summary>
    Task<MirrorInfo> SyncAsync(string project, string id, CancellationToken ct);
}
