using System.Text.Json;
using Pilothouse.Samples.TinyModels.Data;
using Pilothouse.Samples.TinyModels.Formats;
using Pilothouse.Samples.TinyModels.Llama;
using Pilothouse.Samples.TinyModels.Triage;

namespace Pilothouse.Samples.TinyModels.Commands;

/// <summary>Writes the data sets of samples/support-assistant.</summary>
internal static class DataCommand
{
    public static void Run(Arguments arguments, TextWriter output)
    {
        var directory = arguments.Required("out");
        foreach (var (path, text) in Files())
        {
            var file = Path.Combine(directory, path);
            Directory.CreateDirectory(Path.GetDirectoryName(file)!);
            File.WriteAllText(file, text);
            output.WriteLine($"wrote {file}");
        }
    }

    /// <summary>Rows of each training corpus that are written out to be looked at; the corpora themselves are made anew from their recipes.</summary>
    private const int ExcerptRows = 60;

    /// <summary>Relative path and content of every file.</summary>
    public static IEnumerable<(string Path, string Text)> Files()
    {
        yield return ("heldout.jsonl", SupportDataSets.JsonLines(SupportDataSets.HeldOut()));
        yield return ("live.jsonl", SupportDataSets.JsonLines(SupportDataSets.Live()));
        yield return ("live-drifted.jsonl", SupportDataSets.JsonLines(SupportDataSets.Drifted()));
        yield return ("triage-heldout.jsonl", SupportDataSets.JsonLines(TriageCorpus.HeldOut()));
        yield return ("train/recipes.json", JsonSerializer.Serialize(new { assistant = AssistantRecipe.All, triage = TriageRecipe.All }, ModelDirectory.Json) + "\n");
        foreach (var recipe in AssistantRecipe.All)
            yield return ($"train/{recipe.Name}.excerpt.jsonl", SupportDataSets.JsonLines((recipe with { Corpus = recipe.Corpus with { Rows = ExcerptRows } }).TrainingRows().Select(row => new { prompt = row.Question, answer = row.Answer })));
        foreach (var recipe in TriageRecipe.All)
            yield return ($"train/{recipe.Name}.excerpt.jsonl", SupportDataSets.JsonLines(Spread(TriageCorpus.Training(recipe.Corpus, recipe.Seed))));
    }

    /// <summary>Rows evenly from the whole corpus, which is ordered by cell.</summary>
    private static IEnumerable<TriageCase> Spread(List<TriageCase> rows) => Enumerable.Range(0, ExcerptRows).Select(i => rows[(int)((long)i * rows.Count / ExcerptRows)]);
}
