namespace Pilothouse.Import.Mlflow;

/// <summary>What was found, and what became of it: every thing is in exactly one of the three columns behind <c>Found</c>.</summary>
internal sealed class ImportReport
{
    /// <summary>Reasons kept of each kind; the counts are always whole.</summary>
    private const int MaxReasons = 20;

    private readonly Dictionary<string, Line> _lines = [];
    private readonly Dictionary<(string Kind, string Reason), long> _reasons = [];
    private readonly List<string> _order = [];

    public IReadOnlyList<Line> Lines => [.. _order.Select(kind => _lines[kind])];

    public IReadOnlyList<Reason> Reasons => [.. _reasons.Select(r => new Reason(r.Key.Kind, r.Value, r.Key.Reason))];

    public bool Complete => _lines.Values.All(l => l.Skipped == 0);

    public void Imported(string kind, long count = 1) => Of(kind, l => l with { Imported = l.Imported + count });

    public void Already(string kind, long count = 1) => Of(kind, l => l with { Already = l.Already + count });

    public void Skipped(string kind, string reason, long count = 1)
    {
        Of(kind, l => l with { Skipped = l.Skipped + count });
        var key = (kind, reason);
        if (!_reasons.ContainsKey(key) && _reasons.Keys.Count(k => k.Kind == kind) >= MaxReasons) key = (kind, "and others");
        _reasons[key] = _reasons.GetValueOrDefault(key) + count;
    }

    private void Of(string kind, Func<Line, Line> change)
    {
        if (!_lines.TryGetValue(kind, out var line))
        {
            line = new Line(kind, 0, 0, 0);
            _order.Add(kind);
        }
        _lines[kind] = change(line);
    }

    /// <param name="Already">Here before.</param>
    internal sealed record Line(string Kind, long Imported, long Already, long Skipped)
    {
        public long Found => Imported + Already + Skipped;
    }

    internal sealed record Reason(string Kind, long Count, string Text);
}
