namespace Pilothouse.Server.Platform;

/// <summary>Knows which checks a commit must have passed before a protected branch takes it, and how they stand. Implemented by Pipelines.</summary>
public interface IRequiredChecks
{
    /// <param name="from">What the branch has now; null = it begins with this push.</param>
    /// <param name="to">What it is to have; may be known to git's quarantine only.</param>
    /// <param name="checks">Names that the branch's rule requires.</param>
    /// <returns>One line for each check that is missing or not green; empty = it may come in.</returns>
    Task<IReadOnlyList<string>> MissingAsync(string project, string? from, string to, IReadOnlyList<string> checks, CancellationToken ct);
}
