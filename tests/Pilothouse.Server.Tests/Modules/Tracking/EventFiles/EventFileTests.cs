using System.Text;
using Pilothouse.Client;
using Pilothouse.Protocols.TensorBoard;
using Pilothouse.Protocols.V1;
using Pilothouse.Testing;
using static Pilothouse.Server.Tests.Modules.Tracking.EventFiles.EventFileFixture;

namespace Pilothouse.Server.Tests.Modules.Tracking.EventFiles;

public class EventFileTests
{
    [Theory, DatabaseData]
    public async Task A_growing_file_is_read_on_record_by_record_whatever_the_cuts(string kind)
    {
        await using var server = await TestServer.StartAsync(kind);
        var run = await server.RunAsync();
        // Metadata stands with the first value only: what follows is understood because the server remembers it.
        var file = await WriteAsync(w =>
        {
            for (var i = 0; i < 30; i++)
            {
                w.WriteScalar("loss", i, Time + i, i / 4.0);
                w.WriteHistogram("weights", i, Time + i, [0, 1, i], SummaryMetadata.Of(TfPlugins.Histograms, TfDataClass.Tensor));
            }
        });

        var position = 0L;
        for (var end = 1; position < file.Length; end = Math.Min(file.Length, end + 97))
        {
            var state = await server.SendAsync(run, file, (int)position, end);
            Assert.InRange(state.Position, position, end);
            position = state.Position;
        }

        Assert.Equal(Enumerable.Range(0, 30).Select(i => ((long)i, (long)(Time + i) * 1000, i / 4.0)), await server.PointsAsync(run, "loss"));
        Assert.Equal(Enumerable.Range(0, 30).Select(i => (double)i), (await server.MediaPointsAsync(run, "histogram", "weights")).Select(p => p.Histogram![0][2]));
        var files = await server.Client.EventFilesAsync(run, default);
        Assert.Equal((file.Length, 61L, 30L, 30L, 0L), (Assert.Single(files.Files).Position, files.Files[0].Events, files.Files[0].Points, files.Files[0].Media, files.Files[0].NotesTotal));
        Assert.Equal(((long)Time * 1000, (long)(Time + 29) * 1000), (files.FirstMs, files.LastMs));
    }

    [Theory, DatabaseData]
    public async Task Bytes_that_do_not_fit_are_not_read_and_two_senders_make_no_point_twice(string kind)
    {
        await using var server = await TestServer.StartAsync(kind);
        var run = await server.RunAsync();
        var file = await WriteAsync(w => { for (var i = 0; i < 1000; i++) w.WriteScalar("loss", i, Time + i, i); });

        Assert.Equal(0, (await server.SendAsync(run, file, offset: 64)).Position);
        var states = await Task.WhenAll(Enumerable.Range(0, 6).Select(_ => server.SendAsync(run, file)));

        Assert.All(states, s => Assert.Equal(file.Length, s.Position));
        Assert.Equal(1000, (await server.PointsAsync(run, "loss")).Count);
        Assert.Equal(1000, (await server.Client.EventFilesAsync(run, default)).Files[0].Points);
    }

    [Fact]
    public async Task Another_file_of_the_same_name_is_read_from_its_beginning_and_the_old_one_stays()
    {
        await using var server = await TestServer.StartAsync();
        var run = await server.RunAsync();
        await server.SendAsync(run, await WriteAsync(w => w.WriteScalar("loss", 1, Time, 1)));
        var other = await WriteAsync(w => w.WriteScalar("loss", 2, Time + 1, 2));
        other = [.. Header(other, Time + 5)];

        var told = await server.SendAsync(run, other, offset: other.Length);
        await server.SendAsync(run, other, (int)told.Position);

        Assert.Equal(0, told.Position);
        Assert.Equal([1, 2], (await server.PointsAsync(run, "loss")).Select(p => p.Value));
        var files = (await server.Client.EventFilesAsync(run, default)).Files;
        Assert.Equal(2, files.Count);
        Assert.Equal("replaced", Assert.Single(files[0].Notes).Kind);
        Assert.StartsWith(Name + " (replaced ", files[1].Name, StringComparison.Ordinal);
    }

