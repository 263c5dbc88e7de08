using Pilothouse.Protocols.V1;

namespace Pilothouse.Server.Modules.Packaging.Api;

/// <summary>Releases: one small OCI manifest that lists every digest that defines behaviour, with the evidence about it as referrers.</summary>
public interface IReleases
{
    /// <summary>Builds the release of a commit from its pilothouse.yaml and collects the evidence that exists for that commit.</summary>
    Task<Release> CreateAsync(string project, string commit, string actor, CancellationToken ct);

    /// <param name="reference">Digest (or a prefix of at least 8 hex digits).</param>
    Task<Release> GetAsync(string reference, CancellationToken ct);

    Task<IReadOnlyList<Release>> ListAsync(string? project, int limit, CancellationToken ct);

    /// <summary>Records an approval; the author of the release may not approve it where four eyes are required.</summary>
    Task<Release> ApproveAsync(string reference, string actor, string? comment, CancellationToken ct);
}
