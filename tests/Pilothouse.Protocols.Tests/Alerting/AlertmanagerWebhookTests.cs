using System.Text.Json.Nodes;
using Pilothouse.Protocols.Alerting;

namespace Pilothouse.Protocols.Tests.Alerting;

public sealed class AlertmanagerWebhookTests
{
    private const string Recorded = """
        {"receiver":"hook","status":"firing","alerts":[{"status":"firing","labels":{"alertname":"QualityDrop","model":"gpt-4o-mini","project":"demo","severity":"critical"},"annotations":{"summary":"judge score e-value 34 \u003e 20"},"startsAt":"2026-11-23T08:33:20.892831032Z","endsAt":"0001-01-01T00:00:00Z","generatorURL":"http://127.0.0.1/monitors/7","fingerprint":"ca8e8ab7f85e303c"}],"groupLabels":{"alertname":"QualityDrop","project":"demo"},"commonLabels":{"alertname":"QualityDrop","model":"gpt-4o-mini","project":"demo","severity":"critical"},"commonAnnotations":{"summary":"judge score e-value 34 \u003e 20"},"externalURL":"http://am:14421","version":"4","groupKey":"{}:{alertname=\"QualityDrop\", project=\"demo\"}","truncatedAlerts":0}
        """;

    [Fact]
    public void Our_message_has_every_member_of_a_real_alertmanagers()
    {
        var recorded = AlertmanagerWebhook.Read(Recorded);
        var alert = recorded.Alerts[0];

        var ours = AlertmanagerWebhook.ForOne("hook", "http://am:14421",
            AlertmanagerAlert.Create(alert.Labels, alert.Annotations, DateTimeOffset.Parse("2026-11-23T08:33:20.892Z").ToUnixTimeMilliseconds(), null, alert.GeneratorUrl), ["alertname", "project"]);

        var expected = JsonNode.Parse(Recorded)!;
        expected["alerts"]![0]!["startsAt"] = "2026-11-23T08:33:20.892Z"; // we keep milliseconds
        Assert.True(JsonNode.DeepEquals(expected, JsonNode.Parse(ours.Write())), ours.Write());
    }

    [Fact]
    public void Fingerprint_is_prometheus_own() =>
        Assert.Equal("ca8e8ab7f85e303c", AlertmanagerAlert.FingerprintOf(AlertmanagerWebhook.Read(Recorded).Alerts[0].Labels));

    [Fact]
    public void An_ended_alert_is_resolved_and_says_when() =>
        Assert.Equal(("resolved", "1970-01-01T00:00:01.000Z"), AlertmanagerAlert.Create(new Dictionary<string, string>(), new Dictionary<string, string>(), 0, 1000, "") is var a ? (a.Status, a.EndsAt) : default);

    [Theory, InlineData("{"), InlineData("[]"), InlineData("null"), InlineData("{}"), InlineData("""{"status":"firing","groupKey":"k","alerts":[{}]}""")]
    public void Other_bodies_are_refused(string body) => Assert.Throws<ProtocolFormatException>(() => AlertmanagerWebhook.Read(body));

    [Fact]
    public void Mutations_give_only_the_named_error() => Mutations.OnlyNamedErrors(Recorded, text => AlertmanagerWebhook.Read(text));
}