    [Theory, DatabaseData]
    public async Task Hyperparameters_become_params_and_the_trials_end_the_runs_status(string kind)
    {
        await using var server = await TestServer.StartAsync(kind);
        var run = await server.RunAsync();
        var file = await WriteAsync(w =>
        {
            w.WriteHParams("_hparams_/session_start_info", Time, HParamsData.EncodeStart(new HParamsStart([new("lr", 0.001), new("layers", 2.0), new("optimizer", "adam"), new("bf16", true)], "models:/m/1", "", "group", Time)));
            w.WriteScalar("loss", 1, Time, 0.5);
            w.WriteHParams("_hparams_/session_end_info", Time + 9, HParamsData.EncodeEnd(HParamsStatus.Failure, Time + 9.125));
        });
        await server.SendAsync(run, file);
        // The same trial again with another value: a param is written once.
        var second = await WriteAsync(w => w.WriteHParams("_hparams_/session_start_info", Time, HParamsData.EncodeStart(new HParamsStart([new("lr", 0.1), new("seed", 1.0)], "", "", "", Time))));
        var state = await server.SendAsync(run, second, name: Name + ".2");

        var read = (await server.Client.GetRunAsync(run, default)).Run;
        Assert.Equal(("FAILED", (long)(Time * 1000) + 9125), (read.Status, read.EndMs));
        Assert.Equal(new() { ["lr"] = "0.001", ["layers"] = "2", ["optimizer"] = "adam", ["bf16"] = "True", ["seed"] = "1" }, read.Params.ToDictionary());
        Assert.Equal(("group", "models:/m/1"), (read.Tags["tensorboard.hparams.group_name"], read.Tags["tensorboard.hparams.model_uri"]));
        Assert.Equal(1, state.NotesTotal);
        Assert.Equal("param", (await server.Client.EventFilesAsync(run, default)).Files[1].Notes[0].Kind);
    }

    [Theory, DatabaseData]
    public async Task Everything_that_is_no_number_is_shown_by_its_kind(string kind)
    {
        await using var server = await TestServer.StartAsync(kind);
        var run = await server.RunAsync();
        byte[] png = [0x89, (byte)'P', (byte)'N', (byte)'G', 0x0D, 0x0A, 0x1A, 0x0A, 1, 2, 3];
        static SummaryMetadata Of(string plugin, TfDataClass dataClass) => SummaryMetadata.Of(plugin, dataClass);
        var file = await WriteAsync(w =>
        {
            w.WriteTexts("note", 3, Time, [2, 1], ["**a**", "größer \0"], Of(TfPlugins.Text, TfDataClass.Tensor));
            w.Write("image", 3, Time, Tensor.Of([4], "20"u8.ToArray(), "10"u8.ToArray(), png, [1]), Of(TfPlugins.Images, TfDataClass.BlobSequence));
            w.Write("tone", 3, Time, Tensor.Of([1, 2], Encoding.ASCII.GetBytes("RIFF____WAVE"), "la"u8.ToArray()), Of(TfPlugins.Audio, TfDataClass.BlobSequence));
            w.Write("pr", 3, Time, new Tensor(TfDataType.Float, [6, 2], [.. Enumerable.Range(0, 12).Select(i => (double)i)], null), Of(TfPlugins.PrCurves, TfDataClass.Tensor));
            w.Write("mesh", 3, Time, new Tensor(TfDataType.Float, [1, 2], [7, 8], null), Of(TfPlugins.Mesh, TfDataClass.Tensor));
            w.Write("odd", 3, Time, new Tensor(TfDataType.Float, [2], [1, 2], null), Of(TfPlugins.Histograms, TfDataClass.Tensor));
            w.Write("huge", 3, Time, new Tensor(TfDataType.Float, [20_000], new double[20_000], null), Of("own", TfDataClass.Tensor));
        });

        var state = await server.SendAsync(run, file);

        Assert.Equal((0L, 7L), (state.Points, state.Media));
        Assert.Equal("value", Assert.Single(state.Notes).Kind); // 'odd' is no [k, 3]
        var text = (await server.MediaPointsAsync(run, "text", "note"))[0].Text!;
        Assert.Equal(([2L, 1], ["**a**", "größer \0"]), (text.Shape, text.Values), (a, b) => a.Item1.SequenceEqual(b.Item1) && a.Item2.SequenceEqual(b.Item2));
        var image = (await server.MediaPointsAsync(run, "image", "image"))[0].Image!;
        Assert.Equal((20, 10, "image/png", "application/octet-stream"), (image.Width, image.Height, image.Items[0].Mime, image.Items[1].Mime));
        Assert.Equal(png, await server.Http.GetByteArrayAsync(image.Items[0].Url));
        Assert.Equal(("audio/wav", "la"), ((await server.MediaPointsAsync(run, "audio", "tone"))[0].Audio!.Items[0] is var clip ? (clip.Mime, clip.Label) : default));
        var curve = (await server.MediaPointsAsync(run, "pr_curve", "pr"))[0].PrCurve!;
        Assert.Equal(([0, 1], [10, 11]), ((double[])[.. curve.Tp], (double[])[.. curve.Recall]), (a, b) => a.Item1.SequenceEqual(b.Item1) && a.Item2.SequenceEqual(b.Item2));
        Assert.Equal([7, 8], (await server.MediaPointsAsync(run, "tensor", "mesh"))[0].Tensor!.Values!);
        Assert.Equal([1, 2], (await server.MediaPointsAsync(run, "tensor", "odd"))[0].Tensor!.Values!);
        var huge = (await server.MediaPointsAsync(run, "tensor", "huge"))[0].Tensor!;
        Assert.Null(huge.Values);
        Assert.Equal(20_000, Tensor.Decode(await server.Http.GetByteArrayAsync(huge.Url)).Numbers!.Length);
    }

