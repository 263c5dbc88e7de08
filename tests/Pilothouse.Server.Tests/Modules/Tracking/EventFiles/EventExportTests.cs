using Pilothouse.Protocols.Mlflow;
using Pilothouse.Protocols.TensorBoard;
using Pilothouse.Testing;
using static Pilothouse.Server.Tests.Modules.Tracking.EventFiles.EventFileFixture;

namespace Pilothouse.Server.Tests.Modules.Tracking.EventFiles;

public class EventExportTests
{
    [Theory, DatabaseData]
    public async Task What_is_exported_and_imported_again_is_the_same(string kind)
    {
        await using var server = await TestServer.StartAsync(kind);
        var run = await server.RunAsync();
        static SummaryMetadata Of(string plugin, TfDataClass dataClass) => SummaryMetadata.Of(plugin, dataClass, "shown as");
        var file = await WriteAsync(w =>
        {
            w.WriteHParams("_hparams_/session_start_info", Time, HParamsData.EncodeStart(new HParamsStart([new("lr", 0.001), new("optimizer", "adam"), new("bf16", false)], "", "", "g", Time)));
            for (var i = 0; i < 100; i++) w.WriteScalar("loss", i, Time + i, 1.0 / (i + 3));
            w.WriteScalar("acc", 7, Time, double.NaN);
            w.WriteHistogram("weights", 5, Time, [0, 1, 2, 1, 2, 3], Of(TfPlugins.Histograms, TfDataClass.Tensor));
            w.WriteTexts("note", 5, Time, [], ["größer"], Of(TfPlugins.Text, TfDataClass.Tensor));
            w.Write("image", 5, Time, Tensor.Of([3], "2"u8.ToArray(), "1"u8.ToArray(), [0xFF, 0xD8, 0xFF, 1]), Of(TfPlugins.Images, TfDataClass.BlobSequence));
            w.Write("tone", 5, Time, Tensor.Of([1, 2], [1, 2], "la"u8.ToArray()), Of(TfPlugins.Audio, TfDataClass.BlobSequence));
            w.Write("pr", 5, Time, new Tensor(TfDataType.Float, [6, 2], [.. Enumerable.Range(0, 12).Select(i => i / 4.0)], null), new SummaryMetadata(TfPlugins.PrCurves, [0x10, 2], "", "", TfDataClass.Tensor));
            w.Write("own", 5, Time, new Tensor(TfDataType.Double, [2], [0.1, 0.2], null), new SummaryMetadata("own", [1, 2, 3], "", "what it is", TfDataClass.Tensor));
            w.WriteHParams("_hparams_/session_end_info", Time + 9, HParamsData.EncodeEnd(HParamsStatus.Success, Time + 200));
        }, wide: true);
        await server.SendAsync(run, file);

        var (name, content) = await server.Client.ExportEventsAsync(run, wide: true, default);
        var bytes = new MemoryStream();
        await using (content) await content.CopyToAsync(bytes);
        var again = await server.RunAsync("again");
        var state = await server.SendAsync(again, bytes.ToArray(), name: name);

        Assert.DoesNotContain(state.Notes, n => n.Kind != "step_back"); // the tags come one after the other
        Assert.Equal(await server.PointsAsync(run, "loss"), await server.PointsAsync(again, "loss"));
        Assert.Equal(await server.PointsAsync(run, "acc"), await server.PointsAsync(again, "acc"));
        string Described(IEnumerable<Protocols.V1.MediaSeries> all) => string.Join('\n', all.Where(s => s.Plugin != TfPlugins.HParams).Select(s => $"{s.Kind} {s.Key} {s.DisplayName} {s.Description} {s.Plugin} {Convert.ToBase64String(s.PluginContent ?? [])} {s.FirstStep} {s.LastStep} {s.Count}"));
        var series = await server.Client.MediaAsync(run, default);
        Assert.Equal(Described(series), Described(await server.Client.MediaAsync(again, default)));
        foreach (var one in series.Where(s => s.Plugin != TfPlugins.HParams))
            Assert.Equal(Json(await server.MediaPointsAsync(run, one.Kind, one.Key)), Json(await server.MediaPointsAsync(again, one.Kind, one.Key)));
        var (before, after) = ((await server.Client.GetRunAsync(run, default)).Run, (await server.Client.GetRunAsync(again, default)).Run);
        Assert.Equal(before.Params.OrderBy(p => p.Key), after.Params.OrderBy(p => p.Key));
        Assert.Equal((before.Status, before.EndMs, before.Tags["tensorboard.hparams.group_name"]), (after.Status, after.EndMs, after.Tags["tensorboard.hparams.group_name"]));
    }

    [Fact]
    public async Task Steps_of_a_tag_never_go_back_and_float32_keeps_its_digits()
    {
        await using var server = await TestServer.StartAsync();
        var run = await server.Client.PlainRunAsync("export");
        await server.Client.LogBatchAsync(run.RunId!, [.. Enumerable.Range(0, 200).Select(i => new MlflowMetric { Key = $"m{i % 3}", Value = i / 7.0, Timestamp = 1000 + i, Step = i * 37 % 100 })], [], [], default);

        var (_, content) = await server.Client.ExportEventsAsync(run.RunId!, wide: false, default);
        var sink = new Sink();
        var reading = new EventRun(sink);
        await using (content)
        {
            var reader = new EventFileReader(content, 0);
            while (await reader.FillAsync(default)) ReadAll(reader, reading);
        }

        Assert.Equal(200, sink.Points.Count);
        Assert.All(sink.Points.GroupBy(p => p.Tag), tag => Assert.Equal(tag.Select(p => p.Step).Order(), tag.Select(p => p.Step)));
        Assert.All(sink.Points, p => Assert.Equal((float)p.Value, p.Value));
        Assert.Equal(Enumerable.Range(0, 200).Select(i => (double)(float)(i / 7.0)).Order(), sink.Points.Select(p => p.Value).Order());
    }

    private static void ReadAll(EventFileReader reader, EventRun reading)
    {
        while (reader.Next(out var record) == EventRecordStatus.Record) reading.Read(record, reader.Position);
    }

    private static string Json<T>(T value) => System.Text.Json.JsonSerializer.Serialize(value, Client.PilothouseClient.Json);

    private sealed class Sink : IEventSink
    {
        public List<(string Tag, long Step, double Value)> Points { get; } = [];

        public void Scalar(EventTag tag, long step, double wallTime, double value) => Points.Add((tag.Name, step, value));

        public void Tag(EventTag tag)
        {
        }

        public void Value(EventTag tag, long step, double wallTime, in EventValue value) => throw new InvalidOperationException("only scalars");

        public void HParams(string tag, double wallTime, ReadOnlySpan<byte> content)
        {
        }

        public void Restart(EventRestart kind, long step, double wallTime) => throw new InvalidOperationException($"step {step} goes back");

        public void Skipped(TfEventKind kind)
        {
        }

        public void Fault(EventFault fault) => throw new InvalidOperationException(fault.Message);
    }
}
