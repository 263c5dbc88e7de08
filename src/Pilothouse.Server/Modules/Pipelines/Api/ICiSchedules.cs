using Pilothouse.Protocols.V1;

namespace Pilothouse.Server.Modules.Pipelines.Api;

/// <summary>Schedules of jobs of pilothouse.yaml.</summary>
public interface ICiSchedules
{
    /// <exception cref="Platform.PilothouseException">NotFound.</exception>
    Task<IReadOnlyList<CiScheduleInfo>> ListAsync(string project, CancellationToken ct);
}
