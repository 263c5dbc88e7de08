using System.Text.Json;

namespace Pilothouse.Protocols.Tests.Mlflow;

/// <summary>One recorded exchange of MLflow's client and server.</summary>
internal sealed record MlflowExchange(int Number, string Path, IReadOnlyDictionary<string, IReadOnlyList<string>> Query, JsonElement? Request, int Status, JsonElement? Response, bool Skipped)
{
    public static IReadOnlyList<MlflowExchange> Load(string scenario)
    {
        var exchanges = new List<MlflowExchange>();
        foreach (var line in File.ReadLines(System.IO.Path.Combine(TestPaths.Golden("mlflow"), scenario + ".jsonl")).Skip(1))
        {
            var root = JsonDocument.Parse(line).RootElement;
            var request = root.GetProperty("request");
            var query = request.TryGetProperty("query", out var pairs) ? pairs.EnumerateArray().ToLookup(p => p[0].GetString()!, p => p[1].GetString()!) : null;
            exchanges.Add(new MlflowExchange(
                root.GetProperty("n").GetInt32(),
                request.GetProperty("path").GetString()!,
                query?.ToDictionary(g => g.Key, g => (IReadOnlyList<string>)[.. g]) ?? [],
                Json(request),
                root.GetProperty("response").GetProperty("status").GetInt32(),
                Json(root.GetProperty("response")),
                root.TryGetProperty("skip", out _)));
        }

        return exchanges;
    }

    private static JsonElement? Json(JsonElement side) =>
        side.TryGetProperty("body", out var body) && body.TryGetProperty("json", out var json) ? json : null;
}
