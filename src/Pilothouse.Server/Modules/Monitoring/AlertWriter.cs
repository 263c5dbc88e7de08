using Microsoft.Extensions.Options;
using Pilothouse.Protocols.Alerting;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Monitoring;

/// <summary>Puts an alarm into the words and the labels that people and receivers see.</summary>
internal sealed class AlertWriter(Ids ids, TimeProvider time, ServerOptions server, IOptions<MonitoringOptions> options)
{
    private static readonly string[] GroupBy = ["alertname", "environment"];

    /// <summary>The alert of a monitor that has just been marked as firing.</summary>
    public AlertRow Fire(LiveMonitor monitor)
    {
        var labels = new SortedDictionary<string, string>(StringComparer.Ordinal)
        {
            ["alertname"] = monitor.Definition.Name,
            ["arm"] = monitor.Arm,
            ["environment"] = monitor.Environment,
            ["metric"] = monitor.Definition.Metric,
            ["project"] = monitor.Environment.Split('/')[0],
            ["release"] = monitor.Release,
            ["severity"] = "critical",
        };
        if (monitor.Definition.Model is { } model) labels["model"] = model;
        return new AlertRow
        {
            Id = monitor.AlertId!,
            MonitorId = monitor.Id,
            Monitor = monitor.Definition.Name,
            Environment = monitor.Environment,
            Arm = monitor.Arm,
            Release = monitor.Release,
            Summary = monitor.ToState().Statement,
            Labels = WireJson.Write(labels),
            Webhooks = WireJson.Write(monitor.Definition.Webhooks ?? []),
            StartedMs = time.NowMs(),
        };
    }

    public AlertChanges Changes(IReadOnlyList<AlertRow> fired, IReadOnlyList<AlertRow> resolved) =>
        new(fired, [.. resolved.Select(a => (a.Id, a.EndedMs ?? time.NowMs()))], [.. fired.Concat(resolved).SelectMany(Deliveries)]);

    private IEnumerable<NewDelivery> Deliveries(AlertRow alert)
    {
        var external = options.Value.ExternalUrl.Length > 0 ? options.Value.ExternalUrl : server.Urls.Split(';')[0];
        var message = AlertmanagerWebhook.ForOne("pilothouse", external, AlertmanagerAlert.Create(
            WireJson.Read<Dictionary<string, string>>(alert.Labels), new Dictionary<string, string> { ["summary"] = alert.Summary }, alert.StartedMs, alert.EndedMs,
            $"{external.TrimEnd('/')}/alerts/{alert.Id}"), GroupBy).Write();
        return WireJson.Read<List<string>>(alert.Webhooks).Select(url => new NewDelivery(ids.New(), alert.Id, url, alert.Status, message, time.NowMs()));
    }
}
