using System.Net.Http.Headers;
using System.Text;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Pilothouse.Server.Modules.Monitoring.Webhooks;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Monitoring;

/// <summary>
/// Sends what lies in the outbox, at least once: tried again with growing waits after a timeout, a broken connection, 408, 429 or 5xx, given up at any
/// other answer (as Alertmanager does) or after the last attempt.
/// </summary>
internal sealed partial class WebhookSender(AlertStore store, WebhookPoster poster, IHttpClientFactory http, TimeProvider time, IOptions<MonitoringOptions> options, ILogger<WebhookSender> logger) : BackgroundLoop
{
    /// <summary>Deliveries sent side by side.</summary>
    private const int Batch = 16;
    private const int MaxError = 500;
    private static readonly TimeSpan IdleWait = TimeSpan.FromMinutes(1);

    private readonly Channel<bool> _bell = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });

    /// <summary>Something new lies in the outbox.</summary>
    public void Wake() => _bell.Writer.TryWrite(true);

    /// <summary>Sends everything that is due now.</summary>
    public async Task SendDueAsync(CancellationToken ct)
    {
        while (true)
        {
            var now = time.NowMs();
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

    protected override async Task LoopAsync(CancellationToken ct)
    {
        while (!ct.IsCancellationRequested)
        {
            var wait = IdleWait;
            try
            {
                await SendDueAsync(ct);
                if (await store.NextDueAsync(ct) is { } next) wait = TimeSpan.FromMilliseconds(Math.Clamp(next - time.NowMs(), 10, IdleWait.TotalMilliseconds));
            }
            catch (Exception e) when (e is not OperationCanceledException || !ct.IsCancellationRequested)
            {
                PassFailed(e);
                wait = TimeSpan.FromSeconds(5);
            }
            await WaitAsync(wait, ct);
        }
    }

    private async Task WaitAsync(TimeSpan wait, CancellationToken ct)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(ct);
        await Task.WhenAny(_bell.Reader.WaitToReadAsync(either.Token).AsTask(), Task.Delay(wait, time, either.Token));
        await either.CancelAsync();
        _bell.Reader.TryRead(out _);
    }

    private async Task SendAsync(DueDelivery delivery, CancellationToken ct)
    {
        var (error, mayRetry) = await PostAsync(delivery, ct);
        var now = time.NowMs();
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
        using var timeout = new CancellationTokenSource(options.Value.WebhookTimeout, time);
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
    private partial void PassFailed(Exception error);

    [LoggerMessage(1301, LogLevel.Warning, "Webhook {Url} given up after {Attempts} attempts: {Error}")]
    private partial void GivenUp(string url, long attempts, string error);
}
