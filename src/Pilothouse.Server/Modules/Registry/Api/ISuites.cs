using Pilothouse.Protocols.V1;

namespace Pilothouse.Server.Modules.Registry.Api;

/// <summary>Evaluation suites as immutable numbered versions: what is asked, how it is scored, which gates hold, and the digest of the cases.</summary>
public interface ISuites
{
    /// <summary>Registers the next version; the same definition over the same cases gives the version that has it.</summary>
    Task<SuiteVersion> RegisterAsync(string name, NewSuiteVersion version, string actor, CancellationToken ct);

    /// <param name="version">Null = the latest.</param>
    /// <exception cref="Platform.PilothouseException">NotFound, with the versions that exist.</exception>
    Task<SuiteVersion> GetAsync(string name, int? version, CancellationToken ct);

    /// <summary>All versions, by name, newest first.</summary>
    Task<IReadOnlyList<SuiteVersion>> ListAsync(CancellationToken ct);

    /// <summary>Newest first.</summary>
    Task<IReadOnlyList<SuiteVersion>> VersionsAsync(string name, CancellationToken ct);
}
