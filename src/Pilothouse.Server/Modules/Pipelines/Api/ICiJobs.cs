using Pilothouse.Protocols.V1;

namespace Pilothouse.Server.Modules.Pipelines.Api;

/// <summary>Jobs of the section <c>ci</c> of pilothouse.yaml.</summary>
public interface ICiJobs
{
    /// <summary>Newest first.</summary>
    /// <param name="commit">Null = of all.</param>
    Task<IReadOnlyList<CiJob>> ListAsync(string project, string? commit, int limit, CancellationToken ct);

    /// <exception cref="Platform.PilothouseException">NotFound.</exception>
    Task<CiJob> GetAsync(string project, string id, CancellationToken ct);

    /// <summary>Starts jobs by hand, with what they need; those that ended run again.</summary>
    /// <param name="revision">Null = the default branch.</param>
    /// <param name="names">Null = all.</param>
    Task<IReadOnlyList<CiJob>> StartAsync(string project, string? revision, IReadOnlyList<string>? names, string actor, CancellationToken ct);

    /// <summary>One that has ended stays as it is.</summary>
    Task<CiJob> CancelAsync(string project, string id, string actor, CancellationToken ct);

    /// <summary>What the steps wrote so far; empty for a job that another system runs.</summary>
    Task<Stream> OpenLogAsync(string project, string id, CancellationToken ct);

    Task<Stream> OpenArtifactAsync(string project, string id, string path, CancellationToken ct);
}
