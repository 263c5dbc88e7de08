using System.Text.Json;
using System.Text.Json.Nodes;
using Pilothouse.Samples.TinyModels.Triage;

namespace Pilothouse.Samples.TinyModels.Formats;

/// <summary>config.json and model.onnx of a hashed n-gram classifier.</summary>
internal static class TriageFiles
{
    public static string ConfigJson() => ModelDirectory.Text(new JsonObject
    {
        ["model_type"] = "hashed_ngrams",
        ["labels"] = new JsonArray(TriageCorpus.Normal, TriageCorpus.Urgent),
        ["positive_label"] = TriageCorpus.Urgent,
        ["threshold"] = TriageModel.Threshold,
        ["lowercase"] = "ascii",
        ["token_pattern"] = "[a-z0-9']+",
        ["max_tokens"] = HashedFeatures.MaxTokens,
        ["word_ngrams"] = new JsonArray(HashedFeatures.WordNgrams.From, HashedFeatures.WordNgrams.To),
        ["word_prefix"] = "w:",
        ["char_ngrams"] = new JsonArray(HashedFeatures.CharNgrams.From, HashedFeatures.CharNgrams.To),
        ["char_prefix"] = "c:",
        ["char_start"] = "<",
        ["char_end"] = ">",
        ["hash"] = "fnv1a32",
        ["bits"] = HashedFeatures.Bits,
        ["onnx_input"] = "ids",
        ["onnx_output"] = "probability",
    });

    /// <summary>Writes config.json, model.onnx and training.json; the same model gives the same bytes.</summary>
    public static void Write(string directory, TriageModel model, TriageRecipe recipe, int tickets, double trainLoss)
    {
        Directory.CreateDirectory(directory);
        var onnx = Onnx(model);
        File.WriteAllText(Path.Combine(directory, ModelDirectory.Config), ConfigJson());
        File.WriteAllBytes(Path.Combine(directory, ModelDirectory.Onnx), onnx);
        var record = new { Recipe = recipe.Name, recipe.Description, recipe.Seed, recipe.Corpus, Tickets = tickets, TrainLoss = Math.Round(trainLoss, 5), WeightsSha256 = ModelDirectory.Digest(onnx) };
        File.WriteAllText(Path.Combine(directory, ModelDirectory.Training), JsonSerializer.Serialize(record, ModelDirectory.Json) + "\n");
    }

    /// <summary>The classifier of a directory; null when it holds another kind of model.</summary>
    public static TriageModel? TryReadModel(string directory)
    {
        using var config = JsonDocument.Parse(File.ReadAllText(Path.Combine(directory, ModelDirectory.Config)));
        if (config.RootElement.GetProperty("model_type").GetString() != "hashed_ngrams") return null;
        var constants = OnnxInitializers.Read(File.ReadAllBytes(Path.Combine(directory, ModelDirectory.Onnx)));
        return new TriageModel(constants["weights"], constants["bias"][0]);
    }

    /// <summary>Input ids int64 [1,N]; output probability float [1].</summary>
    public static byte[] Onnx(TriageModel model)
    {
        var graph = new OnnxGraph("hashed_ngrams");
        graph.Input("ids", OnnxGraph.Int64, 1, "N");
        graph.Constant("weights", model.Weights, model.Weights.Length);
        graph.Constant("bias", [model.Bias], 1);
        graph.Constant("one", [1f], 1);
        graph.Constant("axes", [1L], 1);
        var sum = graph.Node("ReduceSum", [graph.Node("Gather", ["weights", "ids"]), "axes"], ("keepdims", 0));
        var count = graph.Node("Cast", [graph.Node("Shape", ["ids"], ("start", 1), ("end", 2))], ("to", OnnxGraph.Float));
        var scale = graph.Node("Sqrt", [graph.Node("Max", [count, "one"])]);
        graph.Node("Sigmoid", [graph.Node("Add", [graph.Node("Div", [sum, scale]), "bias"])], ["probability"]);
        graph.Output("probability", OnnxGraph.Float, 1);
        return graph.Build();
    }
}
