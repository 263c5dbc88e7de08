using Microsoft.Extensions.Options;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Pipelines.Ci;

/// <summary>Credentials of CI systems, sealed at rest with <c>Pipelines:SecretKey</c> or a key file in the data directory.</summary>
internal sealed class CiSecrets(ServerOptions server, IOptions<PipelinesOptions> options)
{
    private readonly SecretSealer _sealer = new(() => options.Value.SecretKey, Path.Combine(server.Data, "ci.key"), "Pipelines:SecretKey", "The connection's secret");

    public string Seal(string secret) => _sealer.Seal(secret);

    public string Open(string sealedText) => _sealer.Open(sealedText);
}
