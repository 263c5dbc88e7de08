using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using Dapper;
using Pilothouse.Data;
using Pilothouse.Protocols.Mlflow;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Traces;

/// <summary>One aggregate of <c>traces/metrics</c>.</summary>
/// <param name="Type">COUNT, SUM, AVG, PERCENTILE, MIN or MAX.</param>
/// <param name="Percentile">0 to 100.</param>
internal sealed record MetricAggregation(string Type, double? Percentile);

internal sealed record MetricQuery(IReadOnlyCollection<string> ExperimentIds, string View, string Metric, IReadOnlyList<MetricAggregation> Aggregations, IReadOnlyList<string> Dimensions,
    IReadOnlyList<string> Filters, long? IntervalSeconds, long? StartMs, long? EndMs, int Limit, string? PageToken);

/// <summary>Counts, sums and percentiles of traces, spans and assessments, by name, state, model or time.</summary>
internal sealed partial class TraceMetrics(Db db)
{
    /// <summary>Values that a percentile sorts.</summary>
    private const int MaxValues = 1_000_000;

    private const int MaxGroups = 10_000;

    public async Task<MlflowMetricPoints> QueryAsync(MetricQuery query, CancellationToken ct)
    {
        var view = MetricView.Of(query.View);
        var metric = Check(view, query);
        if (!PageToken.TryDecode<Position>(query.PageToken is { Length: > 0 } token ? token : PageToken.Encode(new Position(0)), out var at)) throw Invalid("Invalid page token, could not base64-decode");
        if (query.ExperimentIds.Count == 0) return new MlflowMetricPoints([], null);
        var groups = metric.InMemory || query.Aggregations.Any(a => a.Type == "PERCENTILE") ? await ValuesAsync(view, metric, query, ct) : await AggregateAsync(view, metric, query, ct);
        var points = groups.Select(g => new MlflowMetricPoint(query.Metric, g.Dimensions, g.Values)).Skip(at!.Offset).Take(query.Limit + 1).ToList();
        return points.Count <= query.Limit ? new MlflowMetricPoints(points, null) : new MlflowMetricPoints(points[..query.Limit], PageToken.Encode(new Position(at.Offset + query.Limit)));
    }

    private static MetricColumn Check(MetricView view, MetricQuery query)
    {
        if (!view.Metrics.TryGetValue(query.Metric, out var metric)) throw Invalid($"metric_name must be one of {List(view.Metrics.Keys)}, got '{Short(query.Metric)}'");
        if (query.Aggregations.Where(a => !metric.Aggregations.Contains(a.Type)).Select(a => a.Type).ToList() is { Count: > 0 } wrong)
            throw Invalid($"Found invalid aggregation_type(s): {List(wrong)}. Supported aggregation types: {List(metric.Aggregations)}");
        if (query.Dimensions.Where(d => !metric.Dimensions.Contains(d)).ToList() is { Count: > 0 } unknown)
            throw Invalid($"Found invalid dimension(s): {List(unknown.Select(Short))}. Supported dimensions: {List(metric.Dimensions)}");
        if (query.Aggregations.FirstOrDefault(a => a.Type == "PERCENTILE" && a.Percentile is not (>= 0 and <= 100)) is not null) throw Invalid("A PERCENTILE needs a percentile_value from 0 to 100.");
        if (query.IntervalSeconds is < 1) throw Invalid("time_interval_seconds must be a positive integer.");
        if (query.IntervalSeconds is not null && (query.StartMs is null || query.EndMs is null)) throw Invalid("start_time_ms and end_time_ms are required when time_interval_seconds is set.");
        if (query.Limit < 1) throw Invalid($"Invalid value {query.Limit} for parameter 'max_results' supplied. It must be a positive integer");
        return metric;
    }

