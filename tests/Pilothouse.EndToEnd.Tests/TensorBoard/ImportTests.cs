using System.Text.Json;
using Pilothouse.Commands.Imports;
using Pilothouse.Protocols.TensorBoard;
using Pilothouse.Protocols.V1;
using Pilothouse.Testing;
using static Pilothouse.EndToEnd.Tests.TensorBoard.LogDirectory;

namespace Pilothouse.EndToEnd.Tests.TensorBoard;

/// <summary><c>pilothouse import tensorboard</c> against the real server.</summary>
public class ImportTests
{
    [Fact]
    public async Task A_directory_becomes_an_experiment_and_importing_again_adds_nothing()
    {
        await using var server = await TestServer.StartAsync();
        using var logs = new LogDirectory();
        await File.WriteAllBytesAsync(logs.File("."), await ScalarsAsync(0, 3));
        await File.WriteAllBytesAsync(logs.File("train/a"), await ScalarsAsync(0, 10));
        await File.WriteAllBytesAsync(logs.File("train/a", 1), await ScalarsAsync(10, 10));
        await File.WriteAllBytesAsync(logs.File("eval"), await BytesAsync(w =>
        {
            w.WriteHParams("_hparams_/session_start_info", Time, HParamsData.EncodeStart(new HParamsStart([new("lr", 0.1)], "", "", "", Time)));
            w.WriteTexts("note", 1, Time, [], ["hello"], SummaryMetadata.Of(TfPlugins.Text, TfDataClass.Tensor));
            w.WriteHParams("_hparams_/session_end_info", Time, HParamsData.EncodeEnd(HParamsStatus.Success, Time + 60));
        }));
        await File.WriteAllTextAsync(Path.Combine(logs.Path, "notes.txt"), "not an event file");

        var (first, second) = (await ImportAsync(server, logs.Path), await ImportAsync(server, logs.Path));

        Assert.Equal([".", "eval", "train/a"], first.Select(r => r.GetProperty("path").GetString()));
        Assert.Equal(first.Select(r => r.GetProperty("run_id").GetString()), second.Select(r => r.GetProperty("run_id").GetString()));
        Assert.All(first, r => Assert.True(r.GetProperty("new_bytes").GetInt64() > 0));
        Assert.All(second, r => Assert.Equal((0L, false), (r.GetProperty("new_bytes").GetInt64(), r.GetProperty("created").GetBoolean())));
        var runs = (await server.Client.SearchRunsAsync([], "tags.`tensorboard.run` LIKE '%'", [], 100, null, default)).Items;
        Assert.Equal(["eval", Path.GetFileName(logs.Path), "train/a"], runs.Select(r => r.Name).Order(StringComparer.Ordinal));
        Assert.All(runs, r => Assert.Equal("FINISHED", r.Status));
        var train = runs.Single(r => r.Name == "train/a");
        Assert.Equal(((long)(Time * 1000), (long)((Time + 19) * 1000)), (train.StartMs, train.EndMs));
        Assert.Equal(20, (await server.Client.MetricSeriesAsync(train.Id, "loss", 1000, default)).TotalPoints);
        var eval = runs.Single(r => r.Name == "eval");
        Assert.Equal(("0.1", (long)((Time + 60) * 1000)), (eval.Params["lr"], eval.EndMs));
        Assert.Equal("hello", (await server.Client.MediaPointsAsync(eval.Id, "text", "note", 1, null, default)).Items[0].Text!.Values[0]);
    }

