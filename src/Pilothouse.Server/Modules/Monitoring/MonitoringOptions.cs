using System.ComponentModel.DataAnnotations;

namespace Pilothouse.Server.Modules.Monitoring;

/// <summary>Section <c>Monitoring</c>.</summary>
internal sealed class MonitoringOptions
{
    /// <summary>Longest time that evidence is only in memory; a crash forgets at most this much of it.</summary>
    [Range(typeof(TimeSpan), "00:00:00.1", "00:10:00", ErrorMessage = "Monitoring:FlushInterval must be between 100 ms and 10 minutes.")]
    public TimeSpan FlushInterval { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>Judged responses after which evidence is written without waiting for the interval.</summary>
    [Range(1, 1_000_000, ErrorMessage = "Monitoring:FlushObservations must be between 1 and 1000000.")]
    public int FlushObservations { get; set; } = 1000;

    /// <summary>Monitors that may be active at once.</summary>
    [Range(1, 100_000, ErrorMessage = "Monitoring:MaxMonitors must be between 1 and 100000.")]
    public int MaxMonitors { get; set; } = 1000;

    /// <summary>A receiver that has not answered by then has failed, and is tried again.</summary>
    [Range(typeof(TimeSpan), "00:00:00.1", "00:02:00", ErrorMessage = "Monitoring:WebhookTimeout must be between 100 ms and 2 minutes.")]
    public TimeSpan WebhookTimeout { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>Times a delivery is tried: with the waits below, over about half an hour.</summary>
    [Range(1, 100, ErrorMessage = "Monitoring:WebhookAttempts must be between 1 and 100.")]
    public int WebhookAttempts { get; set; } = 12;

    /// <summary>Wait before the second try; it doubles each time, up to <see cref="WebhookLongestWait"/>.</summary>
    public TimeSpan WebhookFirstWait { get; set; } = TimeSpan.FromSeconds(1);

    public TimeSpan WebhookLongestWait { get; set; } = TimeSpan.FromMinutes(5);

    /// <summary>Registry webhooks may go to plain http. Off: who reads along could replay a signed delivery.</summary>
    public bool WebhookAllowHttp { get; set; }

    /// <summary>Registry webhooks may go to addresses inside of a private network, this machine included.</summary>
    public bool WebhookAllowPrivate { get; set; }

    /// <summary>Key that seals the secrets of registry webhooks: base64 of 32 bytes, the same on every replica. Empty = a file in the data directory.</summary>
    [RegularExpression("^([A-Za-z0-9+/]{43}=)?$", ErrorMessage = "Monitoring:WebhookKey must be base64 of 32 bytes (openssl rand -base64 32), or empty.")]
    public string WebhookKey { get; set; } = "";

    /// <summary>Address under which people reach this server, for the links in alerts; empty = the first address it listens on.</summary>
    public string ExternalUrl { get; set; } = "";
}
