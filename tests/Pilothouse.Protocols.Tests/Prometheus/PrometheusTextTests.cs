using Pilothouse.Protocols.Prometheus;

namespace Pilothouse.Protocols.Tests.Prometheus;

public sealed class PrometheusTextTests
{
    [Fact]
    public void Families_samples_and_histograms_are_written()
    {
        var text = new PrometheusText();
        text.Family("requests_total", "All \\ requests\nso far", PrometheusType.Counter).Sample(5, ("model", "a\"b\\c\nd")).Sample(double.NaN);
        text.Family("latency_seconds", "Latency", PrometheusType.Histogram).Histogram([(0.1, 2), (1, 3)], 1.5, 6, ("m", "x"));

        Assert.Equal(
            """
            # HELP requests_total All \\ requests\nso far
            # TYPE requests_total counter
            requests_total{model="a\"b\\c\nd"} 5
            requests_total NaN
            # HELP latency_seconds Latency
            # TYPE latency_seconds histogram
            latency_seconds_bucket{m="x",le="0.1"} 2
            latency_seconds_bucket{m="x",le="1"} 5
            latency_seconds_bucket{m="x",le="+Inf"} 6
            latency_seconds_sum{m="x"} 1.5
            latency_seconds_count{m="x"} 6

            """,
            text.ToString());
    }

    [Fact]
    public void What_a_scraper_would_refuse_is_refused()
    {
        var text = new PrometheusText();
        var family = text.Family("a", "", PrometheusType.Gauge);

        Assert.Throws<ArgumentException>(() => text.Family("a", "", PrometheusType.Gauge));
        Assert.Throws<ArgumentException>(() => text.Family("a-b", "", PrometheusType.Gauge));
        Assert.Throws<ArgumentException>(() => family.Sample(1, ("a-b", "")));
    }
}
