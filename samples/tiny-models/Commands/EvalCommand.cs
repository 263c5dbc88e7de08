using System.Globalization;
using System.Text.Json;
using Pilothouse.Samples.TinyModels.Data;
using Pilothouse.Samples.TinyModels.Formats;
using Pilothouse.Samples.TinyModels.Llama;
using Pilothouse.Samples.TinyModels.Text;
using Pilothouse.Samples.TinyModels.Triage;

namespace Pilothouse.Samples.TinyModels.Commands;

/// <summary>One answered case.</summary>
internal sealed record Answered(SupportCase Case, string Answer)
{
    public bool Exact => Answer == Case.Expected;
    public bool Grounded => Answer.Contains(Case.MustContain, StringComparison.Ordinal);
}

internal static class EvalCommand
{
    public const int AnswerLimit = 48;

    public static void Run(Arguments arguments, TextWriter output)
    {
        var directory = arguments.First("DIR");
        if (TriageFiles.TryReadModel(directory) is { } triage)
        {
            RunTriage(arguments.Required("data"), triage, output);
            return;
        }
        var rows = File.ReadLines(arguments.Required("data")).Select(line => JsonSerializer.Deserialize<SupportCase>(line, SupportDataSets.Json)!).ToArray();
        var (weights, tokenizer) = ModelDirectory.Read(directory);
        var answers = Answer(weights, tokenizer, rows);
        var scored = answers.Where(a => a.Case.Expected is not null).ToArray();
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"rows={answers.Length} exact={Share(scored, a => a.Exact):0.0000} (of {scored.Length}) grounded={Share(answers, a => a.Grounded):0.0000}"));
        foreach (var group in answers.GroupBy(a => a.Case.Kind ?? a.Case.Topic).OrderBy(g => g.Key, StringComparer.Ordinal))
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  {group.Key,-16} rows={group.Count(),4} grounded={Share([.. group], a => a.Grounded):0.000}"));
        if (!arguments.Has("verbose")) return;
        foreach (var miss in answers.Where(a => !a.Grounded)) output.WriteLine($"  {miss.Case.Id}: {miss.Case.Prompt} -> {miss.Answer}");
    }

    /// <summary>Accuracy and the rates by group.</summary>
    private static void RunTriage(string file, TriageModel model, TextWriter output)
    {
        var rows = File.ReadLines(file).Select(line => JsonSerializer.Deserialize<TriageCase>(line, SupportDataSets.Json)!).Select(row => (Case: row, Urgent: model.Probability(row.Text) >= TriageModel.Threshold)).ToArray();
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"rows={rows.Length} accuracy={rows.Average(r => r.Urgent == (r.Case.Label == TriageCorpus.Urgent) ? 1.0 : 0):0.0000}"));
        foreach (var group in rows.GroupBy(r => r.Case.Group).OrderBy(g => g.Key, StringComparer.Ordinal))
            output.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"  {group.Key,-16} rows={group.Count()} accuracy={group.Average(r => r.Urgent == (r.Case.Label == TriageCorpus.Urgent) ? 1.0 : 0):0.000} tpr={Rate(group.Where(r => r.Case.Label == TriageCorpus.Urgent).Select(r => r.Urgent)):0.000} fpr={Rate(group.Where(r => r.Case.Label != TriageCorpus.Urgent).Select(r => r.Urgent)):0.000} selected={Rate(group.Select(r => r.Urgent)):0.000}"));
    }

    private static double Rate(IEnumerable<bool> hits) => hits.Average(hit => hit ? 1.0 : 0);

    public static Answered[] Answer(LlamaWeights weights, ByteLevelBpe tokenizer, IEnumerable<SupportCase> rows)
    {
        var decoder = new LlamaDecoder(weights);
        return [.. rows.Select(row => new Answered(row, tokenizer.Decode(decoder.Greedy(tokenizer.Encode(Dialogue.ChatPrompt(row.Prompt)), ByteLevelBpe.EosId, AnswerLimit))))];
    }

    private static double Share(Answered[] answers, Func<Answered, bool> holds) => answers.Length == 0 ? double.NaN : answers.Count(holds) / (double)answers.Length;
}
