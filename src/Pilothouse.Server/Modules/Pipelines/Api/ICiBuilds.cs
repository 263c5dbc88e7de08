using Pilothouse.Protocols.V1;

namespace Pilothouse.Server.Modules.Pipelines.Api;

/// <summary>Builds on CI systems elsewhere, started by pushes, by new versions, or by hand.</summary>
public interface ICiBuilds
{
    Task<IReadOnlyList<CiConnection>> ConnectionsAsync(string project, CancellationToken ct);

    /// <summary>Makes or replaces a connection.</summary>
    /// <exception cref="Platform.PilothouseException">NotFound, InvalidArgument, TooLarge.</exception>
    Task<CiConnection> ConnectAsync(string project, string name, NewCiConnection connection, string actor, CancellationToken ct);

    /// <exception cref="Platform.PilothouseException">NotFound.</exception>
    Task DisconnectAsync(string project, string name, string actor, CancellationToken ct);

    /// <summary>Starts a build by hand.</summary>
    Task<CiBuild> StartAsync(string project, string name, string? revision, string actor, CancellationToken ct);

    /// <summary>Newest first.</summary>
    Task<IReadOnlyList<CiBuild>> BuildsAsync(string project, int limit, CancellationToken ct);
}