    [Theory, DatabaseData]
    public async Task A_picture_that_is_shown_is_no_garbage_until_its_run_is_purged(string kind)
    {
        await using var server = await TestServer.StartAsync(kind);
        var run = await server.RunAsync();
        byte[] picture = [0xFF, 0xD8, 0xFF, 7, 7, 7];
        await server.SendAsync(run, await WriteAsync(w => w.Write("image", 3, Time, Tensor.Of([3], "2"u8.ToArray(), "1"u8.ToArray(), picture), SummaryMetadata.Of(TfPlugins.Images, TfDataClass.BlobSequence))));
        var url = (await server.MediaPointsAsync(run, "image", "image"))[0].Image!.Items[0].Url;
        // The same bytes were an artifact too, and that is deleted.
        var other = await server.Client.PlainRunAsync("artifacts");
        await server.Client.UploadArtifactAsync(other.ArtifactUri!, "same.jpg", new MemoryStream(picture), default);
        using (await server.Http.DeleteAsync($"api/2.0/mlflow-artifacts/artifacts/{other.ArtifactUri!["mlflow-artifacts:/".Length..]}/same.jpg")) { }

        await server.Client.CollectGarbageAsync(new GarbageRequest { DryRun = false, OlderThanSeconds = 0, GraceSeconds = 0 }, default);
        Assert.Equal(picture, await server.Http.GetByteArrayAsync(url));

        await server.Client.PlainRunAsync("artifacts"); // the newest row of the runs stays
        using (await server.Http.PostAsync("api/2.0/mlflow/runs/delete", new StringContent($$"""{"run_id": "{{run}}"}""", Encoding.UTF8, "application/json"))) { }
        await server.Client.CollectGarbageAsync(new GarbageRequest { DryRun = false, OlderThanSeconds = 0, GraceSeconds = 0 }, default);
        using var gone = await server.Http.GetAsync(url);
        Assert.Equal(System.Net.HttpStatusCode.NotFound, gone.StatusCode);
        Assert.True((await server.Client.EnsureEventRunAsync(new NewEventRun("tensorboard", "/logs", "run", "run", 0), default)).Created);
    }