    [Fact]
    public async Task Damage_is_printed_and_the_exit_code_says_so()
    {
        await using var server = await TestServer.StartAsync();
        using var logs = new LogDirectory();
        var file = await ScalarsAsync(0, 10);
        file[^70] ^= 1; // in the data of the last record but one
        await File.WriteAllBytesAsync(logs.File("skipped"), file);
        await File.WriteAllTextAsync(logs.File("foreign"), new string('x', 500));

        var outcome = await RunAsync(server, "import", "tensorboard", logs.Path);

        Assert.Equal(1, outcome.ExitCode);
        Assert.Contains("data_checksum: The record at byte", outcome.Output, StringComparison.Ordinal);
        Assert.Contains("length_checksum: The length of the record at byte 0", outcome.Output, StringComparison.Ordinal);
        Assert.Contains("(damaged)", outcome.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Passes_follow_growing_files_cut_records_new_files_new_runs_and_restarts()
    {
        await using var server = await TestServer.StartAsync();
        using var logs = new LogDirectory();
        var import = new TensorBoardImport(server.Client, TimeProvider.System, logs.Path, logs.Path, "watched");
        async Task<EventFileState[]> PassAsync()
        {
            await import.PassAsync(default);
            return [.. (await import.ReportAsync(default)).Runs.SelectMany(r => r.Files)];
        }

        Assert.Empty(await PassAsync());
        var (whole, more) = (await ScalarsAsync(0, 5), await ScalarsAsync(5, 5, version: false));
        await AppendAsync(logs.File("a"), whole[..30]); // within the version record
        Assert.Equal(0, (await PassAsync()).Single().Position);
        await AppendAsync(logs.File("a"), [.. whole[30..], .. more[..20]]);
        Assert.Equal((5L, (long)whole.Length), ((await PassAsync()).Single() is var cut ? (cut.Points, cut.Position) : default));
        Assert.Equal(0, await import.PassAsync(default)); // nothing new: nothing is sent
        await AppendAsync(logs.File("a"), more[20..]);
        Assert.Equal(10, (await PassAsync()).Single().Points);
        // A second writer in the same directory, from an earlier step: a restart.
        await File.WriteAllBytesAsync(logs.File("a", 1), await ScalarsAsync(7, 5));
        await File.WriteAllBytesAsync(logs.File("b/deep"), await ScalarsAsync(0, 2));
        var files = await PassAsync();

        Assert.Equal(3, files.Length);
        Assert.Contains(files, f => f.StepBacks == 1 && f.Notes.Single().Kind == "step_back");
        var run = (await server.Client.SearchRunsAsync([], "run_name = 'a'", [], 10, null, default)).Items.Single();
        Assert.Equal(("RUNNING", 12L), (run.Status, (await server.Client.MetricSeriesAsync(run.Id, "loss", 1000, default)).TotalPoints)); // steps 7 to 9 are the same points again
        // The process starts anew and knows nothing: the server does.
        var again = new TensorBoardImport(server.Client, TimeProvider.System, logs.Path, logs.Path, "watched");
        Assert.Equal(0, await again.PassAsync(default));
        await again.FinishAsync(default);
        Assert.Equal("FINISHED", (await server.Client.GetRunAsync(run.Id, default)).Run.Status);
    }

    [Fact]
    public async Task A_file_that_was_cut_or_replaced_is_told()
    {
        await using var server = await TestServer.StartAsync();
        using var logs = new LogDirectory();
        var import = new TensorBoardImport(server.Client, TimeProvider.System, logs.Path, logs.Path, "replaced");
        var file = await ScalarsAsync(0, 10);
        await File.WriteAllBytesAsync(logs.File("a"), file);
        await import.PassAsync(default);

        await File.WriteAllBytesAsync(logs.File("a"), file[..200]);
        await import.PassAsync(default);
        Assert.Contains("it was cut", Assert.Single((await import.ReportAsync(default)).Problems), StringComparison.Ordinal);

        await File.WriteAllBytesAsync(logs.File("a"), await BytesAsync(w => w.WriteScalar("loss", 99, Time, 1), version: false));
        await import.PassAsync(default);
        var report = await import.ReportAsync(default);
        Assert.Empty(report.Problems);
        Assert.Equal([1, 10], report.Runs.Single().Files.Select(f => f.Points));
        Assert.Equal("replaced", report.Runs.Single().Files[0].Notes.Single().Kind);
    }

    [Fact]
    public async Task Watching_follows_until_it_is_stopped()
    {
        await using var server = await TestServer.StartAsync();
        using var logs = new LogDirectory();
        await File.WriteAllBytesAsync(logs.File("a"), await ScalarsAsync(0, 5));
        var import = new TensorBoardImport(server.Client, TimeProvider.System, logs.Path, logs.Path, "live");
        using var stop = new CancellationTokenSource();
        var said = new List<string>();
        var watching = new TensorBoardWatch(import, TimeProvider.System, TimeSpan.FromSeconds(1), said.Add).RunAsync(stop.Token);

        await PointsAsync(server, 5);
        await AppendAsync(logs.File("a"), await ScalarsAsync(5, 5, version: false));
        await PointsAsync(server, 10);
        await File.WriteAllBytesAsync(logs.File("b"), await ScalarsAsync(0, 3));
        await PointsAsync(server, 13);
        await stop.CancelAsync();
        await watching;

        Assert.Contains("bytes were read", Assert.Single(said), StringComparison.Ordinal);
    }

    /// <summary>Asks until the runs have this many points.</summary>
    private static async Task PointsAsync(TestServer server, long points)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromMinutes(2));
        for (long found = 0; found < points; limit.Token.ThrowIfCancellationRequested())
        {
            found = 0;
            foreach (var run in (await server.Client.SearchRunsAsync([], "tags.`tensorboard.run` LIKE '%'", [], 100, null, default)).Items)
                found += (await server.Client.EventFilesAsync(run.Id, default)).Files.Sum(f => f.Points);
        }
    }

    private static async Task<List<JsonElement>> ImportAsync(TestServer server, string directory)
    {
        var outcome = await RunAsync(server, "import", "tensorboard", directory, "--json");
        return [.. JsonDocument.Parse(outcome.Succeeded()).RootElement.GetProperty("runs").EnumerateArray()];
    }

    internal static Task<Shell.Outcome> RunAsync(TestServer server, params string[] words) =>
        Shell.RunAsync(Path.GetTempPath(), Path.Combine(AppContext.BaseDirectory, OperatingSystem.IsWindows() ? "pilothouse.exe" : "pilothouse"), [.. words, "--server", server.Url.ToString()]);
}
