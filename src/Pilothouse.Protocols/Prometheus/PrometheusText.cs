using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace Pilothouse.Protocols.Prometheus;

/// <summary>Kinds of metric families.</summary>
public enum PrometheusType
{
    Counter,
    Gauge,
    Histogram,
    Untyped,
}

/// <summary>Writes Prometheus' text exposition format 0.0.4. <see href="https://prometheus.io/docs/instrumenting/exposition_formats/"/></summary>
public sealed partial class PrometheusText
{
    /// <summary>Content type of the answer.</summary>
    public const string ContentType = "text/plain; version=0.0.4; charset=utf-8";

    private readonly StringBuilder _text = new();
    private readonly HashSet<string> _families = [];

    /// <summary>Starts a family; its samples follow.</summary>
    /// <exception cref="ArgumentException">The name is not a metric name, or was used before: a scraper would refuse the whole page.</exception>
    public FamilyWriter Family(string name, string help, PrometheusType type)
    {
        if (!MetricName().IsMatch(name) || !_families.Add(name))
            throw new ArgumentException($"'{name}' is not a metric name, or is written twice.", nameof(name));
        _text.Append("# HELP ").Append(name).Append(' ').Append(Escape(help, quote: false)).Append('\n')
            .Append("# TYPE ").Append(name).Append(' ').Append(type.ToString().ToLowerInvariant()).Append('\n');
        return new FamilyWriter(this, name);
    }

    /// <summary>All that was written.</summary>
    public override string ToString() => _text.ToString();

    private void Line(string name, IReadOnlyList<(string Name, string Value)> labels, (string Name, string Value)? extra, double value)
    {
        _text.Append(name);
        var separator = '{';
        foreach (var (labelName, labelValue) in extra is { } last ? [.. labels, last] : labels)
        {
            if (!LabelName().IsMatch(labelName))
                throw new ArgumentException($"'{labelName}' is not a label name.", nameof(labels));
            _text.Append(separator).Append(labelName).Append("=\"").Append(Escape(labelValue, quote: true)).Append('"');
            separator = ',';
        }

        _text.Append(separator == ',' ? "} " : " ").Append(Number(value)).Append('\n');
    }

    private static string Number(double value) =>
        double.IsNaN(value) ? "NaN"
        : double.IsPositiveInfinity(value) ? "+Inf"
        : double.IsNegativeInfinity(value) ? "-Inf"
        : value.ToString("R", CultureInfo.InvariantCulture);

    private static string Escape(string text, bool quote)
    {
        text = text.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal);
        return quote ? text.Replace("\"", "\\\"", StringComparison.Ordinal) : text;
    }

    [GeneratedRegex(@"\A[a-zA-Z_:][a-zA-Z0-9_:]*\z", RegexOptions.NonBacktracking)]
    private static partial Regex MetricName();

    [GeneratedRegex(@"\A[a-zA-Z_][a-zA-Z0-9_]*\z", RegexOptions.NonBacktracking)]
    private static partial Regex LabelName();

    /// <summary>Writes the samples of one family.</summary>
    public sealed class FamilyWriter
    {
        private readonly PrometheusText _owner;
        private readonly string _name;

        internal FamilyWriter(PrometheusText owner, string name) => (_owner, _name) = (owner, name);

        public FamilyWriter Sample(double value, params IReadOnlyList<(string Name, string Value)> labels)
        {
            _owner.Line(_name, labels, null, value);
            return this;
        }

        /// <summary>One histogram: its buckets, sum and count.</summary>
        /// <param name="buckets">Upper bounds, rising, with the number of values in each bucket alone; they are written cumulated, and +Inf is added.</param>
        /// <param name="count">Number of all values.</param>
        public FamilyWriter Histogram(IReadOnlyList<(double UpperBound, long Count)> buckets, double sum, long count, params IReadOnlyList<(string Name, string Value)> labels)
        {
            var cumulated = 0L;
            foreach (var (bound, inBucket) in buckets.Where(b => !double.IsPositiveInfinity(b.UpperBound)))
            {
                cumulated += inBucket;
                _owner.Line(_name + "_bucket", labels, ("le", Number(bound)), cumulated);
            }

            _owner.Line(_name + "_bucket", labels, ("le", "+Inf"), count);
            _owner.Line(_name + "_sum", labels, null, sum);
            _owner.Line(_name + "_count", labels, null, count);
            return this;
        }
    }
}
