using Pilothouse.Protocols.Mlflow;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Traces;

/// <summary>
/// A trace search as SQL over <c>trc_trace t</c>. What SQL cannot say (regular expressions, what stands in compressed spans) is left to <see cref="TracePostFilter"/>; the SQL then
/// only narrows what has to be looked at.
/// </summary>
internal static class TraceFilter
{
    public const string Name = "(SELECT n.value FROM trc_tag n WHERE n.trace_id = t.trace_id AND n.key = 'mlflow.traceName')";
    private const string RunKey = "mlflow.sourceRun";
    private const string Run = "(SELECT r.value FROM trc_metadata r WHERE r.trace_id = t.trace_id AND r.key = '" + RunKey + "')";
    private const string MlflowId = "CASE WHEN substr(t.trace_id, 1, 3) = 'v2-' THEN substr(t.trace_id, 4) ELSE 'tr-' || t.trace_id END";
    private const string SpanStatus = "CASE s.status WHEN 1 THEN 'OK' WHEN 2 THEN 'ERROR' ELSE 'UNSET' END";

    /// <summary>Adds the conditions.</summary>
    /// <returns>What is left to check on the traces found, or null.</returns>
    public static TracePostFilter? Apply(SortedSearch search, MlflowFilter filter)
    {
        var left = new List<MlflowComparison>();
        var span = new List<MlflowComparison>();
        foreach (var c in filter.Comparisons)
        {
            if (c.Entity == MlflowEntity.Span) span.Add(c);
            else if (c.Operator == MlflowOperator.RLike || c.Entity == MlflowEntity.Attribute && c.Key == "text") left.Add(c);
            else search.And(Condition(search, c));
        }
        AddSpans(search, span);
        var isSpanLeft = span.Exists(NeedsContent);
        return left.Count > 0 || isSpanLeft ? new TracePostFilter(left, isSpanLeft ? span : []) : null;
    }

    /// <summary>The sort keys: those asked for, then newest first, then the id.</summary>
    public static void Sort(SortedSearch search, IReadOnlyList<MlflowOrder> orders)
    {
        foreach (var order in orders) search.Sort(SortKey(search, order));
        if (!orders.Any(o => o is { Entity: MlflowEntity.Attribute, Key: "timestamp_ms" })) search.Sort(new SortKey("t.request_ms", null, IsText: false, Descending: true));
        if (!orders.Any(o => o is { Entity: MlflowEntity.Attribute, Key: "request_id" })) search.Sort(new SortKey("t.trace_id", null, IsText: true, Descending: false));
    }

    private static SortKey SortKey(SortedSearch search, MlflowOrder order)
    {
        if (order.Entity is MlflowEntity.Tag or MlflowEntity.Metadata)
        {
            var table = order.Entity == MlflowEntity.Tag ? "trc_tag" : "trc_metadata";
            return Optional($"(SELECT o.value FROM {table} o WHERE o.trace_id = t.trace_id AND o.key = {search.Bind(order.Key)})", isText: true, order.Descending);
        }
        if (order.Entity != MlflowEntity.Attribute) throw new MlflowFilterException(0, $"Traces cannot be ordered by {order}.");
        return order.Key switch
        {
            "timestamp_ms" => new SortKey("t.request_ms", null, IsText: false, order.Descending),
            "execution_time_ms" => Optional("t.execution_ms", isText: false, order.Descending),
            "end_time_ms" => Optional("(t.request_ms + t.execution_ms)", isText: false, order.Descending),
            "experiment_id" => new SortKey("CAST(t.experiment_id AS BIGINT)", null, IsText: false, order.Descending),
            "status" => new SortKey("t.state", null, IsText: true, order.Descending),
            "name" => Optional(Name, isText: true, order.Descending),
            "run_id" => Optional(Run, isText: true, order.Descending),
            _ => new SortKey("t.trace_id", null, IsText: true, order.Descending),
        };
    }

    private static SortKey Optional(string value, bool isText, bool descending) => new(value, $"CASE WHEN {value} IS NULL THEN 2 ELSE 0 END", isText, descending);

