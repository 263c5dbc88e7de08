using System.Net.Http.Headers;
using System.Text;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Pilothouse.Server.Modules.Monitoring.Webhooks;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Monitoring;

/// <summary>
/// Sends what lies in the outbox, at least once: tried again with growing waits after a timeout, a broken connection, 408, 429 or 5xx, given up at any
/// other answer (as Alertmanager does) or after the last attempt.
/// </summary>
internal sealed partial class WebhookSender(AlertStore store, WebhookPoster poster, IHttpClientFactory http, TimeProvider time, IOptions<MonitoringOptions> options, ILogger<WebhookSender> logger) : DueLoop(time)
{
    /// <summary>Deliveries sent side by side.</summary>
    private const int Batch = 16;
    private const int MaxError = 500;

    /// <summary>Sends everything that is due now.</summary>
    public override async Task PassAsync(CancellationToken ct)
    {
        while (true)
        {
            var now = Time.NowMs();
            var lease = now + 2 * (long)options.Value.WebhookTimeout.TotalMilliseconds;
            var due = await store.ClaimDueAsync(now, lease, Batch, ct);
            if (due.Count == 0) return;
            await Task.WhenAll(due.Select(delivery => SendAsync(delivery, ct)));
        }
    }

    /// <summary>Wait after a failed attempt: doubles from the first, bounded.</summary>
    internal static TimeSpan WaitAfter(long attempt, MonitoringOptions options)
    {
        var wait = options.WebhookFirstWait * Math.Pow(2, Math.Min(attempt - 1, 30));
        return wait < options.WebhookLongestWait ? wait : options.WebhookLongestWait;
    }

    protected override Task<long?> NextDueAsync(CancellationToken ct) => store.NextDueAsync(ct);

    private async Task SendAsync(DueDelivery delivery, CancellationToken ct)
    {
        var (error, mayRetry) = await PostAsync(delivery, ct);
        var now = Time.NowMs();
        if (error is null)
        {
            await store.FinishAsync(delivery.Id, "delivered", now, now, null, ct);
            return;
        }
        var last = !mayRetry || delivery.Attempts >= options.Value.WebhookAttempts;
        if (last) GivenUp(delivery.Url, delivery.Attempts, error);
        await store.FinishAsync(delivery.Id, last ? "failed" : "pending", now + (long)WaitAfter(delivery.Attempts, options.Value).TotalMilliseconds, now, error[..Math.Min(error.Length, MaxError)], ct);
    }

    /// <returns>Null when it was delivered; else what went wrong, and whether another try may help.</returns>
    private async Task<(string? Error, bool MayRetry)> PostAsync(DueDelivery delivery, CancellationToken ct)
    {
        using var timeout = new CancellationTokenSource(options.Value.WebhookTimeout, Time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(ct, timeout.Token);
        try
        {
            using var client = http.CreateClient(delivery.WebhookId is null ? MonitoringModule.WebhookClient : MonitoringModule.RegistryWebhookClient);
            using var request = delivery.WebhookId is { } webhook ? await poster.RequestAsync(webhook, delivery.Id, delivery.Body, ct) : Request(delivery);
            if (request is null) return ("The webhook was switched off or deleted.", false);
            using var response = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, either.Token);
            if (response.IsSuccessStatusCode) return (null, false);
            var status = (int)response.StatusCode;
            return ($"The receiver answered {status} {response.ReasonPhrase}.", status is 408 or 429 or >= 500);
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            return ($"No answer within {options.Value.WebhookTimeout.TotalSeconds:0.#} s.", true);
        }
        catch (HttpRequestException e)
        {
            return (e.Message, true);
        }
        catch (PilothouseException e)
        {
            return (e.Message, false);
        }
        catch (Exception e) when (e is InvalidOperationException or UriFormatException or NotSupportedException)
        {
            return ($"Not an address that can be posted to: {e.Message}", false);
        }
    }

    private static HttpRequestMessage Request(DueDelivery delivery) => new(HttpMethod.Post, delivery.Url)
    {
        Content = new ByteArrayContent(Encoding.UTF8.GetBytes(delivery.Body)) { Headers = { ContentType = new MediaTypeHeaderValue("application/json") } },
    };

    [LoggerMessage(1300, LogLevel.Error, "Sending webhooks failed; tried again in a moment")]
    protected override partial void PassFailed(Exception error);

    [LoggerMessage(1301, LogLevel.Warning, "Webhook {Url} given up after {Attempts} attempts: {Error}")]
    private partial void GivenUp(string url, long attempts, string error);
}
