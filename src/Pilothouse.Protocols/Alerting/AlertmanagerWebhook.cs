using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Pilothouse.Protocols.Alerting;

/// <summary>
/// What Prometheus Alertmanager posts to a webhook, version 4 (https://prometheus.io/docs/alerting/latest/configuration/#webhook_config): receivers
/// written for it understand our alerts.
/// </summary>
/// <example><c>{"receiver":"hook","status":"firing","alerts":[{...}],"groupLabels":{"alertname":"QualityDrop"},...,"version":"4","groupKey":"{}:{alertname=\"QualityDrop\"}","truncatedAlerts":0}</c></example>
/// <param name="Status"><c>firing</c> while any alert of the group fires, else <c>resolved</c>.</param>
/// <param name="GroupKey">Names the group: a receiver takes two messages with the same key as news about the same thing.</param>
/// <param name="TruncatedAlerts">Alerts left out for length.</param>
public sealed record AlertmanagerWebhook(string Receiver, string Status, IReadOnlyList<AlertmanagerAlert> Alerts, IReadOnlyDictionary<string, string> GroupLabels,
    IReadOnlyDictionary<string, string> CommonLabels, IReadOnlyDictionary<string, string> CommonAnnotations, [property: JsonPropertyName("externalURL")] string ExternalUrl, string Version,
    string GroupKey, int TruncatedAlerts)
{
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web) { MaxDepth = 8 };

    /// <summary>A message about one alert.</summary>
    /// <param name="groupBy">Labels that name its group.</param>
    public static AlertmanagerWebhook ForOne(string receiver, string externalUrl, AlertmanagerAlert alert, IReadOnlyList<string> groupBy)
    {
        var group = new SortedDictionary<string, string>(alert.Labels.Where(label => groupBy.Contains(label.Key)).ToDictionary(), StringComparer.Ordinal);
        var key = "{}:{" + string.Join(", ", group.Select(label => $"{label.Key}={JsonSerializer.Serialize(label.Value, Json)}")) + "}";
        return new AlertmanagerWebhook(receiver, alert.Status, [alert], group, alert.Labels, alert.Annotations, externalUrl, "4", key, 0);
    }

    public string Write() => JsonSerializer.Serialize(this, Json);

    /// <exception cref="ProtocolFormatException">Not a webhook message.</exception>
    public static AlertmanagerWebhook Read(string json)
    {
        try
        {
            return JsonSerializer.Deserialize<AlertmanagerWebhook>(json, Json) is { Alerts: { } alerts, Status: not null, GroupKey: not null } webhook
                && alerts.All(alert => alert is { Status: not null, Labels: not null, Annotations: not null, StartsAt: not null })
                ? webhook
                : throw new ProtocolFormatException("The webhook message lacks its status, groupKey or alerts, or an alert its status, labels, annotations or startsAt.");
        }
        catch (JsonException e)
        {
            throw new ProtocolFormatException($"Not an Alertmanager webhook message: {e.Message}");
        }
    }
}

/// <param name="Status">firing or resolved.</param>
/// <param name="StartsAt">RFC 3339.</param>
/// <param name="EndsAt">RFC 3339; <see cref="NotEnded"/> while it fires.</param>
/// <param name="GeneratorUrl">Page about what raised it.</param>
/// <param name="Fingerprint">Names the label set: <see cref="FingerprintOf"/>.</param>
public sealed record AlertmanagerAlert(string Status, IReadOnlyDictionary<string, string> Labels, IReadOnlyDictionary<string, string> Annotations, string StartsAt, string EndsAt,
    [property: JsonPropertyName("generatorURL")] string GeneratorUrl, string Fingerprint)
{
    /// <summary>Go's zero time, which is what Alertmanager writes.</summary>
    public const string NotEnded = "0001-01-01T00:00:00Z";

    /// <param name="startsMs">Epoch milliseconds.</param>
    /// <param name="endsMs">Epoch milliseconds, or null while it fires.</param>
    public static AlertmanagerAlert Create(IReadOnlyDictionary<string, string> labels, IReadOnlyDictionary<string, string> annotations, long startsMs, long? endsMs, string generatorUrl) =>
        new(endsMs is null ? "firing" : "resolved", labels, annotations, Time(startsMs), endsMs is { } end ? Time(end) : NotEnded, generatorUrl, FingerprintOf(labels));

    /// <summary>Prometheus' own name of a label set: 64-bit FNV-1a over the sorted names and values, each followed by 0xFF.</summary>
    public static string FingerprintOf(IReadOnlyDictionary<string, string> labels)
    {
        var hash = 14695981039346656037UL;
        foreach (var (name, value) in labels.OrderBy(label => label.Key, StringComparer.Ordinal))
            foreach (var part in (string[])[name, value])
            {
                foreach (var b in Encoding.UTF8.GetBytes(part)) hash = (hash ^ b) * 1099511628211UL;
                hash = (hash ^ 0xFF) * 1099511628211UL;
            }
        return hash.ToString("x16", CultureInfo.InvariantCulture);
    }

    private static string Time(long ms) => DateTimeOffset.FromUnixTimeMilliseconds(ms).ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);
}
