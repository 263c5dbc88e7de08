using Pilothouse.Protocols.V1;

namespace Pilothouse.Server.Modules.Tracking.Api;

/// <summary>Named states of the pages of an experiment, shared by everybody who uses the server.</summary>
public interface IRunViews
{
    /// <summary>Views by name; at most 200.</summary>
    Task<IReadOnlyList<SavedView>> ListAsync(string experimentId, CancellationToken ct);

    /// <summary>Saves a view; one with the same name is replaced.</summary>
    /// <exception cref="Platform.PilothouseException">InvalidArgument: the name or the address; NotFound: the experiment; FailedPrecondition: too many.</exception>
    Task<SavedView> SaveAsync(string experimentId, NewSavedView view, string actor, CancellationToken ct);

    /// <exception cref="Platform.PilothouseException">NotFound.</exception>
    Task DeleteAsync(string experimentId, string name, string actor, CancellationToken ct);
}
