using Pilothouse.Protocols.V1;

namespace Pilothouse.Web.Text;

/// <summary>A column of a table of runs, e.g. <c>metrics.eval/loss</c>, <c>params.lr</c>, <c>tags.team</c>, <c>attributes.start_time</c>.</summary>
/// <param name="Kind">metrics, params, tags or attributes.</param>
public sealed record RunColumn(string Kind, string Key)
{
    public const string Metrics = "metrics";
    public const string Params = "params";
    public const string Tags = "tags";
    public const string Attributes = "attributes";
    private const int MaxKey = 250;
    private const int MaxCell = 60;

    /// <summary>Attributes that can be columns; status and name are always shown.</summary>
    public static IReadOnlyList<RunColumn> AttributeColumns { get; } = [.. new[] { "start_time", "duration", "user_id", "end_time", "run_id" }.Select(key => new RunColumn(Attributes, key))];

    public string Id => $"{Kind}.{Key}";

    public bool IsMetric => Kind == Metrics;

    public bool IsNumeric => IsMetric || Id == "attributes.duration";

    public bool CanSort => Id != "attributes.duration";

    public string Title => Id switch
    {
        "attributes.start_time" => "Started",
        "attributes.duration" => "Took",
        "attributes.user_id" => "By",
        "attributes.end_time" => "Ended",
        "attributes.run_id" => "Id",
        _ => Key,
    };

    /// <summary>In MLflow's grammar, where keys that are no identifiers are quoted: <c>metrics.`eval/loss`</c>.</summary>
    public string Grammar => Key.All(c => char.IsAsciiLetterOrDigit(c) || c == '_') ? Id : Key.Contains('`', StringComparison.Ordinal) ? $"{Kind}.\"{Key}\"" : $"{Kind}.`{Key}`";

    /// <returns>Null when it names no kind of column.</returns>
    public static RunColumn? Parse(string? text) => text?.IndexOf('.', StringComparison.Ordinal) is > 0 and var dot && text[..dot] is Metrics or Params or Tags or Attributes && text.Length - dot - 1 is > 0 and <= MaxKey
        ? new RunColumn(text[..dot], text[(dot + 1)..].Trim('`', '"')) : null;

    /// <summary>A value of a param or tag as a text of a filter.</summary>
    public string Is(string? value) => value is null ? $"{Grammar} IS NULL" : $"{Grammar} = '{value.Replace("'", "''", StringComparison.Ordinal)}'";

    public string Text(RunSummary run) => Kind switch
    {
        Metrics => run.Metrics.TryGetValue(Key, out var value) ? Format.Number(value) : "–",
        Params => Format.Clip(run.Params.GetValueOrDefault(Key, "–"), MaxCell),
        Tags => Format.Clip(run.Tags.GetValueOrDefault(Key, "–"), MaxCell),
        _ => Key switch { "user_id" => run.User, "run_id" => run.Id, _ => "" },
    };
}