    private async Task<List<Group>> AggregateAsync(MetricView view, MetricColumn metric, MetricQuery query, CancellationToken ct)
    {
        var (from, dimensions, args) = Build(view, query);
        var value = metric.Sql;
        // COUNT counts what has the value; the others answer NULL where there is none.
        var columns = query.Aggregations.Select((a, i) => $"{(a.Type == "COUNT" ? "COUNT" : a.Type)}({value}) AS a{i}");
        var group = dimensions.Count == 0 ? "" : $" GROUP BY {string.Join(", ", dimensions.Select(d => d.Sql))} ORDER BY {string.Join(", ", dimensions.Select(d => d.Sql + (d.IsNumber ? "" : db.Dialect.Binary)))}";
        var sql = $"SELECT {string.Join(", ", dimensions.Select((d, i) => $"{d.Sql} AS d{i}").Concat(columns))} {from}{group} LIMIT {MaxGroups}";
        var rows = await db.ReadAsync(session => session.QueryAsync<dynamic>(sql, args), ct);
        return [.. rows.Select(row => (IDictionary<string, object?>)row).Select(row => new Group(Names(dimensions, row), Values(query.Aggregations, row))).Where(g => g.Values.Count > 0)];
    }

    private async Task<List<Group>> ValuesAsync(MetricView view, MetricColumn metric, MetricQuery query, CancellationToken ct)
    {
        var (from, dimensions, args) = Build(view, query);
        var order = dimensions.Count == 0 ? "" : $" ORDER BY {string.Join(", ", dimensions.Select(d => d.Sql + (d.IsNumber ? "" : db.Dialect.Binary)))}";
        var sql = $"SELECT {string.Join(", ", dimensions.Select((d, i) => $"{d.Sql} AS d{i}").Append($"{metric.Sql} AS v"))} {from} AND {metric.Sql} IS NOT NULL{order} LIMIT {MaxValues + 1}";
        var rows = await db.ReadAsync(session => session.QueryAsync<dynamic>(sql, args), ct);
        if (rows.Count > MaxValues) throw Invalid($"More than {MaxValues} values: narrow the time with start_time_ms and end_time_ms.");
        return [.. rows.Select(row => (IDictionary<string, object?>)row).Select(row => (Names: Names(dimensions, row), Value: Number(row["v"]))).Where(r => r.Value is not null)
            .GroupBy(r => string.Join('\0', r.Names.Values)).Select(g => new Group(g.First().Names, Values(query.Aggregations, [.. g.Select(r => r.Value!.Value).Order()])))];
    }

    private (string From, List<Dimension> Dimensions, DynamicParameters Args) Build(MetricView view, MetricQuery query)
    {
        var args = new DynamicParameters(new { experiments = query.ExperimentIds.ToArray(), start = query.StartMs ?? 0, end = query.EndMs ?? 0 });
        var where = new List<string> { db.Dialect.In("t.experiment_id", "@experiments") };
        if (query.StartMs is not null) where.Add($"{view.Time} >= @start");
        if (query.EndMs is not null) where.Add($"{view.Time} <= @end");
        var dimensions = query.Dimensions.Select(d => new Dimension(d, view.Dimensions[d], IsNumber: false)).ToList();
        where.AddRange(dimensions.Select(d => $"{d.Sql} IS NOT NULL"));
        if (query.IntervalSeconds is { } seconds) dimensions.Insert(0, new Dimension("time_bucket", $"(({view.Time} / {seconds * 1000}) * {seconds * 1000})", IsNumber: true));
        foreach (var filter in query.Filters) where.Add(Filter(view, filter, args));
        return ($"FROM {view.From} WHERE {string.Join(" AND ", where)}", dimensions, args);
    }

    // trace.status = 'OK' | trace.tag.env = "prod" | trace.metadata.`mlflow.trace.session` = 's1' | span.type = 'LLM' | assessment.name = 'quality'
    private static string Filter(MetricView view, string filter, DynamicParameters args)
    {
        var match = FilterForm().Match(filter);
        if (!match.Success) throw Invalid($"Invalid filter '{Short(filter)}': write FIELD = 'value', with trace.status, trace.tag.KEY, trace.metadata.KEY, span.name, span.status, span.type, assessment.name or assessment.type.");
        var (field, value) = (match.Groups["field"].Value.Replace("`", "", StringComparison.Ordinal), match.Groups["value"].Value);
        var bound = $"f{args.ParameterNames.Count()}";
        args.Add(bound, value);
        if (field.StartsWith("trace.tag.", StringComparison.Ordinal)) return Pair("trc_tag", field["trace.tag.".Length..], bound, args);
        if (field.StartsWith("trace.metadata.", StringComparison.Ordinal)) return Pair("trc_metadata", field["trace.metadata.".Length..], bound, args);
        return field switch
        {
            "trace.status" => $"t.state = @{bound}",
            "span.name" or "span.type" or "span.status" when view.Dimensions.TryGetValue(field.Replace('.', '_'), out var column) => $"{column} = @{bound}",
            "assessment.name" when view.Dimensions.TryGetValue("assessment_name", out var column) => $"{column} = @{bound}",
            "assessment.type" when view.Dimensions.ContainsKey("assessment_name") => $"a.kind = @{bound}",
            _ => throw Invalid($"Invalid filter field '{Short(field)}' for this view_type."),
        };
    }

