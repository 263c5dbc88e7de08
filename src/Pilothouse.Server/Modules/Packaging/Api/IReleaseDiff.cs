using Pilothouse.Protocols.V1;

namespace Pilothouse.Server.Modules.Packaging.Api;

public interface IReleaseDiff
{
    /// <summary>What changes from one release to another: models, prompts, data, suites, parameters, and the commits between.</summary>
    /// <param name="from">Digest, or a prefix of at least 8 hex digits.</param>
    /// <exception cref="Platform.PilothouseException">NotFound; InvalidArgument: they are of different projects.</exception>
    Task<ReleaseDiff> CompareAsync(string from, string to, CancellationToken ct);
}
