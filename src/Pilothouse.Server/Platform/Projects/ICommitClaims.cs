namespace Pilothouse.Server.Platform.Projects;

/// <summary>Says which commits something stands on, so that what is known of them is kept. Each module that has such things implements it over its own tables.</summary>
public interface ICommitClaims
{
    /// <returns>Those of <paramref name="commits"/> that are held.</returns>
    Task<IReadOnlyCollection<string>> HeldAsync(string project, IReadOnlyCollection<string> commits, CancellationToken ct);
}
