using Pilothouse.Protocols.V1;

namespace Pilothouse.Server.Modules.Traces;

/// <summary>What the list says of a trace, from the rows of its spans.</summary>
internal static class TraceSummaries
{
    private const int MaxAncestors = 64;

    /// <param name="rows">All spans of one trace (at most those that are summarised, see <see cref="TraceStore"/>), at least one.</param>
    /// <param name="added">Those that came now, which carry what is not in columns.</param>
    public static TraceRollup Of(IReadOnlyCollection<SpanRow> rows, IReadOnlyList<SpanRow> added)
    {
        // Spans of one trace come in any order and in several requests: until the root is there, the earliest span stands for it.
        var byStart = rows.OrderBy(r => r.StartNs).ThenBy(r => r.SpanId, StringComparer.Ordinal).ToList();
        var ids = rows.Select(r => r.SpanId).ToHashSet();
        var root = byStart.FirstOrDefault(r => r.ParentId is null) ?? byStart.FirstOrDefault(r => !ids.Contains(r.ParentId!)) ?? byStart[0];
        var start = byStart[0].StartNs;
        var end = rows.Max(r => r.EndNs);
        var billed = Billed(byStart);
        // A chain or agent span around the calls often has the user's own words; the first call has the model.
        var input = root.InputText is not null ? root : byStart.FirstOrDefault(r => r.InputText is not null);
        var output = root.OutputText is not null ? root : byStart.LastOrDefault(r => r.OutputText is not null);
        var summary = new TraceSummary(root.TraceId, root.Name, root.Service ?? First(r => r.Service), billed.FirstOrDefault(r => r.Model is not null)?.Model ?? First(r => r.Model), First(r => r.Release),
            First(r => r.Environment), start / 1_000_000, Math.Max(0, end - start) / 1e6, rows.Count, (int)rows.Sum(r => r.IsError),
            billed.Sum(r => r.InputTokens ?? 0), billed.Sum(r => r.OutputTokens ?? 0), input?.InputText, output?.OutputText);
        var priced = billed.Exists(r => (r.InputCost ?? r.OutputCost) is not null) ? billed : byStart;
        return new TraceRollup(summary)
        {
            // Without a root the trace is still going on: its root ends last and comes last.
            State = root.ParentId is not null ? "IN_PROGRESS" : root.IsError == 1 ? "ERROR" : "OK",
            ExecutionMs = Math.Max(0, end - start) / 1_000_000,
            UsageInput = billed.Count > 0 ? summary.InputTokens : null,
            UsageOutput = billed.Count > 0 ? summary.OutputTokens : null,
            UsageCacheRead = Sum(billed, r => r.CacheReadTokens),
            UsageCacheWrite = Sum(billed, r => r.CacheWriteTokens),
            InputCost = Sum(priced, r => r.InputCost),
            OutputCost = Sum(priced, r => r.OutputCost),
            RequestPreview = added.FirstOrDefault(r => r.RequestPreview is not null)?.RequestPreview,
            ResponsePreview = added.FirstOrDefault(r => r.ResponsePreview is not null)?.ResponsePreview,
            Session = added.FirstOrDefault(r => r.Session is not null)?.Session,
            User = added.FirstOrDefault(r => r.User is not null)?.User,
        };

        string? First(Func<SpanRow, string?> read) => byStart.Select(read).FirstOrDefault(v => v is not null);
    }

    private static long? Sum(List<SpanRow> rows, Func<SpanRow, long?> read) => rows.Any(r => read(r) is not null) ? rows.Sum(r => read(r) ?? 0) : null;

    private static double? Sum(List<SpanRow> rows, Func<SpanRow, double?> read) => rows.Any(r => read(r) is not null) ? rows.Sum(r => read(r) ?? 0) : null;

    /// <summary>
    /// The spans whose tokens count, each response once: SDKs nest one call in up to three spans that all carry its tokens. The rule is that of
    /// <see cref="Protocols.Otlp.GenAi.Billable"/>, on stored rows, since the spans of a trace arrive in several requests.
    /// </summary>
    private static List<SpanRow> Billed(IReadOnlyList<SpanRow> rows)
    {
        var byId = new Dictionary<string, SpanRow>();
        foreach (var row in rows) byId.TryAdd(row.SpanId, row);
        var counted = rows.Where(HasTokens).ToList();
        var dropped = new HashSet<SpanRow>(ReferenceEqualityComparer.Instance);
        foreach (var row in counted)
        {
            var at = row;
            for (var i = 0; i < MaxAncestors && at.ParentId is { } parent && byId.TryGetValue(parent, out at) && at != row; i++)
            {
                if (!HasTokens(at) || !IsSameCall(row, at)) continue;
                dropped.Add(row.Richness > at.Richness ? at : row);
                break;
            }
        }
        return [.. counted.Where(row => !dropped.Contains(row))];
    }

    private static bool HasTokens(SpanRow row) => row.Operation is not null && (row.InputTokens ?? row.OutputTokens) is not null;

    private static bool IsSameCall(SpanRow a, SpanRow b) => a.ResponseId is not null && b.ResponseId is not null
        ? a.ResponseId == b.ResponseId
        : a.Operation == b.Operation && a.Model == b.Model && a.InputTokens == b.InputTokens && a.OutputTokens == b.OutputTokens;
}

/// <summary>A trace as its spans say.</summary>
internal sealed record TraceRollup(TraceSummary Summary)
{
    /// <summary>OK, ERROR or IN_PROGRESS.</summary>
    public required string State { get; init; }
    public long ExecutionMs { get; init; }

    /// <summary>Null when no span counted tokens.</summary>
    public long? UsageInput { get; init; }
    public long? UsageOutput { get; init; }
    public long? UsageCacheRead { get; init; }
    public long? UsageCacheWrite { get; init; }
    public double? InputCost { get; init; }
    public double? OutputCost { get; init; }
    public string? RequestPreview { get; init; }
    public string? ResponsePreview { get; init; }
    public string? Session { get; init; }
    public string? User { get; init; }
}
