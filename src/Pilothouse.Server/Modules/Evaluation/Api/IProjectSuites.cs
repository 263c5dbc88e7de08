using Pilothouse.Protocols.V1;

namespace Pilothouse.Server.Modules.Evaluation.Api;

/// <summary>The suites that a commit declares, as registered versions.</summary>
public interface IProjectSuites
{
    /// <summary>Registers them without running them; one that is registered already keeps its version.</summary>
    /// <param name="name">One suite of the project file.</param>
    /// <exception cref="Platform.PilothouseException">The suite cannot be read: its cases, its model or a scorer is missing.</exception>
    Task<SuiteVersion> RegisterAsync(string project, string commit, string name, string actor, CancellationToken ct);
}
