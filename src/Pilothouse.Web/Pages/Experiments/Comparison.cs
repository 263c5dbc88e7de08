using System.Globalization;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Tracking.Api;
using Pilothouse.Server.Platform;
using Pilothouse.Web.Text;

namespace Pilothouse.Web.Pages.Experiments;

/// <summary>A run of a comparison.</summary>
/// <param name="At">Its place in the list.</param>
/// <param name="Group">Value of what the runs are grouped by.</param>
public sealed record ComparedRun(RunSummary Run, int At, string Name, RunColour Colour, string? Group, bool IsHidden);

/// <summary>The runs of a comparison and what can be drawn of them.</summary>
public sealed class Comparison
{
    private const int StandardCharts = 6;
    private const int StandardAxes = 8;

    public required CompareState State { get; init; }

    public required IReadOnlyList<ComparedRun> Runs { get; init; }

    /// <summary>More runs match the filter than are compared.</summary>
    public bool More { get; init; }

    /// <summary>Metrics by the number of runs that have them, then by name; those of the system last.</summary>
    public required IReadOnlyList<(string Key, int Runs)> Metrics { get; init; }

    public required IReadOnlyList<string> Params { get; init; }

    public IReadOnlyList<ComparedRun> Shown => [.. Runs.Where(r => !r.IsHidden)];

    /// <summary>The experiment when all runs are of one.</summary>
    public string? Experiment => Runs.Select(r => r.Run.ExperimentId).Distinct().Take(2).ToList() is [var only] ? only : null;

    public bool IsLive => Runs.Any(r => r.Run.Status == "RUNNING");

    /// <summary>Metrics to draw, pinned ones first.</summary>
    public IReadOnlyList<string> Charts => [.. State.Pins.Concat(State.Keys.Count > 0 ? State.Keys : Metrics.Where(m => !m.Key.StartsWith("system/", StringComparison.Ordinal)).Take(StandardCharts).Select(m => m.Key)).Distinct()];

    /// <summary>Everything a plot can use: params and metrics.</summary>
    public IReadOnlyList<RunColumn> Columns => [.. Params.Select(k => new RunColumn(RunColumn.Params, k)), .. Metrics.Select(m => new RunColumn(RunColumn.Metrics, m.Key))];

    public IReadOnlyList<RunColumn> Axes => State.Axes.Count > 0 ? [.. State.Axes.Select(RunColumn.Parse).OfType<RunColumn>()]
        : [.. Columns.Where(c => !c.Key.StartsWith("system/", StringComparison.Ordinal) && IsVaried(c)).OrderBy(c => c.IsMetric).Take(StandardAxes)];

    public RunColumn? ScatterX => RunColumn.Parse(State.ScatterX) ?? Columns.FirstOrDefault(c => !c.IsMetric && IsVaried(c)) ?? (Columns.Count > 0 ? Columns[0] : null);

    public RunColumn? ScatterY => RunColumn.Parse(State.ScatterY) ?? Columns.FirstOrDefault(c => c.IsMetric && c != ScatterX);

    /// <summary>What charts are told of the runs they draw.</summary>
    public string SeriesJson
    {
        get
        {
            var colours = RunColours.Of(Runs.Select(r => r.Group ?? "(none)"));
            return WireJson.Write(Shown.Select(r =>
            {
                var colour = State.Group is null ? r.Colour : colours[r.Group ?? "(none)"];
                return new { id = r.Run.Id, name = r.Name, color = colour.Colour, dash = colour.Dash, group = State.Group is null ? null : r.Group ?? "(none)", start = r.Run.StartMs };
            }));
        }
    }

    public static async Task<Comparison> ReadAsync(IRunTable table, CompareState state, CancellationToken ct)
    {
        var (runs, more) = await RunsAsync(table, state, ct);
        var colours = RunColours.Of(runs.Select(r => r.Id));
        var group = RunColumn.Parse(state.Group);
        var metrics = runs.SelectMany(r => r.Metrics.Keys).GroupBy(k => k, StringComparer.Ordinal).Select(g => (Key: g.Key, Runs: g.Count()))
            .OrderBy(m => m.Key.StartsWith("system/", StringComparison.Ordinal)).ThenByDescending(m => m.Runs).ThenBy(m => m.Key, StringComparer.Ordinal).ToList();
        return new Comparison
        {
            State = group is null ? state with { Group = null } : state,
            Runs = [.. runs.Select((r, i) => new ComparedRun(r, i, r.Name.Length > 0 ? r.Name : Format.Short(r.Id), colours[r.Id], group is null ? null : Value(r, group), state.Hidden.Contains(i)))],
            More = more,
            Metrics = metrics,
            Params = [.. runs.SelectMany(r => r.Params.Keys).Distinct().Order(StringComparer.Ordinal)],
        };
    }

    /// <summary>Value of a column; null when the run has none.</summary>
    public static string? Value(RunSummary run, RunColumn column) => column.Kind switch
    {
        RunColumn.Metrics => run.Metrics.TryGetValue(column.Key, out var value) ? value.ToString("R", CultureInfo.InvariantCulture) : null,
        RunColumn.Params => run.Params.GetValueOrDefault(column.Key),
        RunColumn.Tags => run.Tags.GetValueOrDefault(column.Key),
        _ => column.Key switch { "status" => run.Status, "user_id" => run.User, "run_name" => run.Name, "run_id" => run.Id, _ => null },
    };

    /// <summary>Columns with their values, run by run, for plots that the browser draws.</summary>
    public string PlotJson(IEnumerable<RunColumn> columns) => WireJson.Write(new
    {
        runs = Shown.Select(r => new { id = r.Run.Id, name = r.Name, color = r.Colour.Colour }),
        axes = columns.Select(c => new { id = c.Id, name = c.Key, metric = c.IsMetric, values = Shown.Select(r => Value(r.Run, c)) }),
    });

    private bool IsVaried(RunColumn column) => Runs.Select(r => Value(r.Run, column)).Distinct().Take(2).Count() > 1;

    private static async Task<(IReadOnlyList<RunSummary>, bool)> RunsAsync(IRunTable table, CompareState state, CancellationToken ct)
    {
        if (state.Runs.Count > 0) return (await table.FindAsync(state.Runs, ct), false);
        if (state.Experiment is null) throw new PilothouseException(ErrorCode.InvalidArgument, "Say which runs to compare: /runs/compare?run=ID&run=ID, or /runs/compare?experiment=ID&filter=...");
        var page = await table.SearchAsync(new RunQuery(state.Experiment, state.Filter, state.Sort is null ? [] : [state.Sort], RunStage.Active, false), CompareState.MaxRuns, null, ct);
        return (page.Items, page.NextPageToken is not null);
    }
}
