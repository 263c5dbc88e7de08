using System.Globalization;
using Pilothouse.Protocols;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Tracking.Api;
using Pilothouse.Server.Platform;
using Pilothouse.Web.Text;

namespace Pilothouse.Web.Pages.Experiments;

/// <summary>A row of the table: a run, how deep it hangs in the tree, and how many runs hang below it.</summary>
public sealed record RunLine(RunSummary Run, int Depth, int Children, bool IsOpen);

/// <summary>What the query string asks of the table.</summary>
internal sealed record RunListingState(string Experiment, string? Filter, string? Sort, string? After, RunStage Stage, string? Group, bool Flat, int Size, IReadOnlyList<string> Columns, IReadOnlyList<string> Open);

/// <summary>Everything that the page of an experiment shows, read once.</summary>
internal sealed class RunListing
{
    public const int MaxColumns = 100;
    private const int DefaultMetrics = 4;
    private const int DefaultParams = 4;
    private const int MaxOpen = 50;
    private const int MaxDepth = 6;
    private const int MaxChildren = 100;

    public required RunColumns Names { get; init; }

    public IReadOnlyList<RunColumn> Columns { get; private set; } = [];

    public List<RunLine> Lines { get; } = [];

    public string? NextPage { get; private set; }

    public BoundedCount Count { get; private set; } = new(0, false);

    public RunGroups? Groups { get; private set; }

    public RunColumn? GroupBy { get; private set; }

    /// <summary>Why the filter, the order or the group is not understood.</summary>
    public string? Fault { get; private set; }

    public int? Position { get; private set; }

    public static async Task<RunListing> ReadAsync(IRunTable table, RunListingState state, CancellationToken ct)
    {
        var listing = new RunListing { Names = await table.ColumnsAsync(state.Experiment, ct) };
        var filter = string.IsNullOrWhiteSpace(state.Filter) ? null : state.Filter;
        // A search looks at every run; only the whole list is a tree.
        var tree = !state.Flat && filter is null && state.Sort is null or "";
        var query = new RunQuery(state.Experiment, filter, string.IsNullOrEmpty(state.Sort) || state.Group is { Length: > 0 } ? [] : [state.Sort], state.Stage, tree);
        listing.Columns = listing.Choose(state);
        try
        {
            listing.Count = await table.CountAsync(query with { TopLevelOnly = false }, ct);
            if (state.Group is { Length: > 0 } && RunColumn.Parse(state.Group) is { } by)
            {
                listing.GroupBy = by;
                listing.Groups = listing.Sorted(await table.GroupAsync(query with { TopLevelOnly = false }, by.Grammar, [.. listing.Columns.Where(c => c.IsMetric).Select(c => c.Key)], ct), state.Sort);
                return listing;
            }
            var page = await table.SearchAsync(query, state.Size, string.IsNullOrEmpty(state.After) ? null : state.After, ct);
            listing.NextPage = page.NextPageToken;
            if (tree) await listing.AddTreeAsync(table, page.Items, 0, state, ct);
            else listing.Lines.AddRange(page.Items.Select(run => new RunLine(run, 0, 0, false)));
        }
        catch (Exception e) when (e is ProtocolFormatException or PilothouseException { Code: ErrorCode.InvalidArgument or ErrorCode.Unsupported })
        {
            listing.Fault = e.Message;
            listing.Position = FilterFault.Position(e);
        }
        return listing;
    }

    /// <summary>Names in the sample, and those of the rows themselves, which are newer.</summary>
    public IEnumerable<RunColumn> Available => RunColumn.AttributeColumns
        .Concat(Names.Metrics.Union(Lines.SelectMany(l => l.Run.Metrics.Keys)).Select(k => new RunColumn(RunColumn.Metrics, k)))
        .Concat(Names.Params.Union(Lines.SelectMany(l => l.Run.Params.Keys)).Select(k => new RunColumn(RunColumn.Params, k)))
        .Concat(Names.Tags.Select(k => new RunColumn(RunColumn.Tags, k))).Union(Columns);

    private IReadOnlyList<RunColumn> Choose(RunListingState state) => state.Columns.Count > 0
        ? [.. state.Columns.Take(MaxColumns).Select(RunColumn.Parse).OfType<RunColumn>().Distinct()]
        : [.. RunColumn.AttributeColumns.Take(3), .. Names.Metrics.Where(m => !m.StartsWith("system/", StringComparison.Ordinal)).Take(DefaultMetrics).Select(k => new RunColumn(RunColumn.Metrics, k)),
            .. Names.Params.Take(DefaultParams).Select(k => new RunColumn(RunColumn.Params, k))];

    private async Task AddTreeAsync(IRunTable table, IReadOnlyList<RunSummary> runs, int depth, RunListingState state, CancellationToken ct)
    {
        var counts = await table.ChildCountsAsync([.. runs.Select(r => r.Id)], state.Stage, ct);
        foreach (var run in runs)
        {
            var children = counts.GetValueOrDefault(run.Id);
            var open = children > 0 && depth < MaxDepth && state.Open.Take(MaxOpen).Contains(run.Id);
            Lines.Add(new RunLine(run, depth, children, open));
            if (open) await AddTreeAsync(table, await table.ChildrenAsync(run.Id, state.Stage, MaxChildren, ct), depth + 1, state, ct);
        }
    }

    /// <summary>The groups come largest first; any other order is made here, since there are at most some hundreds.</summary>
    private RunGroups Sorted(RunGroups groups, string? sort)
    {
        if (sort is null or "") return groups;
        var descending = sort.EndsWith(" desc", StringComparison.Ordinal);
        var key = sort.Replace(" desc", "", StringComparison.Ordinal).Replace(" asc", "", StringComparison.Ordinal);
        var metric = RunColumn.Parse(key)?.Key;
        Func<RunGroup, double> value = key == "runs" ? g => g.Runs
            : key == "group" ? g => double.TryParse(g.Value, CultureInfo.InvariantCulture, out var number) ? number : double.NaN
            : g => metric is not null && g.Metrics.TryGetValue(metric, out var spread) ? spread.Mean : double.NaN;
        var sorted = groups.Groups.OrderBy(g => double.IsNaN(value(g)));
        sorted = descending ? sorted.ThenByDescending(value).ThenByDescending(g => g.Value, StringComparer.Ordinal) : sorted.ThenBy(value).ThenBy(g => g.Value, StringComparer.Ordinal);
        return groups with { Groups = [.. sorted] };
    }
}