    [Theory, DatabaseData]
    public async Task Odd_names_values_and_times_are_stored_and_told(string kind)
    {
        await using var server = await TestServer.StartAsync(kind);
        var run = await server.RunAsync();
        // Of many different characters: PostgreSQL compresses before it finds a text too long for an index.
        var longTag = string.Concat(Enumerable.Range(0, 4000).Select(i => (char)(0x4E00 + i * 7919 % 20_000)));
        var file = await WriteAsync(w =>
        {
            w.WriteScalar("", 1, Time, 1);
            w.WriteScalar("nul\0tag", 1, Time, 2);
            w.WriteScalar(longTag, 1, Time, 3);
            w.WriteScalar(longTag + "b", 1, Time, 4);
            w.WriteScalar("../../etc/passwd", 1, double.NaN, 5);
            w.WriteScalar("special", 1, Time, double.NaN);
            w.WriteScalar("special", 2, Time, double.PositiveInfinity);
            w.WriteScalar("special", long.MinValue, -1.5, double.NegativeInfinity);
        });

        var state = await server.SendAsync(run, file);

        Assert.Equal((8L, 4, 1), (state.Points, state.Notes.Count(n => n.Kind == "renamed"), state.Notes.Count(n => n.Kind == "time")));
        var metrics = (await server.Client.GetRunAsync(run, default)).LatestMetrics.ToDictionary(m => m.Key, m => m.Value);
        Assert.Equal(6, metrics.Count);
        Assert.Equal(5, metrics["../../etc/passwd"]);
        Assert.Equal(1, metrics["(no tag)"]);
        Assert.Equal([(long.MinValue, -1500, double.MinValue), (1, (long)Time * 1000, double.NaN), (2, (long)Time * 1000, double.MaxValue)], (await server.PointsAsync(run, "special")).OrderBy(p => p.Step));
    }

    [Fact]
    public async Task Bad_calls_are_refused_by_name()
    {
        await using var server = await TestServer.StartAsync();
        var run = await server.RunAsync();
        var file = await WriteAsync(w => w.WriteScalar("loss", 1, Time, 1));
        async Task<PilothouseApiException> Refused(Func<Task> call) => await Assert.ThrowsAsync<PilothouseApiException>(call);

        Assert.Equal("INVALID_ARGUMENT", (await Refused(() => server.SendAsync(run, file, name: "notes.txt"))).Code);
        Assert.Equal("INVALID_ARGUMENT", (await Refused(() => server.SendAsync(run, file, name: "tfevents/notes.txt"))).Code);
        Assert.Equal("NOT_FOUND", (await Refused(() => server.SendAsync("nobody", file))).Code);
        Assert.Equal("INVALID_ARGUMENT", (await Refused(() => server.Client.EnsureEventRunAsync(new NewEventRun("", "s", "p", "n", 0), default))).Code);
        Assert.Equal("INVALID_ARGUMENT", (await Refused(() => server.Client.EnsureEventRunAsync(new NewEventRun("e", "s", new string('p', 2000), "n", 0), default))).Code);
        using var head = await server.Http.PostAsync($"api/v1/runs/{run}/tfevents?name={Name}&head=***", new ByteArrayContent(file));
        Assert.Equal(System.Net.HttpStatusCode.BadRequest, head.StatusCode);
        Assert.Empty((await server.Client.EventFilesAsync(run, default)).Files);

        using (await server.Http.PostAsync("api/2.0/mlflow/runs/delete", new StringContent($$"""{"run_id": "{{run}}"}""", Encoding.UTF8, "application/json"))) { }
        Assert.True((await server.Client.EnsureEventRunAsync(new NewEventRun("tensorboard", "/logs", "run", "run", 0), default)).Deleted);
        Assert.Equal("INVALID_ARGUMENT", (await Refused(() => server.SendAsync(run, file))).Code);
    }

    /// <summary>The same file with another time in its version record.</summary>
    private static byte[] Header(byte[] file, double time)
    {
        var length = BitConverter.ToInt32(file, 0);
        BitConverter.TryWriteBytes(file.AsSpan(13), time); // field 1 of the event
        BitConverter.TryWriteBytes(file.AsSpan(12 + length), Crc32C.Masked(file.AsSpan(12, length)));
        return file;
    }
}
