using System.Globalization;
using System.Net.Http.Json;
using System.Text.Json;

namespace Pilothouse.EndToEnd.Tests.Web;

/// <summary>An experiment of a test's own: two learning rates with three seeds each, seeded through the public API.</summary>
internal sealed class SweepWorld
{
    private readonly HttpClient _http;

    private SweepWorld(HttpClient http, string experiment) => (_http, Experiment) = (http, experiment);

    public string Experiment { get; }

    public List<string> Runs { get; } = [];

    public string Page => $"/experiments/{Experiment}";

    public string Compare => "/runs/compare?" + string.Join('&', Runs.Select(r => "run=" + r));

    public static async Task<SweepWorld> CreateAsync(HttpClient http, string name)
    {
        var experiment = await PostAsync(http, "experiments/create", new { name });
        var world = new SweepWorld(http, experiment.GetProperty("experiment_id").GetString()!);
        foreach (var lr in new[] { "0.1", "0.001" })
            for (var seed = 1; seed <= 3; seed++) world.Runs.Add(await world.AddAsync($"lr-{lr}-seed-{seed}", lr, seed, null));
        return world;
    }

    /// <summary>200 points of a loss, steps 0 to 199, one a second.</summary>
    public async Task<string> AddAsync(string name, string lr, int seed, string? parent)
    {
        var start = SampleWorld.Ago(3600 - (Runs.Count * 60));
        object[] tags = parent is null ? [] : [new { key = "mlflow.parentRunId", value = parent }];
        var id = (await PostAsync(_http, "runs/create", new { experiment_id = Experiment, run_name = name, start_time = start, tags })).GetProperty("run").GetProperty("info").GetProperty("run_id").GetString()!;
        var rate = double.Parse(lr, CultureInfo.InvariantCulture);
        var metrics = Enumerable.Range(0, 200).Select(step => new { key = "loss", value = (2 * Math.Exp(-step * (0.01 + rate))) + (seed * 0.1), timestamp = start + (step * 1000), step });
        await PostAsync(_http, "runs/log-batch", new { run_id = id, metrics, @params = new[] { new { key = "lr", value = lr }, new { key = "seed", value = $"{seed}" }, new { key = "model", value = "tiny" } } });
        await PostAsync(_http, "runs/update", new { run_id = id, status = "FINISHED", end_time = start + 200_000 });
        return id;
    }

    private static async Task<JsonElement> PostAsync(HttpClient http, string path, object body)
    {
        using var response = await http.PostAsJsonAsync("/api/2.0/mlflow/" + path, body);
        var text = await response.Content.ReadAsStringAsync();
        Assert.True(response.IsSuccessStatusCode, $"{path}: {text}");
        return JsonDocument.Parse(text).RootElement;
    }
}
