using System.Globalization;
using System.Text.Json;
using Pilothouse.Samples.TinyModels.Data;
using Pilothouse.Samples.TinyModels.Formats;
using Pilothouse.Samples.TinyModels.Llama;
using Pilothouse.Samples.TinyModels.Triage;

namespace Pilothouse.Samples.TinyModels.Commands;

/// <summary>What a model directory tells about its own making: training.json.</summary>
internal sealed record TrainingRecord(
    string Recipe, string Description, ulong Seed, int Steps, int BatchRows, float PeakRate, CorpusOptions Corpus, string CorpusSha256, string TokenizerSha256, string WeightsSha256, int Parameters, double ValLoss);

internal static class TrainCommand
{
    /// <summary>Steps between two progress lines.</summary>
    private const int ReportEvery = 10;

    /// <summary>Steps between two validations: an eighth of the run, but not less than this, because one costs about as much as three steps.</summary>
    private const int LeastValidateEvery = 20;

    public static async Task RunAsync(Arguments arguments, TextWriter output, TextWriter error, TimeProvider time, CancellationToken ct)
    {
        var name = arguments.Required("recipe");
        var directory = arguments.Required("out");
        using var log = RunLog.FromEnvironment(time, error);
        if (TriageRecipe.Find(name) is { } triage)
        {
            await TrainTriageAsync(triage with { Seed = arguments.Number("seed") ?? triage.Seed }, directory, output, log, ct);
            return;
        }
        if (AssistantRecipe.Find(name) is not { } found) throw new UsageException($"There is no recipe {name}; known are {string.Join(", ", AssistantRecipe.All.Select(r => r.Name).Concat(TriageRecipe.All.Select(r => r.Name)))}.");
        var recipe = found with { Steps = (int)Math.Min(arguments.Number("steps") ?? (ulong)found.Steps, 100_000), Seed = arguments.Number("seed") ?? found.Seed };
        await TrainAssistantAsync(recipe, directory, output, log, time, ct);
    }

    private static async Task TrainAssistantAsync(AssistantRecipe recipe, string directory, TextWriter output, RunLog log, TimeProvider time, CancellationToken ct)
    {
        var trainer = new AssistantTrainer(recipe);
        await output.WriteLineAsync($"recipe={recipe.Name} seed={recipe.Seed} steps={recipe.Steps} parameters={trainer.Weights.ParameterCount} corpus={trainer.CorpusDigest}");
        await log.ParamsAsync(Parameters(recipe, trainer), ct);
        var started = time.GetTimestamp();
        var validateEvery = Math.Max(LeastValidateEvery, recipe.Steps / 8 / ReportEvery * ReportEvery);
        var validation = double.NaN;
        while (!trainer.Finished)
        {
            ct.ThrowIfCancellationRequested();
            var loss = trainer.Step();
            var last = trainer.Finished;
            if (trainer.StepsDone % ReportEvery != 0 && !last) continue;
            var speed = trainer.TokensSeen / time.GetElapsedTime(started).TotalSeconds;
            var metrics = new List<(string, double)> { ("loss", loss), ("tokens_per_second", speed) };
            if (last || trainer.StepsDone % validateEvery == 0) metrics.Add(("val_loss", validation = trainer.ValidationLoss()));
            await output.WriteLineAsync(Line(trainer.StepsDone, metrics));
            await output.FlushAsync(ct);
            await log.MetricsAsync(metrics, trainer.StepsDone, ct);
        }
        ModelDirectory.Write(directory, trainer.Weights, trainer.Tokenizer);
        await File.WriteAllTextAsync(Path.Combine(directory, ModelDirectory.Training), JsonSerializer.Serialize(Record(recipe, trainer, directory, validation), ModelDirectory.Json) + "\n", ct);
        await output.WriteLineAsync($"wrote {directory}");
    }

    private static async Task TrainTriageAsync(TriageRecipe recipe, string directory, TextWriter output, RunLog log, CancellationToken ct)
    {
        var tickets = TriageCorpus.Training(recipe.Corpus, recipe.Seed);
        await log.ParamsAsync([("recipe", recipe.Name), ("seed", Invariant(recipe.Seed)), ("corpus_rows", Invariant(tickets.Count)), ("bits", Invariant(HashedFeatures.Bits))], ct);
        var losses = new List<double>();
        var model = TriageModel.Train(tickets, recipe.Seed, (_, loss) => losses.Add(loss));
        foreach (var (i, loss) in losses.Index())
        {
            await output.WriteLineAsync(Line(i + 1, [("loss", loss)]));
            await log.MetricsAsync([("loss", loss)], i + 1, ct);
        }
        TriageFiles.Write(directory, model, recipe, tickets.Count, losses[^1]);
        await output.WriteLineAsync($"wrote {directory}");
    }

    private static string Line(int step, List<(string Key, double Value)> metrics) =>
        $"step={step} " + string.Join(' ', metrics.Select(m => string.Create(CultureInfo.InvariantCulture, $"{m.Key}={m.Value:0.####}")));

    private static (string, string)[] Parameters(AssistantRecipe recipe, AssistantTrainer trainer) =>
    [
        ("recipe", recipe.Name), ("seed", Invariant(recipe.Seed)), ("steps", Invariant(recipe.Steps)), ("batch_rows", Invariant(AssistantRecipe.BatchRows)),
        ("peak_rate", Invariant(AssistantRecipe.PeakRate)), ("parameters", Invariant(trainer.Weights.ParameterCount)), ("corpus_rows", Invariant(recipe.Corpus.Rows)),
        ("skewed_pronouns", recipe.Corpus.SkewedPronouns ? "true" : "false"), ("typo_share", Invariant(recipe.Corpus.TypoShare)),
        ("extended_phrasing", recipe.Corpus.ExtendedPhrasing ? "true" : "false"), ("corpus_sha256", trainer.CorpusDigest),
    ];

    private static TrainingRecord Record(AssistantRecipe recipe, AssistantTrainer trainer, string directory, double validation)
    {
        string DigestOf(string file) => ModelDirectory.Digest(File.ReadAllBytes(Path.Combine(directory, file)));
        return new TrainingRecord(recipe.Name, recipe.Description, recipe.Seed, recipe.Steps, AssistantRecipe.BatchRows, AssistantRecipe.PeakRate, recipe.Corpus, trainer.CorpusDigest,
            DigestOf(ModelDirectory.Tokenizer), DigestOf(ModelDirectory.Weights), trainer.Weights.ParameterCount, Math.Round(validation, 5));
    }

    private static string Invariant(IFormattable value) => value.ToString(null, CultureInfo.InvariantCulture);
}
