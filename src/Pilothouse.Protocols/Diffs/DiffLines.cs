using System.Globalization;
using Pilothouse.Protocols.V1;

namespace Pilothouse.Protocols.Diffs;

/// <summary>Comparisons as lines of text, for terminals and for the plan of a rollback.</summary>
public static class DiffLines
{
    /// <summary>Tensors that are listed.</summary>
    private const int MaxTensors = 40;

    private const int MaxKeys = 40;

    /// <summary>Lines around a change of a text.</summary>
    private const int Context = 2;

    public static IEnumerable<string> Of(ModelDiff diff)
    {
        yield return diff.Summary;
        foreach (var line in Of(diff.Config)) yield return line;
        foreach (var sample in diff.Tokenizer?.Samples ?? []) yield return $"  token {sample}";
        var largest = diff.Changes.OrderByDescending(c => c.RelativeL2 ?? double.MaxValue).ThenBy(c => c.Name, StringComparer.Ordinal).ToList();
        foreach (var change in largest.Take(MaxTensors)) yield return "  " + Of(change);
        if (largest.Count > MaxTensors) yield return $"  ... and {largest.Count - MaxTensors} more tensors";
        foreach (var file in diff.Files.Where(f => f.Change != "changed")) yield return $"  file {file.Path} {file.Change}";
        foreach (var note in diff.Notes) yield return $"  note: {note}";
    }

    public static string Of(TensorChange change)
    {
        var from = Kind(change.FromDtype, change.FromShape);
        var to = Kind(change.ToDtype, change.ToShape);
        return change.Change switch
        {
            "changed" when change.L2 is not null => string.Create(CultureInfo.InvariantCulture, $"~ {change.Name} {to}  L2 {change.L2:G4}, relative {change.RelativeL2:G4}, max {change.MaxAbs:G4}{(change.NotFinite > 0 ? $", {change.NotFinite} not finite" : "")}"),
            "added" => $"+ {change.Name} {to}",
            "removed" => $"- {change.Name} {from}",
            "reshaped" => $"~ {change.Name} {from} -> {to}",
            "unknown" => $"? {change.Name} {to}",
            _ => $"~ {change.Name} {to}",
        };
    }

    public static IEnumerable<string> Of(PromptDiff diff)
    {
        yield return diff.Summary;
        foreach (var part in diff.Parts.Where(p => p.Change != "same"))
        {
            yield return $"  {part.Role} {part.Change}";
            foreach (var line in Around(part.Lines)) yield return "    " + line;
        }
        foreach (var line in Of(diff.Variables)) yield return line;
        foreach (var line in Of(diff.Parameters)) yield return line;
    }

    public static IEnumerable<string> Of(IReadOnlyList<KeyChange> keys)
    {
        foreach (var key in keys.Take(MaxKeys)) yield return $"  {(key.From is null ? "+" : key.To is null ? "-" : "~")} {key.Where} {key.Key}: {(key.From is null ? key.To : key.To is null ? key.From : $"{key.From} -> {key.To}")}";
        if (keys.Count > MaxKeys) yield return $"  ... and {keys.Count - MaxKeys} more keys";
    }

    /// <summary>Changed lines with those around them.</summary>
    public static IEnumerable<string> Around(IReadOnlyList<TextLine> lines)
    {
        var gap = false;
        for (var i = 0; i < lines.Count; i++)
        {
            var near = false;
            for (var j = Math.Max(0, i - Context); j <= Math.Min(lines.Count - 1, i + Context) && !near; j++) near = lines[j].Op != " ";
            if (near)
            {
                yield return $"{lines[i].Op} {lines[i].Text}";
                gap = false;
            }
            else if (!gap)
            {
                yield return "...";
                gap = true;
            }
        }
    }

    private static string Kind(string? dtype, IReadOnlyList<long>? shape) => $"{dtype} [{string.Join(", ", shape ?? [])}]";
}
