using System.Text;
using CsCheck;
using Pilothouse.Protocols.TensorBoard;

namespace Pilothouse.Protocols.Tests.TensorBoard;

public sealed class EventFileWriterTests
{
    private static readonly Gen<(string Tag, int Step, double Time, double Value)> Points =
        Gen.Select(Gen.OneOf(Gen.String, Gen.Const("loss")), Gen.Int, Gen.Double, Gen.OneOf(Gen.Double, Gen.Double.Special));

    [Fact]
    public void Scalars_read_back_exactly_when_written_wide_and_as_float32_when_not() =>
        Points.Array[0, 20].Sample(points =>
        {
            foreach (var wide in (bool[])[true, false])
            {
                var stream = new MemoryStream();
                var writer = new EventFileWriter(stream, wide);
                writer.WriteVersion(1);
                foreach (var p in points) writer.WriteScalar(p.Tag, p.Step, p.Time, p.Value);
                var flush = writer.FlushAsync(default);
                Assert.True(flush.IsCompletedSuccessfully); // into memory
                stream.Position = 0;
                var run = new CollectedRun(Purge.Nothing);
                run.Read(new EventFileReader(stream, 0));

                Assert.Empty(run.Faults);
                foreach (var tag in points.GroupBy(p => Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(p.Tag)), StringComparer.Ordinal)) // a lone surrogate becomes U+FFFD
                    Assert.Equal(tag.Select(p => ((long)p.Step, p.Time, wide ? p.Value : (float)p.Value)), run.Points[tag.Key].Select(p => (p.Step, p.WallTime, p.Number!.Value)));
            }
        }, iter: 300);

    [Fact]
    public async Task Everything_reads_back_with_its_metadata()
    {
        var run = new CollectedRun(Purge.Nothing);
        run.Read(new EventFileReader(new MemoryStream(await SampleFiles.EverythingAsync()), 0));

        Assert.Empty(run.Faults);
        Assert.Equal((2.0, "pilothouse", SampleFiles.Time), (run.Run.FileVersion, run.Run.SourceWriter, run.Run.FirstWallTime));
        Assert.Equal([0.5, 1.0 / 3], run.Points["loss"].Select(p => p.Number!.Value));
        Assert.Equal([0, 1, 3, 1, 2, 4], run.Points["weights"][0].Tensor!.Numbers!);
        Assert.Equal(["a", "b", "c", "größer"], run.Points["note"][0].Tensor!.Strings!.Select(Encoding.UTF8.GetString));
        Assert.Equal([1.0, 2, 3], run.Points["mesh"][0].Tensor!.Numbers!);
        Assert.Equal("loss.*", CustomScalarsLayout.Parse(run.Points[CustomScalarsLayout.Tag][0].Tensor!.Strings![0]).Categories[0].Charts[0].Tags![0]);
        // The empty first bucket goes, the outermost edges become minimum and maximum.
        Assert.Equal([0.75, 1.5, 1, 1.5, 9, 2], run.Points["old/weights"][0].Tensor!.Numbers!);
        Assert.Equal(["3", "4"], run.Points["old/image"][0].Tensor!.Strings!.Take(2).Select(Encoding.UTF8.GetString));
        Assert.Equal(0.25, run.Points["old/loss"][0].Number);
        Assert.Contains((EventRestart.SessionStart, 5L), run.Restarts); // the second START
        Assert.Single(run.Restarts, r => r.Kind == EventRestart.SessionStart);
        Assert.Equal(1, run.SkippedEvents[TfEventKind.LogMessage]);
    }

    [Fact]
    public async Task HParams_read_back()
    {
        var run = new CollectedRun(Purge.Nothing);
        run.Read(new EventFileReader(new MemoryStream(await SampleFiles.EverythingAsync()), 0));

        var start = HParamsData.Parse(run.HParamsContents[0].Content).Start!;
        Assert.Equal(("m", "u", "g"), (start.ModelUri, start.MonitorUrl, start.GroupName));
        Assert.Equal(["lr=0.1", "optimizer=adam", "bf16=True", "none=None"], start.HParams.Select(p => $"{p.Key}={HParamsData.TextOf(p.Value)}"));
        Assert.Equal((HParamsStatus.Success, SampleFiles.Time), HParamsData.Parse(run.HParamsContents[1].Content).End);
    }

    [Theory]
    [InlineData(0.001, "0.001")]
    [InlineData(32.0, "32")]
    [InlineData(1e-5, "1e-05")]
    [InlineData(-2.5, "-2.5")]
    [InlineData(1e300, "1e+300")]
    public void Numbers_become_params_as_people_write_them(double value, string text) => Assert.Equal(text, HParamsData.TextOf(value));
}
