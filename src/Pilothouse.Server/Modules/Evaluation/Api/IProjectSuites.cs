using Pilothouse.Protocols.V1;

namespace Pilothouse.Server.Modules.Evaluation.Api;

/// <summary>The suites that a commit declares, as registered versions.</summary>
public interface IProjectSuites
{
    /// <summary>Registers them without running them; one that is registered already keeps its version.</summary>
    /// <param name="name">One suite of the project file.</param>
    /// <returns>The suite; several where it names a promptfoo configuration with several providers or prompts.</returns>
    /// <exception cref="Platform.PilothouseException">The suite cannot be read: its cases, its model or a scorer is missing.</exception>
    Task<IReadOnlyList<DeclaredSuite>> RegisterAsync(string project, string commit, string name, string actor, CancellationToken ct);
}

/// <param name="Name">As evaluations call it: <c>quality</c>, or <c>regression.echo-p2</c>.</param>
public sealed record DeclaredSuite(string Name, SuiteVersion Version);
