using System.Globalization;
using System.Net.Http.Headers;
using System.Text;
using Pilothouse.Protocols.Mlflow;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Monitoring.Webhooks;

/// <summary>Makes the signed request of one delivery.</summary>
internal sealed class WebhookPoster(WebhookStore store, WebhookSecrets secrets, TimeProvider time)
{
    /// <returns>Null when the webhook is gone or switched off: nothing is to be sent.</returns>
    public async Task<HttpRequestMessage?> RequestAsync(string webhookId, string deliveryId, string body, CancellationToken ct) =>
        await store.FindAsync(webhookId, ct) is { Status: WebhookRow.Active } webhook ? Request(webhook, deliveryId, body) : null;

    /// <summary>Signed anew at each attempt: receivers refuse old timestamps. The delivery id stays, by which they know a repetition.</summary>
    public HttpRequestMessage Request(WebhookRow webhook, string deliveryId, string body)
    {
        var timestamp = time.NowMs() / 1000;
        var request = new HttpRequestMessage(HttpMethod.Post, webhook.Url)
        {
            Content = new ByteArrayContent(Encoding.UTF8.GetBytes(body)) { Headers = { ContentType = new MediaTypeHeaderValue("application/json") } },
        };
        request.Headers.Add(MlflowWebhookSignature.DeliveryHeader, deliveryId);
        request.Headers.Add(MlflowWebhookSignature.TimestampHeader, timestamp.ToString(CultureInfo.InvariantCulture));
        if (webhook.Secret is { } secret) request.Headers.Add(MlflowWebhookSignature.SignatureHeader, MlflowWebhookSignature.Of(secrets.Open(secret), deliveryId, timestamp, body));
        return request;
    }
}
