using System.Net;
using System.Text.RegularExpressions;
using Microsoft.Extensions.Options;
using Pilothouse.Data;
using Pilothouse.Protocols.Mlflow;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Monitoring.Webhooks;

/// <summary>What a create or update call says; null or empty = not said.</summary>
internal sealed record WebhookChange(string? Name, string? Description, string? Url, IReadOnlyList<MlflowWebhookEvent> Events, string? Secret, string? Status);

/// <summary>Rules of webhooks.</summary>
internal sealed partial class WebhookService(WebhookStore store, WebhookSecrets secrets, WebhookPoster poster, IHttpClientFactory http, Ids ids, TimeProvider time, IOptions<MonitoringOptions> options)
{
    private const int MaxUrl = 2_048;
    private const int MaxText = 10_000;
    private const int MaxAnswer = 10_000;
    private const int DefaultPage = 100;
    private const int MaxPage = 1_000;

    public async Task<MlflowWebhook> CreateAsync(WebhookChange asked, string actor, CancellationToken ct)
    {
        var webhook = Apply(new WebhookRow { Id = ids.New(), CreatedMs = time.NowMs() }, asked);
        if (webhook.EventList.Count == 0) throw Invalid("Webhook events must be a non-empty list of {entity, action}.");
        await store.CreateAsync(webhook, actor, ct);
        return Show(webhook);
    }

    public async Task<MlflowWebhook> GetAsync(string id, CancellationToken ct) => Show(await FindAsync(id, ct));

    /// <param name="limit">0 = the default.</param>
    public async Task<MlflowWebhooksResponse> ListAsync(long limit, string? pageToken, CancellationToken ct)
    {
        if (limit is < 0 or > MaxPage) throw Invalid($"max_results must be between 1 and {MaxPage}.");
        string? before = null;
        if (!string.IsNullOrEmpty(pageToken) && !PageToken.TryDecode(pageToken, out before)) throw Invalid("Invalid page token, could not base64-decode. Send the next_page_token unchanged.");
        var size = limit == 0 ? DefaultPage : (int)limit;
        var rows = await store.ListAsync(before, size + 1, ct);
        var more = rows.Count > size;
        if (more) rows.RemoveAt(size);
        return new MlflowWebhooksResponse(rows.ConvertAll(Show), more ? PageToken.Encode(rows[^1].Id) : null);
    }

    /// <summary>What is not said stays, but for the status: without one the webhook is active, as in MLflow.</summary>
    public async Task<MlflowWebhook> UpdateAsync(string id, WebhookChange asked, string actor, CancellationToken ct)
    {
        await FindAsync(id, ct);
        return Show(await store.UpdateAsync(id, old => Apply(old, asked), actor, ct) ?? throw Missing(id));
    }

    public async Task DeleteAsync(string id, string actor, CancellationToken ct)
    {
        if (!await store.DeleteAsync(id, actor, ct)) throw Missing(id);
    }

    /// <summary>Sends an example now, once, and says how it went.</summary>
    /// <param name="kind">Null = the first event that the webhook listens to.</param>
    public async Task<MlflowWebhookTestResult> TestAsync(string id, MlflowWebhookEvent? kind, CancellationToken ct)
    {
        var webhook = await FindAsync(id, ct);
        var example = kind is null ? webhook.EventList[0] : RequireEvent(kind);
        using var timeout = new CancellationTokenSource(options.Value.WebhookTimeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(ct, timeout.Token);
        try
        {
            using var client = http.CreateClient(MonitoringModule.RegistryWebhookClient);
            using var request = poster.Request(webhook, ids.New(), WebhookMessage.Write(example, time.GetUtcNow(), WebhookMessage.ExampleOf(example)));
            using var response = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, either.Token);
            return new MlflowWebhookTestResult((int)response.StatusCode < 400, (int)response.StatusCode, await BeginningAsync(response, either.Token), null);
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            return new MlflowWebhookTestResult(false, null, null, $"No answer within {options.Value.WebhookTimeout.TotalSeconds:0.#} s.");
        }
        catch (Exception e) when (e is HttpRequestException or IOException or PilothouseException)
        {
            return new MlflowWebhookTestResult(false, null, null, $"Failed to test webhook: {e.Message}");
        }
    }

