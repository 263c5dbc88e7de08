using System.Text.Json;
using Pilothouse.Protocols.Mlflow;
using Pilothouse.Testing;

namespace Pilothouse.EndToEnd.Tests.TensorBoard;

/// <summary><c>pilothouse export tensorboard</c>, read by TensorBoard itself where Python has it.</summary>
public class ExportTests
{
    /// <summary>What TensorBoard's own reader finds: tags, plugins, steps and numbers.</summary>
    private const string Reader = """
        import json, sys
        from tensorboard.backend.event_processing import plugin_event_accumulator as accumulator
        from tensorboard.util import tensor_util
        events = accumulator.EventAccumulator(sys.argv[1], size_guidance={accumulator.TENSORS: 0})
        events.Reload()
        found = {}
        for tag in events.Tags()["tensors"]:
            points = [(e.step, e.wall_time, tensor_util.make_ndarray(e.tensor_proto)) for e in events.Tensors(tag)]
            found[tag] = {"plugin": events.SummaryMetadata(tag).plugin_data.plugin_name, "steps": [p[0] for p in points], "times": [p[1] for p in points],
                          "values": [float(p[2]) if p[2].shape == () and p[2].dtype.kind == "f" else str(p[2].shape) for p in points]}
        print(json.dumps(found))
        """;

    [Fact]
    public async Task An_experiment_is_written_as_a_log_directory()
    {
        await using var server = await TestServer.StartAsync();
        using var logs = new LogDirectory();
        await File.WriteAllBytesAsync(logs.File("train"), await LogDirectory.ScalarsAsync(0, 5));
        (await ImportTests.RunAsync(server, "import", "tensorboard", logs.Path, "--experiment", "x")).Succeeded();
        var plain = await server.Client.CreateRunAsync(await server.Client.EnsureExperimentAsync("x", default), "../odd: name", "ann", 1_767_225_600_000, [], default);
        await server.Client.LogBatchAsync(plain.RunId!, [new MlflowMetric { Key = "loss", Value = 0.5, Timestamp = 1_767_225_600_000, Step = 1 }], [], [], default);
        var target = Path.Combine(logs.Path, "out");

        for (var round = 0; round < 2; round++) (await ImportTests.RunAsync(server, "export", "tensorboard", target, "--experiment", "x")).Succeeded();

        Assert.Equal(["odd_ name", "train"], Directory.GetDirectories(target).Select(d => Path.GetFileName(d)).Order(StringComparer.Ordinal));
        Assert.All(Directory.GetDirectories(target), d => Assert.Contains("tfevents", Path.GetFileName(Assert.Single(Directory.GetFiles(d))), StringComparison.Ordinal));
        var nothing = await ImportTests.RunAsync(server, "export", "tensorboard", target);
        Assert.Equal(2, nothing.ExitCode);
    }

    [Fact]
    public async Task TensorBoards_own_reader_finds_every_point()
    {
        var python = Environment.GetEnvironmentVariable("PILOTHOUSE_TEST_PYTHON") ?? "python3";
        if (!await ImportsAsync(python)) Assert.Skip($"'{python} -c \"import tensorboard\"' fails: TensorBoard's own reader is not here to ask. PILOTHOUSE_TEST_PYTHON names another Python.");
        await using var server = await TestServer.StartAsync();
        var run = await server.Client.CreateRunAsync(await server.Client.EnsureExperimentAsync("peer", default), "run", "ann", 1_767_225_600_000, [], default);
        var values = Enumerable.Range(0, 500).Select(i => Math.Exp(-i / 100.0)).ToArray();
        await server.Client.LogBatchAsync(run.RunId!, [.. values.Select((v, i) => new MlflowMetric { Key = "loss", Value = v, Timestamp = 1_767_225_600_000 + i * 250, Step = i })], [new("lr", "0.1")], [], default);
        using var logs = new LogDirectory();

        (await ImportTests.RunAsync(server, "export", "tensorboard", logs.Path, "--run", run.RunId!)).Succeeded();
        (await ImportTests.RunAsync(server, "export", "tensorboard", Path.Combine(logs.Path, "exact"), "--run", run.RunId!, "--precision", "float64")).Succeeded();

        var loss = (await ReadAsync(python, Path.Combine(logs.Path, "run"))).GetProperty("loss");
        Assert.Equal("scalars", loss.GetProperty("plugin").GetString());
        Assert.Equal(Enumerable.Range(0, 500), loss.GetProperty("steps").EnumerateArray().Select(s => s.GetInt32()));
        Assert.Equal(values.Select(v => (double)(float)v), loss.GetProperty("values").EnumerateArray().Select(v => v.GetDouble()));
        Assert.Equal(1_767_225_600.25, loss.GetProperty("times")[1].GetDouble());
        var exact = await ReadAsync(python, Path.Combine(logs.Path, "exact", "run"));
        Assert.Equal(values, exact.GetProperty("loss").GetProperty("values").EnumerateArray().Select(v => v.GetDouble()));
        Assert.Equal("hparams", exact.GetProperty("_hparams_/session_start_info").GetProperty("plugin").GetString());
    }

    private static async Task<JsonElement> ReadAsync(string python, string directory) =>
        JsonDocument.Parse((await Shell.RunAsync(Path.GetTempPath(), python, "-c", Reader, directory)).Succeeded()).RootElement;

    private static async Task<bool> ImportsAsync(string python)
    {
        try
        {
            return (await Shell.RunAsync(Path.GetTempPath(), python, "-c", "import tensorboard")).ExitCode == 0;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return false;
        }
    }
}
