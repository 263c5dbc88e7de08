using CsCheck;
using Pilothouse.Protocols.Mlflow;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Tracking;
using Pilothouse.Server.Platform;
using Pilothouse.Testing;

namespace Pilothouse.Server.Tests.Modules.Tracking;

/// <summary>A chart of a long series is drawn from the index: it must show what the points would have shown.</summary>
public class SeriesIndexTests
{
    private const int Long = 40 * SeriesChunk.Size + 300;

    [Theory, DatabaseData]
    public async Task The_indexed_series_keeps_ends_extremes_and_the_number_of_points(string kind)
    {
        await using var tracking = await TrackingFixture.CreateAsync(kind);
        var (run, number, key) = await LogAsync(tracking, Long, step => step == 12_345 ? 99 : step == 23_456 ? -99 : Math.Sin(step));

        var before = await ReadAsync(tracking, run);
        await IndexAsync(tracking, number, key);
        var after = await ReadAsync(tracking, run);

        Assert.True(after.Steps.Count <= 500);
        foreach (var series in new[] { before, after })
        {
            Assert.Equal(Long, series.TotalPoints);
            Assert.Equal((0L, (long)Long - 1), (series.Steps[0], series.Steps[^1]));
            Assert.Equal(99, series.Values[series.Steps.ToList().IndexOf(12_345)]);
            Assert.Equal(-99, series.Values[series.Steps.ToList().IndexOf(23_456)]);
        }
    }

    [Theory, DatabaseData]
    public async Task A_late_point_is_seen_though_its_place_was_indexed(string kind)
    {
        await using var tracking = await TrackingFixture.CreateAsync(kind);
        var (run, number, key) = await LogAsync(tracking, Long, _ => 1);
        await IndexAsync(tracking, number, key);

        await tracking.Runs.LogMetricAsync(run, "loss", new MlflowPoint(0, 5_000, 5_000, 77), null, default);

        Assert.Contains(77, (await ReadAsync(tracking, run)).Values);
        await IndexAsync(tracking, number, key);
        var again = await ReadAsync(tracking, run);
        Assert.Contains(77, again.Values);
        Assert.Equal(Long + 1, again.TotalPoints);
    }

    [Theory, DatabaseData]
    public async Task A_range_of_few_steps_shows_every_point_of_it(string kind)
    {
        await using var tracking = await TrackingFixture.CreateAsync(kind);
        var (run, number, key) = await LogAsync(tracking, Long, step => step);
        await IndexAsync(tracking, number, key);

        var series = (await tracking.Series.ReadAsync([run], "loss", 500, 2_000, 2_300, default))[0];

        Assert.Equal(Enumerable.Range(2_000, 301).Select(i => (long)i), series.Steps);
        Assert.Equal(301, series.TotalPoints);
    }

    [Theory, DatabaseData]
    public async Task Points_of_one_millisecond_are_counted_once(string kind)
    {
        await using var tracking = await TrackingFixture.CreateAsync(kind);
        var (run, number, key) = await LogAsync(tracking, Long, step => step, step => step / 3000);
        await IndexAsync(tracking, number, key);

        var series = (await tracking.Series.ReadAsync([run], "loss", 20_000, 1_000, 9_999, default))[0];

        Assert.Equal(Enumerable.Range(1_000, 9_000).Select(i => (long)i), series.Steps);
    }

    [Fact]
    public async Task Runs_that_do_not_exist_and_empty_ranges_are_refused_by_name()
    {
        await using var tracking = await TrackingFixture.CreateAsync("sqlite");
        var run = await tracking.CreateRunAsync();

        Assert.Contains("nowhere", (await Assert.ThrowsAsync<PilothouseException>(() => tracking.Series.ReadAsync([run, "nowhere"], "loss", 10, null, null, default))).Message, StringComparison.Ordinal);
        Assert.Contains("from 5 to 4", (await Assert.ThrowsAsync<PilothouseException>(() => tracking.Series.ReadAsync([run], "loss", 10, 5, 4, default))).Message, StringComparison.Ordinal);
        Assert.Empty((await tracking.Series.ReadAsync([run], "never logged", 10, null, null, default))[0].Values);
    }

    [Fact]
    public void Chunks_survive_encoding_and_span_their_points() =>
        Gen.Select(Gen.Long[-1000, 1000], Gen.Long[0, 100_000], Gen.OneOf(Gen.Double[-9, 9], Gen.Const(double.NaN)), (step, time, value) => new SeriesPoint(step, time, value)).List[1, 3000].Sample(points =>
        {
            var chunker = new SeriesChunker();
            foreach (var point in points) chunker.Add(point);

            var chunks = SeriesChunk.Decode(SeriesChunk.Encode([.. chunker.All])).ToList();

            Assert.Equal(chunker.All, chunks);
            Assert.Equal(points.Count, chunks.Sum(c => c.Count));
            Assert.Equal(points.Min(p => p.Step), chunks.Min(c => c.MinStep));
            var numbers = points.Where(p => !double.IsNaN(p.Value)).ToList();
            if (numbers.Count > 0)
            {
                Assert.Equal(numbers.Max(p => p.Value), chunks.Where(c => !double.IsNaN(c.High.Value)).Max(c => c.High.Value));
                Assert.Equal(numbers.Min(p => p.Value), chunks.Where(c => !double.IsNaN(c.Low.Value)).Min(c => c.Low.Value));
            }
        });

    [Fact]
    public void A_frame_reads_back_and_a_cut_one_is_refused() =>
        Gen.Select(Gen.Long[0, 1L << 50], Gen.Double, (step, value) => (step, value)).List[0, 50].Sample(points =>
        {
            var series = new MetricSeries("r", "k", 7, [.. points.Select(p => p.step)], [.. points.Select(p => p.step)], [.. points.Select(p => p.value)]);
            var bytes = SeriesFrame.Write([series, series]);

            var read = SeriesFrame.Read(bytes, ["r", "r"], "k");

            Assert.Equal(series.Steps, read[1].Steps);
            Assert.Equal(series.Values, read[1].Values);
            Assert.Throws<Pilothouse.Protocols.ProtocolFormatException>(() => SeriesFrame.Read(bytes.AsSpan(0, bytes.Length - 1), ["r", "r"], "k"));
        });

    private static async Task<(string Run, long Number, long Key)> LogAsync(TrackingFixture tracking, int count, Func<long, double> value, Func<long, long>? time = null)
    {
        var run = await tracking.CreateRunAsync();
        foreach (var steps in Enumerable.Range(0, count).Chunk(1000))
            await tracking.Runs.LogBatchAsync(new MlflowBatch(run, ["loss"], [.. steps.Select(s => new MlflowPoint(0, time?.Invoke(s) ?? s, s, value(s)))], [], []), default);
        return (run, (await tracking.RunStore.GetAsync(run, default)).Num, tracking.Metrics.IdOf("loss")!.Value);
    }

    private static async Task IndexAsync(TrackingFixture tracking, long run, long key)
    {
        while (await tracking.Index.ExtendAsync(run, key, default)) { }
    }

    private static async Task<MetricSeries> ReadAsync(TrackingFixture tracking, string run) => (await tracking.Series.ReadAsync([run], "loss", 500, null, null, default))[0];
}
