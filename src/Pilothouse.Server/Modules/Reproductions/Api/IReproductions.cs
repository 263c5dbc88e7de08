using Pilothouse.Protocols.V1;

namespace Pilothouse.Server.Modules.Reproductions.Api;

/// <summary>Whether runs and releases could be repeated, and with what outcome.</summary>
public interface IReproductions
{
    /// <summary>Stores a verdict as an in-toto statement, with an entry in the audit log.</summary>
    /// <exception cref="Platform.PilothouseException">NotFound (the run, or the run that repeated it), InvalidArgument.</exception>
    Task<ReproductionDetail> AddAsync(NewReproduction reproduction, string actor, CancellationToken ct);

    /// <exception cref="Platform.PilothouseException">NotFound.</exception>
    Task<ReproductionDetail> GetAsync(string id, CancellationToken ct);

    /// <summary>Newest first.</summary>
    /// <param name="kind"><c>run</c> or <c>release</c>; null = of all.</param>
    Task<IReadOnlyList<Protocols.V1.Reproduction>> ListAsync(string? kind, string? subject, int limit, CancellationToken ct);
}
