using Microsoft.ML.OnnxRuntime;
using Pilothouse.Samples.TinyModels.Data;
using Pilothouse.Samples.TinyModels.Formats;
using Pilothouse.Samples.TinyModels.Triage;

namespace Pilothouse.Samples.Tests.Triage;

public sealed class TriageTests
{
    private static readonly List<TriageCase> HeldOut = TriageCorpus.HeldOut();

    [Theory]
    [InlineData("triage-v1")]
    [InlineData("triage-v2")]
    public void Training_anew_gives_the_committed_files_bit_for_bit(string name)
    {
        var recipe = TriageRecipe.Find(name)!;
        var tickets = TriageCorpus.Training(recipe.Corpus, recipe.Seed);
        var last = 0.0;
        var model = TriageModel.Train(tickets, recipe.Seed, (_, loss) => last = loss);
        var directory = Directory.CreateTempSubdirectory("tiny-models-");
        try
        {
            TriageFiles.Write(directory.FullName, model, recipe, tickets.Count, last);
            foreach (var file in directory.EnumerateFiles()) Assert.Equal(File.ReadAllBytes(Path.Combine(SampleFiles.Model(name), file.Name)), File.ReadAllBytes(file.FullName));
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }

    [Fact]
    public void Onnx_runtime_gives_the_probabilities_of_our_own_pass()
    {
        var model = Committed("triage-v2");
        using var session = new InferenceSession(File.ReadAllBytes(Path.Combine(SampleFiles.Model("triage-v2"), ModelDirectory.Onnx)));
        using var options = new RunOptions();
        foreach (var text in HeldOut.Take(200).Select(row => row.Text).Append("!"))
        {
            var ids = Array.ConvertAll(HashedFeatures.Of(text), id => (long)id);
            using var input = OrtValue.CreateTensorValueFromMemory(ids, [1, ids.Length]);
            using var output = session.Run(options, ["ids"], [input], ["probability"]);
            Assert.Equal([1L], output[0].GetTensorTypeAndShape().Shape);
            Assert.Equal(model.Probability(text), output[0].GetTensorDataAsSpan<float>()[0], 1e-5f);
        }
    }

    [Fact]
    public void Features_are_those_the_documentation_lists()
    {
        string[] named = ["w:is", "w:ok", "w:is ok", "c:<is", "c:is>", "c:<is>", "c:<ok", "c:ok>", "c:<ok>"];
        Assert.Equal(named.Select(f => (int)(Fnv1a.Hash(f) & 0x7FFF)).Distinct().Order(), HashedFeatures.Of("Is, OK!"));
    }

    [Fact]
    public void Unbalanced_version_misses_the_urgent_tickets_of_second_language_writers()
    {
        var rates = Rates(Committed("triage-v1"));
        Assert.True(rates.NativeTpr - rates.SecondTpr > 0.25, $"{rates}");
    }

    /// <summary>The 95 % interval of each gap lies inside the gate of 0.10, and accuracy has not been paid for it.</summary>
    [Fact]
    public void Balanced_version_passes_the_gate_of_the_project_file()
    {
        var rates = Rates(Committed("triage-v2"));
        Assert.True(Math.Abs(rates.NativeTpr - rates.SecondTpr) + HalfWidth(rates.NativeTpr, rates.SecondTpr, 500) < 0.10, $"{rates}");
        Assert.True(Math.Abs(rates.NativeSelected - rates.SecondSelected) + HalfWidth(rates.NativeSelected, rates.SecondSelected, 1000) < 0.10, $"{rates}");
        Assert.True(rates.Accuracy > Rates(Committed("triage-v1")).Accuracy - 0.02, $"{rates}");
    }

    private static double HalfWidth(double p, double q, int n) => 1.96 * Math.Sqrt((p * (1 - p) + q * (1 - q)) / n);

    private static TriageModel Committed(string name) => TriageFiles.TryReadModel(SampleFiles.Model(name))!;

    private static GroupRates Rates(TriageModel model)
    {
        var rows = HeldOut.Select(row => (row.Group, IsUrgent: row.Label == TriageCorpus.Urgent, Flagged: model.Probability(row.Text) >= TriageModel.Threshold)).ToArray();
        double Tpr(string group) => rows.Where(r => r.Group == group && r.IsUrgent).Average(r => r.Flagged ? 1.0 : 0);
        double Selected(string group) => rows.Where(r => r.Group == group).Average(r => r.Flagged ? 1.0 : 0);
        return new GroupRates(Tpr("native"), Tpr("second_language"), Selected("native"), Selected("second_language"), rows.Average(r => r.IsUrgent == r.Flagged ? 1.0 : 0));
    }

    private sealed record GroupRates(double NativeTpr, double SecondTpr, double NativeSelected, double SecondSelected, double Accuracy);
}