    private WebhookRow Apply(WebhookRow old, WebhookChange asked)
    {
        RequireText(asked.Description, "description");
        RequireText(asked.Secret, "secret");
        return old with
        {
            Name = asked.Name is { Length: > 0 } name ? RequireName(name) : old.Name,
            Description = asked.Description is { Length: > 0 } description ? description : old.Description,
            Url = asked.Url is { Length: > 0 } url ? RequireUrl(url) : old.Url,
            Events = asked.Events.Count > 0 ? WireJson.Write(asked.Events.Select(RequireEvent).Distinct()) : old.Events,
            Secret = asked.Secret is { Length: > 0 } secret ? secrets.Seal(secret) : old.Secret,
            Status = asked.Status ?? WebhookRow.Active,
            UpdatedMs = time.NowMs(),
        };
    }

    private static string RequireName(string name) => NamePattern().IsMatch(name) ? name
        : throw Invalid($"Webhook name '{(name.Length > 80 ? name[..80] + "..." : name)}' is invalid. It must start and end with a letter or digit, have at most 63 characters, and contain only letters, digits, dots (.), underscores (_), and hyphens (-).");

    /// <summary>An address that is plainly inside is refused here; what a name leads to is looked at when it is connected to.</summary>
    private string RequireUrl(string url)
    {
        var settings = options.Value;
        var schemes = settings.WebhookAllowHttp ? "http, https" : "https";
        if (url.Length > MaxUrl) throw Invalid($"The webhook URL has {url.Length} characters; {MaxUrl} is the limit.");
        if (!Uri.TryCreate(url, UriKind.Absolute, out var parsed) || parsed.Scheme != Uri.UriSchemeHttps && !(settings.WebhookAllowHttp && parsed.Scheme == Uri.UriSchemeHttp))
            throw Invalid($"Invalid webhook URL scheme: '{(parsed?.IsAbsoluteUri == true ? parsed.Scheme : "")}'. Allowed schemes are: {schemes}.");
        if (parsed.Host.Length == 0 || parsed.UserInfo.Length > 0) throw Invalid("The webhook URL needs a host, and cannot carry a user name or password; use the secret.");
        var inside = parsed.IsLoopback || IPAddress.TryParse(parsed.Host.Trim('[', ']'), out var address) && !AddressGuard.IsPublic(address);
        if (inside && !settings.WebhookAllowPrivate) throw Invalid($"'{parsed.Host}' is an address inside of a private network, where webhooks are not sent. An operator may allow it: Monitoring:WebhookAllowPrivate.");
        return url;
    }

    private static MlflowWebhookEvent RequireEvent(MlflowWebhookEvent kind)
    {
        if (MlflowWebhookEvent.ActionsOf(kind.Entity) is not { Count: > 0 } actions) throw Invalid($"Invalid webhook entity. Use one of {string.Join(", ", MlflowWebhookEvent.Entities)}.");
        return actions.Contains(kind.Action) ? kind : throw Invalid($"Invalid action '{kind.Action.ToLowerInvariant()}' for entity '{kind.Entity.ToLowerInvariant()}'. Valid actions are: {string.Join(", ", actions).ToLowerInvariant()}.");
    }

    private static void RequireText(string? text, string parameter)
    {
        if (text?.Length > MaxText || text?.Contains('\0', StringComparison.Ordinal) == true) throw Invalid($"'{parameter}' may have {MaxText} characters, and no NUL among them.");
    }

    private static async Task<string> BeginningAsync(HttpResponseMessage response, CancellationToken ct)
    {
        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync(ct));
        var buffer = new char[MaxAnswer];
        return new string(buffer, 0, await reader.ReadBlockAsync(buffer, ct));
    }

    private async Task<WebhookRow> FindAsync(string id, CancellationToken ct) => await store.FindAsync(id, ct) ?? throw Missing(id);

    private static MlflowWebhook Show(WebhookRow row) => new(row.Id, row.Name, row.Description, row.Url, row.EventList, row.Status, row.CreatedMs, row.UpdatedMs);

    private static PilothouseException Missing(string id) => new(ErrorCode.NotFound, $"Webhook with ID {(id.Length > 100 ? id[..100] : id)} not found.");

    private static PilothouseException Invalid(string message) => new(ErrorCode.InvalidArgument, message);

    [GeneratedRegex(@"\A[A-Za-z0-9](?:[A-Za-z0-9._\-]{0,61}[A-Za-z0-9])?\z")]
    private static partial Regex NamePattern();
}
