using System.Text.RegularExpressions;
using Pilothouse.Protocols.Mlflow;
using Pilothouse.Protocols.V1;

namespace Pilothouse.Server.Modules.Traces;

/// <summary>The part of a trace search that is decided on the trace itself: regular expressions, and what stands in its spans.</summary>
internal sealed class TracePostFilter
{
    private static readonly TimeSpan RegexTimeout = TimeSpan.FromSeconds(1);
    private readonly IReadOnlyList<(MlflowComparison Comparison, Func<string, bool> Matches)> _trace;
    private readonly IReadOnlyList<(MlflowComparison Comparison, Func<string, bool> Matches)> _span;

    /// <exception cref="MlflowFilterException">A regular expression that is none.</exception>
    public TracePostFilter(IReadOnlyList<MlflowComparison> trace, IReadOnlyList<MlflowComparison> span)
    {
        _trace = [.. trace.Select(c => (c, Matcher(c)))];
        _span = [.. span.Select(c => (c, Matcher(c)))];
    }

    public bool NeedsSpans => _span.Count > 0 || _trace.Any(c => c.Comparison.Key == "text" && c.Comparison.Entity == MlflowEntity.Attribute);

    public bool Matches(TraceInfo trace, IReadOnlyList<string> runs, IReadOnlyList<SpanRecord> spans)
    {
        foreach (var (c, matches) in _trace)
        {
            var found = c.Entity switch
            {
                MlflowEntity.Attribute when c.Key == "text" => spans.Any(s => matches(MlflowSpans.Content(s))),
                MlflowEntity.Attribute when c.Key == "run_id" => runs.Any(matches) || Holds(trace.Metadata.GetValueOrDefault("mlflow.sourceRun"), matches),
                MlflowEntity.Attribute => Holds(Attribute(trace, c.Key), matches),
                MlflowEntity.Tag => Holds(trace.Tags.GetValueOrDefault(c.Key), matches),
                MlflowEntity.Metadata => Holds(trace.AllMetadata().GetValueOrDefault(c.Key), matches),
                MlflowEntity.Feedback => trace.Assessments.Exists(a => a.Kind == "feedback" && a.Valid != 0 && a.Name == c.Key && matches(a.Value)),
                MlflowEntity.Expectation => trace.Assessments.Exists(a => a.Kind == "expectation" && a.Valid != 0 && a.Name == c.Key && matches(a.Value)),
                _ => false,
            };
            if (!found) return false;
        }
        return _span.Count == 0 || spans.Any(IsMatch);
    }

    private bool IsMatch(SpanRecord span)
    {
        foreach (var (c, matches) in _span)
        {
            var value = c.Key switch
            {
                "name" => span.Name,
                "status" => span.Status.ToUpperInvariant(),
                "type" => span.Attributes.TryGetValue("mlflow.spanType", out var type) && type is string text ? PythonJson.Decode(text)?.GetString() ?? text : null,
                "content" => MlflowSpans.Content(span),
                // MLflow keeps attributes as JSON in a JSON text and compares with that: '=' wants the quotes of both, LIKE finds the words inside.
                _ => span.Attributes.TryGetValue(c.Key["attributes.".Length..], out var attribute) && attribute is not null ? PythonJson.Write(PythonJson.Of(attribute)) : null,
            };
            if (value is null || !matches(value)) return false;
        }
        return true;
    }

    private static string? Attribute(TraceInfo trace, string key) => key switch
    {
        "request_id" => trace.MlflowId,
        "client_request_id" => trace.ClientRequestId,
        "name" => trace.Tags.GetValueOrDefault("mlflow.traceName"),
        "status" => trace.State,
        _ => null,
    };

    private static bool Holds(string? value, Func<string, bool> matches) => value is not null && matches(value);

    private static Func<string, bool> Matcher(MlflowComparison c)
    {
        switch (c.Operator)
        {
            case MlflowOperator.Equal: return value => value == c.Text;
            case MlflowOperator.NotEqual: return value => value != c.Text;
            case MlflowOperator.In: return c.List!.Contains;
            case MlflowOperator.NotIn: return value => !c.List!.Contains(value);
            case MlflowOperator.Like: return Regular("\\A" + Wildcards(c.Text ?? "") + "\\z", RegexOptions.Singleline);
            case MlflowOperator.ILike: return Regular("\\A" + Wildcards(c.Text ?? "") + "\\z", RegexOptions.Singleline | RegexOptions.IgnoreCase);
            default: return Regular(c.Text ?? "", RegexOptions.None);
        }
    }

    private static string Wildcards(string like) => string.Concat(like.Select(ch => ch switch { '%' => ".*", '_' => ".", _ => Regex.Escape(ch.ToString()) }));

    /// <summary>Without backtracking: no expression of a client can take more than time proportional to the text.</summary>
    private static Func<string, bool> Regular(string pattern, RegexOptions options)
    {
        try
        {
            return new Regex(pattern, options | RegexOptions.NonBacktracking | RegexOptions.CultureInvariant, RegexTimeout).IsMatch;
        }
        catch (Exception e) when (e is ArgumentException or NotSupportedException)
        {
            throw new MlflowFilterException($"'{(pattern.Length <= 100 ? pattern : pattern[..100])}' is not a regular expression that RLIKE takes: {e.Message}", e);
        }
    }
}
