using System.Text.Json;
using Pilothouse.Protocols.Mlflow;

namespace Pilothouse.Protocols.Tests.Mlflow;

/// <summary>Every recorded search filter and order is accepted or refused as MLflow's own server did.</summary>
public sealed class MlflowFilterGoldenTests
{
    [Theory]
    [InlineData("runs-search-filters", 90)]
    [InlineData("runs-search-order", 45)]
    [InlineData("runs-search-errors", 60)]
    [InlineData("dataset-inputs", 14)]
    [InlineData("runs-lifecycle", 4)]
    public void Run_searches_are_judged_as_recorded(string scenario, int atLeast) => Judge(scenario, "runs/search", MlflowGrammar.Runs, atLeast);

    [Fact]
    public void Experiment_searches_are_judged_as_recorded() => Judge("experiments-search", "experiments/search", MlflowGrammar.Experiments, 60);

    [Theory]
    [InlineData("registry-models", 30)]
    [InlineData("prompts-chat-search", 15)]
    public void Model_searches_are_judged_as_recorded(string scenario, int atLeast) => Judge(scenario, "registered-models/search", MlflowGrammar.RegisteredModels, atLeast);

    [Theory]
    [InlineData("registry-versions", 45)]
    [InlineData("registry-aliases", 2)]
    public void Version_searches_are_judged_as_recorded(string scenario, int atLeast) => Judge(scenario, "model-versions/search", MlflowGrammar.ModelVersions, atLeast);

    private static void Judge(string scenario, string path, MlflowGrammar grammar, int atLeast)
    {
        var judged = 0;
        foreach (var exchange in MlflowExchange.Load(scenario).Where(e => !e.Skipped && e.Path.EndsWith(path, StringComparison.Ordinal)))
        {
            if (FilterOf(exchange) is not { } filter || OrderOf(exchange) is not { } order || OtherFault(exchange))
                continue;
            judged++;
            var refusal = Record.Exception(() =>
            {
                MlflowFilter.Parse(filter, grammar);
                MlflowOrder.Parse(order, grammar);
            });
            Assert.True(
                exchange.Status == 200 ? refusal is null : refusal is MlflowFilterException,
                $"{scenario} #{exchange.Number}: recorded {exchange.Status}, here {refusal?.Message ?? "accepted"} for '{filter}' order [{string.Join("; ", order)}]");
        }

        Assert.True(judged >= atLeast, $"Only {judged} searches were judged.");
    }

    private static string? FilterOf(MlflowExchange e) =>
        e.Query.TryGetValue("filter", out var values) ? values[0]
        : e.Request is { ValueKind: JsonValueKind.Object } body && body.TryGetProperty("filter", out var filter)
            ? filter.ValueKind == JsonValueKind.String ? filter.GetString() : null
            : "";

    private static IReadOnlyList<string>? OrderOf(MlflowExchange e)
    {
        if (e.Query.TryGetValue("order_by", out var values))
            return values;
        if (e.Request is not { ValueKind: JsonValueKind.Object } body || !body.TryGetProperty("order_by", out var order))
            return [];
        return order.ValueKind == JsonValueKind.Array && order.EnumerateArray().All(o => o.ValueKind == JsonValueKind.String)
            ? [.. order.EnumerateArray().Select(o => o.GetString()!)]
            : null;
    }

    // Refused for something else than its filter or order: page sizes, tokens, ids, methods.
    private static bool OtherFault(MlflowExchange e)
    {
        var message = e.Response is { ValueKind: JsonValueKind.Object } body && body.TryGetProperty("message", out var text) ? text.ToString() : "";
        return e.Status != 200 && (e.Status != 400
            || message.Contains("max_results", StringComparison.Ordinal)
            || message.Contains("page token", StringComparison.OrdinalIgnoreCase)
            || message.Contains("page_token", StringComparison.Ordinal)
            || message.Contains("experiment_ids", StringComparison.Ordinal)
            || message.Contains("view_type", StringComparison.Ordinal));
    }
}
