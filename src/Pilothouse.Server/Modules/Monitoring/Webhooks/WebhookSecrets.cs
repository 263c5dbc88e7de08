using Microsoft.Extensions.Options;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Monitoring.Webhooks;

/// <summary>Secrets of webhooks, sealed at rest with <c>Monitoring:WebhookKey</c> or a key file: whoever gets a copy of the database alone cannot sign deliveries.</summary>
internal sealed class WebhookSecrets(ServerOptions server, IOptions<MonitoringOptions> options)
{
    private readonly SecretSealer _sealer = new(() => options.Value.WebhookKey, Path.Combine(server.Data, "webhook.key"), "Monitoring:WebhookKey", "The webhook's secret");

    public string Seal(string secret) => _sealer.Seal(secret);

    /// <exception cref="PilothouseException">FailedPrecondition: it was sealed with another key.</exception>
    public string Open(string sealedText) => _sealer.Open(sealedText);
}