    private static string Pair(string table, string key, string bound, DynamicParameters args)
    {
        args.Add(bound + "k", key);
        return $"EXISTS (SELECT 1 FROM {table} p WHERE p.trace_id = t.trace_id AND p.key = @{bound}k AND p.value = @{bound})";
    }

    private static Dictionary<string, string> Names(List<Dimension> dimensions, IDictionary<string, object?> row)
    {
        var names = new Dictionary<string, string>();
        for (var i = 0; i < dimensions.Count; i++)
        {
            var value = row[$"d{i}"];
            names[dimensions[i].Name] = dimensions[i].IsNumber
                ? DateTimeOffset.FromUnixTimeMilliseconds(Convert.ToInt64(value, CultureInfo.InvariantCulture)).ToString("yyyy-MM-dd'T'HH:mm:ss'+00:00'", CultureInfo.InvariantCulture)
                : dimensions[i].Name == "assessment_value" ? Plain(value as string ?? "") : value as string ?? "";
        }
        return names;
    }

    /// <summary>The text "good" is good; other JSON stays as it is.</summary>
    private static string Plain(string json) => PythonJson.Decode(json) is { ValueKind: JsonValueKind.String } text ? text.GetString()! : json;

    private static Dictionary<string, double> Values(IReadOnlyList<MetricAggregation> aggregations, IDictionary<string, object?> row)
    {
        var values = new Dictionary<string, double>();
        for (var i = 0; i < aggregations.Count; i++)
            if (row[$"a{i}"] is { } value) values[aggregations[i].Type] = Convert.ToDouble(value, CultureInfo.InvariantCulture);
        return values;
    }

    private static Dictionary<string, double> Values(IReadOnlyList<MetricAggregation> aggregations, List<double> sorted)
    {
        var values = new Dictionary<string, double>();
        foreach (var a in aggregations)
        {
            if (a.Type == "PERCENTILE") values[Label(a.Percentile!.Value)] = Percentile(sorted, a.Percentile.Value);
            else values[a.Type] = a.Type switch { "COUNT" => sorted.Count, "SUM" => sorted.Sum(), "MIN" => sorted[0], "MAX" => sorted[^1], _ => sorted.Average() };
        }
        return values;
    }

    /// <summary>By linear interpolation between the nearest ranks.</summary>
    private static double Percentile(List<double> sorted, double percentile)
    {
        var rank = percentile / 100 * (sorted.Count - 1);
        var low = (int)Math.Floor(rank);
        var high = Math.Min(low + 1, sorted.Count - 1);
        return sorted[low] + (sorted[high] - sorted[low]) * (rank - low);
    }

    // P95.0, as Python writes a float
    private static string Label(double percentile) => "P" + PythonJson.Write(percentile);

    private static double? Number(object? value) => value switch
    {
        null => null,
        string json => json switch { "true" => 1, "false" => 0, _ => double.TryParse(json, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && double.IsFinite(number) ? number : null },
        _ => Convert.ToDouble(value, CultureInfo.InvariantCulture),
    };

    private static string List(IEnumerable<string> names) => $"[{string.Join(", ", names.Order(StringComparer.Ordinal).Select(n => $"'{n}'"))}]";

    private static string Short(string text) => text.Length <= 100 ? text : text[..100];

    private static PilothouseException Invalid(string message) => new(ErrorCode.InvalidArgument, message);

    [GeneratedRegex("""^\s*(?<field>(trace\.(status|tag\..+?|metadata\..+?))|span\.(name|status|type)|assessment\.(name|type))\s*=\s*(?<quote>['"])(?<value>.*)\k<quote>\s*$""", RegexOptions.Singleline | RegexOptions.CultureInvariant)]
    private static partial Regex FilterForm();

    private sealed record Dimension(string Name, string Sql, bool IsNumber);

    private sealed record Group(Dictionary<string, string> Dimensions, Dictionary<string, double> Values);

    private sealed record Position(int Offset);
}