    private static string Condition(SortedSearch search, MlflowComparison c) => c.Entity switch
    {
        MlflowEntity.Tag => Pair(search, "trc_tag", c),
        MlflowEntity.Metadata => Metadata(search, c),
        MlflowEntity.Feedback => Assessment(search, "feedback", c),
        MlflowEntity.Expectation => Assessment(search, "expectation", c),
        MlflowEntity.Issue => $"t.trace_id IN (SELECT a.trace_id FROM trc_assessment a WHERE a.kind = 'issue' AND a.value = {search.Bind(PythonJson.Write(c.Text))})",
        _ => Attribute(search, c),
    };

    private static string Attribute(SortedSearch search, MlflowComparison c)
    {
        switch (c.Key)
        {
            case "timestamp_ms": return Number(search, "t.request_ms", c);
            case "execution_time_ms": return Number(search, "t.execution_ms", c);
            case "end_time_ms": return Number(search, "(t.request_ms + t.execution_ms)", c);
            case "status": return search.Compare("t.state", c);
            case "client_request_id": return search.Compare("t.client_request_id", c);
            case "prompt": return Prompt(search, c.Text ?? "");
            case "run_id": return Runs(search, c);
            case "name" when c.Operator == MlflowOperator.Equal: return Pair(search, "trc_tag", c with { Key = "mlflow.traceName" });
            case "name": return search.Compare(Name, c);
            // The id in the form of the rows, so that the key finds it.
            case "request_id" when c.Operator == MlflowOperator.Equal: return search.Compare("t.trace_id", c with { Text = TraceIds.FromMlflow(c.Text ?? "") });
            case "request_id" when c.Operator == MlflowOperator.In: return search.Compare("t.trace_id", c with { List = [.. c.List!.Select(TraceIds.FromMlflow)] });
            default: return search.Compare($"({MlflowId})", c);
        }
    }

    /// <summary>A time compared with a text matches nothing, as in MLflow.</summary>
    private static string Number(SortedSearch search, string column, MlflowComparison c)
    {
        if (c.Number is not { } number) return "1 = 0";
        if (number != Math.Floor(number) || Math.Abs(number) > 9e15) return search.Compare(column, c);
        // Bound as an integer: PostgreSQL would otherwise compare the column as a real number, past its index.
        return $"{column} {SymbolOf(c.Operator)} {search.Bind((long)number)}";
    }

    private static string SymbolOf(MlflowOperator op) => op switch
    {
        MlflowOperator.Equal => "=",
        MlflowOperator.NotEqual => "<>",
        MlflowOperator.Less => "<",
        MlflowOperator.LessOrEqual => "<=",
        MlflowOperator.Greater => ">",
        _ => ">=",
    };

    private static string Prompt(SortedSearch search, string text)
    {
        var slash = text.LastIndexOf('/');
        if (slash <= 0 || slash == text.Length - 1) throw new MlflowFilterException(0, "A prompt is written as prompt = 'NAME/VERSION'.");
        return $"t.trace_id IN (SELECT p.trace_id FROM trc_prompt p WHERE p.name = {search.Bind(text[..slash])} AND p.version = {search.Bind(text[(slash + 1)..])})";
    }

    private static string Runs(SortedSearch search, MlflowComparison c)
    {
        if (c.Operator == MlflowOperator.Equal)
            return $"t.trace_id IN (SELECT m.trace_id FROM trc_metadata m WHERE {Equal(search, "m", RunKey, c.Text ?? "")} UNION SELECT l.trace_id FROM trc_run l WHERE l.run_id = {search.Bind(c.Text)})";
        return $"({search.Compare(Run, c)} OR EXISTS (SELECT 1 FROM trc_run l WHERE l.trace_id = t.trace_id AND {search.Compare("l.run_id", c)}))";
    }

