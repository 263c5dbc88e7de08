using System.Text.Json;
using System.Text.Json.Nodes;
using Pilothouse.Protocols.Mlflow;

namespace Pilothouse.Protocols.Tests.Mlflow;

public sealed class MlflowJsonTests
{
    [Fact]
    public void Integers_are_read_from_text_and_written_as_numbers()
    {
        var metric = JsonSerializer.Deserialize<MlflowMetric>("""{"key":"a","value":"NaN","timestamp":"1700000000000","step":3,"unknown":[1]}""", MlflowJson.Options);

        Assert.Equal("""{"key":"a","value":"NaN","timestamp":1700000000000,"step":3}""", JsonSerializer.Serialize(metric, MlflowJson.Options));
    }

    [Fact]
    public void Absent_values_and_empty_lists_are_left_out_and_zero_is_kept() =>
        Assert.Equal(
            """{"run_uuid":"r","start_time":0}|{"metrics":[{"key":"a","step":0}]}""",
            JsonSerializer.Serialize(new MlflowRunInfo { RunUuid = "r", StartTime = 0 }, MlflowJson.Options) + "|"
            + JsonSerializer.Serialize(new MlflowRunData([new MlflowMetric { Key = "a", Step = 0 }], [], null), MlflowJson.Options));

    [Fact]
    public void Numbers_sent_as_ids_are_texts()
    {
        var search = JsonSerializer.Deserialize<MlflowSearchRuns>("""{"experiment_ids":[5,"6"],"page_token":5,"run_view_type":7}""", MlflowJson.Options)!;

        Assert.Equal(["5", "6"], search.ExperimentIds);
        Assert.Equal(("5", "7"), (search.PageToken, search.RunViewType));
    }

    [Theory]
    [InlineData("RESOURCE_ALREADY_EXISTS", 400)]
    [InlineData("RESOURCE_DOES_NOT_EXIST", 404)]
    [InlineData("INTERNAL_ERROR", 500)]
    [InlineData("SOMETHING_NEW", 400)]
    public void Status_follows_the_code(string code, int status) => Assert.Equal(status, MlflowErrorCodes.StatusOf(code));

    /// <summary>Recorded answers read into the records and written again are the same JSON: no field is lost or reshaped.</summary>
    [Theory]
    [InlineData("runs-lifecycle", "runs/get", typeof(MlflowRunResponse), 10)]
    [InlineData("runs-lifecycle", "runs/create", typeof(MlflowRunResponse), 5)]
    [InlineData("runs-lifecycle", "runs/update", typeof(MlflowRunInfoResponse), 5)]
    [InlineData("runs-search-filters", "runs/search", typeof(MlflowSearchRunsResponse), 60)]
    [InlineData("dataset-inputs", "runs/search", typeof(MlflowSearchRunsResponse), 10)]
    [InlineData("metric-values", "metrics/get-history", typeof(MlflowMetricHistory), 5)]
    [InlineData("experiments-search", "experiments/search", typeof(MlflowSearchExperimentsResponse), 30)]
    [InlineData("experiments-lifecycle", "experiments/get", typeof(MlflowExperimentResponse), 5)]
    [InlineData("registry-models", "registered-models/search", typeof(MlflowRegisteredModels), 20)]
    [InlineData("registry-models", "registered-models/get", typeof(MlflowRegisteredModelResponse), 3)]
    [InlineData("registry-versions", "model-versions/search", typeof(MlflowModelVersions), 20)]
    [InlineData("registry-versions", "model-versions/create", typeof(MlflowModelVersionResponse), 5)]
    [InlineData("registry-aliases", "registered-models/get", typeof(MlflowRegisteredModelResponse), 3)]
    public void Recorded_answers_round_trip(string scenario, string path, Type type, int atLeast)
    {
        var compared = 0;
        foreach (var exchange in MlflowExchange.Load(scenario).Where(e => e.Status == 200 && !e.Skipped && e.Path.EndsWith(path, StringComparison.Ordinal)))
        {
            if (exchange.Response is not { } recorded)
                continue;

            // Placeholders stand for times the server chose.
            var text = System.Text.RegularExpressions.Regex.Replace(recorded.GetRawText(), "\"\\$\\{(timestamp|int)[^}]*\\}\"", "1700000000000");
            var read = JsonSerializer.Deserialize(text, type, MlflowJson.Options);
            var written = JsonSerializer.SerializeToNode(read, type, MlflowJson.Options);
            Assert.True(JsonNode.DeepEquals(JsonNode.Parse(text), written), $"{scenario} #{exchange.Number}:\n{text}\n{written?.ToJsonString()}");
            compared++;
        }

        Assert.True(compared >= atLeast, $"Only {compared} answers were compared.");
    }
}
