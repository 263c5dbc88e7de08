using Pilothouse.Protocols.V1;

namespace Pilothouse.Server.Modules.Traces;

/// <summary>What the list says of a trace, from the rows of its spans.</summary>
internal static class TraceSummaries
{
    private const int MaxAncestors = 64;

    /// <param name="rows">All spans of one trace (at most those that are summarised, see <see cref="TraceStore"/>), at least one.</param>
    public static TraceSummary Of(IReadOnlyCollection<SpanRow> rows)
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
        return new TraceSummary(root.TraceId, root.Name, root.Service ?? First(r => r.Service), billed.FirstOrDefault(r => r.Model is not null)?.Model ?? First(r => r.Model), First(r => r.Release),
            First(r => r.Environment), start / 1_000_000, Math.Max(0, end - start) / 1e6, rows.Count, (int)rows.Sum(r => r.IsError),
            billed.Sum(r => r.InputTokens ?? 0), billed.Sum(r => r.OutputTokens ?? 0), input?.InputText, output?.OutputText);

        string? First(Func<SpanRow, string?> read) => byStart.Select(read).FirstOrDefault(v => v is not null);
    }

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