    /// <summary>A tag or metadata: what a trace lacks is not different from the value either.</summary>
    private static string Pair(SortedSearch search, string table, MlflowComparison c)
    {
        if (c.Operator == MlflowOperator.Equal) return $"t.trace_id IN (SELECT p.trace_id FROM {table} p WHERE {Equal(search, "p", c.Key, c.Text ?? "")})";
        var pair = $"SELECT 1 FROM {table} p WHERE p.trace_id = t.trace_id AND p.key = {search.Bind(c.Key)}";
        return c.Operator switch
        {
            MlflowOperator.IsNull => $"NOT EXISTS ({pair})",
            MlflowOperator.IsNotNull => $"EXISTS ({pair})",
            _ => $"EXISTS ({pair} AND {search.Compare("p.value", c)})",
        };
    }

    /// <summary>The beginning of the value is in an index, the rest is not.</summary>
    private static string Equal(SortedSearch search, string alias, string key, string value)
    {
        var bound = search.Bind(value);
        return $"{alias}.key = {search.Bind(key)} AND substr({alias}.value, 1, 200) = substr(CAST({bound} AS TEXT), 1, 200) AND {alias}.value = {bound}";
    }

    /// <summary>Session and user may come from the spans, and then stand in columns. The text in quotes is the same: so MLflow hands it out.</summary>
    private static string Metadata(SortedSearch search, MlflowComparison c)
    {
        if (c.Key is not ("mlflow.trace.session" or "mlflow.trace.user")) return Pair(search, "trc_metadata", c);
        var column = c.Key == "mlflow.trace.session" ? "t.session_id" : "t.user_id";
        if (c.Text is { } text && PythonJson.Decode(text) is { ValueKind: System.Text.Json.JsonValueKind.String } held) c = c with { Text = held.GetString() };
        return c.Operator switch
        {
            MlflowOperator.IsNull => $"{column} IS NULL",
            MlflowOperator.IsNotNull => $"{column} IS NOT NULL",
            _ => search.Compare(column, c),
        };
    }

    /// <summary>Values are JSON: <c>'good'</c> equals both the text "good" and what is written good (a number, true); LIKE sees the JSON with its quotes.</summary>
    private static string Assessment(SortedSearch search, string kind, MlflowComparison c)
    {
        var one = $"SELECT 1 FROM trc_assessment a WHERE a.trace_id = t.trace_id AND a.kind = '{kind}' AND a.valid = 1 AND a.name = {search.Bind(c.Key)}";
        var json = c.Text is null ? "" : search.Bind(PythonJson.Write(c.Text));
        return c.Operator switch
        {
            MlflowOperator.IsNull => $"NOT EXISTS ({one})",
            MlflowOperator.IsNotNull => $"EXISTS ({one})",
            MlflowOperator.Equal => $"t.trace_id IN (SELECT a.trace_id FROM trc_assessment a WHERE a.kind = '{kind}' AND a.valid = 1 AND a.name = {search.Bind(c.Key)} AND (a.value = {json} OR a.value = {search.Bind(c.Text)}))",
            MlflowOperator.NotEqual => $"EXISTS ({one} AND a.value <> {json} AND a.value <> {search.Bind(c.Text)})",
            _ => $"EXISTS ({one} AND {search.Compare("a.value", c)})",
        };
    }

    /// <summary>One span must fulfil all of them.</summary>
    private static void AddSpans(SortedSearch search, List<MlflowComparison> span)
    {
        if (span.Count == 0) return;
        foreach (var c in span.Where(c => c.Key is not ("name" or "type" or "status" or "content") && !c.Key.StartsWith("attributes.", StringComparison.Ordinal)))
            throw new MlflowFilterException(0, $"Invalid span attribute '{c.Key}'. Supported attributes: name, status, type, content, attributes.<attribute_name>.");
        var conditions = span.Where(c => !NeedsContent(c)).Select(c => search.Compare(c.Key switch { "name" => "s.name", "type" => "s.span_type", _ => SpanStatus }, c));
        search.And($"EXISTS (SELECT 1 FROM trc_span s WHERE s.trace_id = t.trace_id{string.Concat(conditions.Select(c => " AND " + c))})");
    }

    private static bool NeedsContent(MlflowComparison c) => c.Operator == MlflowOperator.RLike || c.Key is not ("name" or "type" or "status");
}
