using System.Globalization;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Extensions;

namespace Pilothouse.Web.Pages.Experiments;

/// <summary>What the query string says of a comparison. The page is a function of it; every link and form of the page is made of it.</summary>
public sealed record CompareState
{
    public const string Path = "/runs/compare";
    public const int MaxRuns = 100;
    private const int MaxListed = 60;

    /// <summary>Runs by id; empty = those of <see cref="Experiment"/> and <see cref="Filter"/>.</summary>
    public IReadOnlyList<string> Runs { get; init; } = [];

    public string? Experiment { get; init; }

    public string? Filter { get; init; }

    public string? Sort { get; init; }

    /// <summary>Empty = curves; parallel, scatter, config.</summary>
    public string View { get; init; } = "";

    /// <summary>Metrics that are drawn; empty = those that most runs have.</summary>
    public IReadOnlyList<string> Keys { get; init; } = [];

    /// <summary>Metrics that are drawn first.</summary>
    public IReadOnlyList<string> Pins { get; init; } = [];

    /// <summary>step, relative or wall.</summary>
    public string X { get; init; } = "step";

    /// <summary>0 to 0.99, as TensorBoard's.</summary>
    public double Smooth { get; init; }

    public bool XLog { get; init; }

    public bool YLog { get; init; }

    public bool CutOutliers { get; init; }

    public long? From { get; init; }

    public long? To { get; init; }

    /// <summary>A param, tag or attribute: one curve for each of its values.</summary>
    public string? Group { get; init; }

    /// <summary>minmax or std.</summary>
    public string Band { get; init; } = "minmax";

    /// <summary>min, max or nothing.</summary>
    public string? Best { get; init; }

    /// <summary>Places of the runs that are not drawn.</summary>
    public IReadOnlyList<int> Hidden { get; init; } = [];

    /// <summary>Axes of the parallel coordinates.</summary>
    public IReadOnlyList<string> Axes { get; init; } = [];

    /// <summary>Ranges on the axes: <c>metrics.loss~0.1~0.5</c>.</summary>
    public IReadOnlyList<string> Brushes { get; init; } = [];

    public string? ScatterX { get; init; }

    public string? ScatterY { get; init; }

    /// <summary>Also rows of the configuration that are the same in all runs.</summary>
    public bool ShowEqual { get; init; }

    public static CompareState Of(IQueryCollection query)
    {
        IReadOnlyList<string> All(string key, int max) => [.. query[key].OfType<string>().Where(v => v.Length > 0).Distinct(StringComparer.Ordinal).Take(max)];
        string? One(string key) => query[key].ToString() is { Length: > 0 } value ? value : null;
        long? Number(string key) => long.TryParse(One(key), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value) ? value : null;
        var state = new CompareState
        {
            Runs = All("run", MaxRuns),
            Experiment = One("experiment"),
            Filter = One("filter"),
            Sort = One("sort"),
            View = One("view") is "parallel" or "scatter" or "config" ? One("view")! : "",
            Keys = All("key", MaxListed),
            Pins = All("pin", MaxListed),
            X = One("x") is "relative" or "wall" ? One("x")! : "step",
            Smooth = double.TryParse(One("smooth"), CultureInfo.InvariantCulture, out var smooth) && smooth is > 0 and < 1 ? smooth : 0,
            XLog = One("xlog") == "1",
            YLog = One("ylog") == "1",
            CutOutliers = One("outliers") == "ignore",
            From = Number("from"),
            To = Number("to"),
            Group = One("group"),
            Band = One("band") == "std" ? "std" : "minmax",
            Best = One("best") is "min" or "max" ? One("best") : null,
            Hidden = [.. (One("hide") ?? "").Split('.', StringSplitOptions.RemoveEmptyEntries).Select(t => int.TryParse(t, out var i) ? i : -1).Where(i => i is >= 0 and < MaxRuns).Distinct().Order()],
            Axes = All("axis", MaxListed),
            Brushes = All("brush", MaxListed),
            ScatterX = One("sx"),
            ScatterY = One("sy"),
            ShowEqual = One("equal") == "1",
        };
        return state.Apply(One("flip"), One("drop"), One("turn"));
    }

    /// <summary>Pairs of the query string, without what is as it is by itself.</summary>
    public IEnumerable<KeyValuePair<string, string>> Pairs(params string[] without)
    {
        var pairs = new List<(string Key, string? Value)>();
        pairs.AddRange(Runs.Select(r => ("run", (string?)r)));
        pairs.AddRange([("experiment", Experiment), ("filter", Filter), ("sort", Sort), ("view", View)]);
        pairs.AddRange(Keys.Select(k => ("key", (string?)k)));
        pairs.AddRange(Pins.Select(k => ("pin", (string?)k)));
        pairs.AddRange([("x", X == "step" ? null : X), ("smooth", Smooth > 0 ? Smooth.ToString("0.###", CultureInfo.InvariantCulture) : null), ("xlog", XLog ? "1" : null), ("ylog", YLog ? "1" : null),
            ("outliers", CutOutliers ? "ignore" : null), ("from", From?.ToString(CultureInfo.InvariantCulture)), ("to", To?.ToString(CultureInfo.InvariantCulture)), ("group", Group),
            ("band", Band == "std" ? Band : null), ("best", Best), ("hide", string.Join('.', Hidden))]);
        pairs.AddRange(Axes.Select(a => ("axis", (string?)a)));
        pairs.AddRange(Brushes.Select(b => ("brush", (string?)b)));
        pairs.AddRange([("sx", ScatterX), ("sy", ScatterY), ("equal", ShowEqual ? "1" : null)]);
        return pairs.Where(p => p.Value is { Length: > 0 } && !without.Contains(p.Key)).Select(p => KeyValuePair.Create(p.Key, p.Value!));
    }

    public string Link => Path + new QueryBuilder(Pairs());

    /// <summary>Buttons of the page send what they change, next to the state as it was: a link for each of 100 runs would repeat the 100 runs each time.</summary>
    private CompareState Apply(string? flip, string? drop, string? turn)
    {
        var state = this;
        if (flip == "all") state = state with { Hidden = [] };
        else if (int.TryParse(flip, out var i) && i is >= 0 and < MaxRuns) state = state with { Hidden = Hidden.Contains(i) ? [.. Hidden.Where(h => h != i)] : [.. Hidden.Append(i).Order()] };
        if (int.TryParse(drop, out var d) && d >= 0 && d < Runs.Count && Runs.Count > 1)
            state = state with { Runs = [.. Runs.Where((_, at) => at != d)], Hidden = [.. state.Hidden.Where(h => h != d).Select(h => h > d ? h - 1 : h)] };
        if (turn is { Length: > 0 }) state = state with { Pins = Pins.Contains(turn) ? [.. Pins.Where(p => p != turn)] : [.. Pins, turn] };
        return state;
    }
}
