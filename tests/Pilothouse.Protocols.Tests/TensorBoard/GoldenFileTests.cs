using System.Globalization;
using System.IO.Compression;
using System.Text;
using System.Text.Json;
using Pilothouse.Protocols.TensorBoard;

namespace Pilothouse.Protocols.Tests.TensorBoard;

/// <summary>Event files written by TensorBoard's and tensorboardX's writers, with what TensorBoard's own reader finds in them.</summary>
public sealed class GoldenFileTests
{
    /// <summary>TensorBoard stops at damage; Pilothouse goes on behind it. These have tests of their own.</summary>
    private static readonly string[] Damaged = ["bad-data-crc", "hostile"];

    public static TheoryData<string> Cases()
    {
        var folder = Path.GetFullPath(Path.Combine(TestPaths.RepositoryRoot, "..", "shared", "golden", "tensorboard"));
        return Directory.Exists(folder) ? [.. Directory.GetDirectories(folder).Select(d => Path.GetFileName(d)!).Except(Damaged).Order(StringComparer.Ordinal)] : ["none"];
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Every_case_reads_as_in_TensorBoard(string name)
    {
        var (folder, expected) = Load(name);
        var runs = expected.GetProperty("runs");
        Assert.Equal(runs.EnumerateObject().Select(r => r.Name).Order(StringComparer.Ordinal), RunsBelow(folder));
        Compare(folder, runs, Purge.Orphans);
        if (expected.TryGetProperty("without_purge", out var all)) Compare(folder, all.GetProperty("runs"), Purge.Nothing);
        if (expected.TryGetProperty("with_preemption", out var preempted)) ComparePreempted(folder, preempted);
    }

    [Fact]
    public void A_growing_file_is_read_on_from_where_it_ended()
    {
        var (folder, expected) = Load("growing-file");
        var bytes = File.ReadAllBytes(Directory.GetFiles(folder, "*tfevents*", SearchOption.AllDirectories).Single());
        var run = new CollectedRun(Purge.Nothing);
        var position = 0L;
        foreach (var stage in expected.GetProperty("stages").EnumerateArray())
        {
            var size = stage.GetProperty("bytes").GetInt32();
            // A reader of its own each time: only the position is remembered, as over restarts of the importer.
            var reader = new EventFileReader(new MemoryStream(bytes, (int)position, size - (int)position), position);
            Assert.False(run.Read(reader));
            position = reader.Position;
            foreach (var tag in stage.GetProperty("points").EnumerateObject())
                Assert.Equal(Numbers(tag.Value.GetProperty("values")), run.Points[tag.Name].Select(p => p.Number!.Value));
        }
        Assert.Equal(bytes.Length, position);
        Assert.Empty(run.Faults);
    }

    [Fact]
    public void A_record_with_a_bad_data_checksum_is_skipped_and_named_and_the_rest_is_read()
    {
        var (folder, expected) = Load("bad-data-crc");
        foreach (var damage in expected.GetProperty("damage").EnumerateObject())
        {
            var run = CollectedRun.ReadDirectory(Path.Combine(folder, damage.Name), Purge.Nothing);
            var lost = damage.Value.GetProperty("record").GetInt32() - 1; // record 0 is the version

            var fault = Assert.Single(run.Faults);
            Assert.Equal((EventFaultKind.DataChecksum, damage.Value.GetProperty("offset").GetInt64(), false), (fault.Kind, fault.Offset, fault.EndsFile));
            Assert.Equal(Enumerable.Range(0, 12).Where(i => i != lost).Select(i => (double)i), run.Points["loss"].Select(p => (double)p.Step));
            Assert.Equal(run.Points["loss"].Select(p => 12.25 - p.Step), run.Points["loss"].Select(p => p.Number!.Value));
            Assert.Equal(11, run.Points["legacy"].Count);
        }
    }

    [Fact]
    public void A_bad_length_checksum_ends_the_file_with_a_named_error()
    {
        var (folder, expected) = Load("bad-length-crc");
        foreach (var damage in expected.GetProperty("damage").EnumerateObject())
        {
            var run = CollectedRun.ReadDirectory(Path.Combine(folder, damage.Name), Purge.Nothing);

            var fault = Assert.Single(run.Faults);
            Assert.Equal((EventFaultKind.LengthChecksum, damage.Value.GetProperty("offset").GetInt64(), true), (fault.Kind, fault.Offset, fault.EndsFile));
        }
    }

    [Theory]
    [InlineData("length_2_63", EventFaultKind.ImpossibleLength, 4)]
    [InlineData("not_protobuf", EventFaultKind.NotAnEvent, 7)]
    [InlineData("nested_too_long", EventFaultKind.NotAnEvent, 7)]
    [InlineData("invalid_utf8_tag", EventFaultKind.NotAnEvent, 7)]
    [InlineData("text_file", EventFaultKind.LengthChecksum, 0)]
    public void Hostile_contents_are_named_and_what_is_readable_is_read(string runName, EventFaultKind kind, int points)
    {
        var (folder, expected) = Load("hostile");
        var before = GC.GetAllocatedBytesForCurrentThread();
        var run = CollectedRun.ReadDirectory(Path.Combine(folder, runName), Purge.Nothing);
        Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < 4 * 1024 * 1024, "A claimed length was allocated.");

        Assert.Equal(kind, Assert.Single(run.Faults).Kind);
        Assert.Equal(points, run.Points.GetValueOrDefault("loss", []).Count);
        // At least what TensorBoard had read when it gave up.
        if (expected.GetProperty("runs").GetProperty(runName).GetProperty("points_read").TryGetProperty("loss", out var loss))
            Assert.Equal(Numbers(loss.GetProperty("values")), run.Points["loss"].Take(4).Select(p => p.Number!.Value));
    }

    private static void Compare(string folder, JsonElement runs, Purge purge)
    {
        foreach (var run in runs.EnumerateObject())
        {
            var read = CollectedRun.ReadDirectory(Path.Combine(folder, run.Name), purge);
            Same(run.Name, run.Value.GetProperty("file_version"), read.Run.FileVersion);
            Same(run.Name, run.Value.GetProperty("first_event_wall_time"), read.Run.FirstWallTime);
            Assert.Equal(run.Value.GetProperty("source_writer").GetString(), read.Run.SourceWriter);
            var tags = run.Value.GetProperty("tags");
            Assert.Equal(tags.EnumerateObject().Select(t => t.Name).Order(StringComparer.Ordinal), read.Points.Keys);
            foreach (var tag in tags.EnumerateObject()) CompareTag($"{run.Name} {tag.Name}", tag.Value, read.Points[tag.Name], read.Run.Tags.Single(t => t.Name == tag.Name));
        }
    }

    private static void CompareTag(string where, JsonElement expected, List<CollectedRun.Point> points, EventTag tag)
    {
        var metadata = tag.Metadata ?? SummaryMetadata.Of("", TfDataClass.Unknown);
        Assert.Equal((where, expected.GetProperty("plugin_name").GetString(), expected.GetProperty("plugin_content_base64").GetString()), (where, metadata.Plugin, Convert.ToBase64String(metadata.Content)));
        Assert.Equal((where, expected.GetProperty("display_name").GetString(), expected.GetProperty("description").GetString()), (where, metadata.DisplayName, metadata.Description));
        Assert.Equal(expected.GetProperty("data_class").GetString()!.Replace("DATA_CLASS_", "", StringComparison.Ordinal).Replace("_", "", StringComparison.Ordinal), metadata.DataClass.ToString().ToUpperInvariant());
        Assert.Equal(expected.GetProperty("steps").EnumerateArray().Select(s => s.GetInt64()), points.Select(p => p.Step));
        Assert.Equal(Numbers(expected.GetProperty("wall_times")), points.Select(p => p.WallTime));
        if (metadata.Plugin == TfPlugins.HParams) CompareHParams(expected.GetProperty("plugin_content_decoded"), HParamsData.Parse(metadata.Content));
        if (expected.TryGetProperty("layout", out var layout)) CompareLayout(layout, CustomScalarsLayout.Parse(points[0].Tensor!.Strings![0]));
        if (expected.TryGetProperty("values", out var values)) Assert.Equal(Numbers(values), points.Select(p => p.Number ?? p.Tensor!.Numbers!.Single()));
        else foreach (var (tensor, point) in expected.GetProperty("tensors").EnumerateArray().Zip(points)) CompareTensor(where, tensor, point, tag);
    }

    private static void CompareTensor(string where, JsonElement expected, CollectedRun.Point point, EventTag tag)
    {
        if (expected.TryGetProperty("error", out _)) return; // TensorBoard cannot decode it; where Pilothouse can, TensorTests say what it finds
        Assert.True(point.Tensor is not null || point.Number is not null, where);
        var tensor = point.Tensor ?? new Tensor(TfDataType.Float, [], [point.Number!.Value], null);
        // TensorBoard drops the labels of audio on reading.
        if (tag.Plugin == TfPlugins.Audio && tensor.Shape.Count == 2) tensor = Tensor.Of([tensor.Shape[0]], [.. tensor.Strings!.Where((_, i) => i % 2 == 0)]);
        Assert.Equal((where, expected.GetProperty("dtype").GetString()), (where, tensor.Type.NameOf()));
        Assert.Equal(expected.GetProperty("shape").EnumerateArray().Select(s => s.GetInt64()), tensor.Shape);
        if (expected.TryGetProperty("values_base64", out var bytes)) Assert.Equal(bytes.EnumerateArray().Select(b => b.GetString()), tensor.Strings!.Select(Convert.ToBase64String));
        else if (tensor.Strings is { } texts) Assert.Equal(expected.GetProperty("values").EnumerateArray().Select(v => v.GetString()), texts.Select(Encoding.UTF8.GetString));
        else Assert.Equal(Numbers(expected.GetProperty("values")), tensor.Numbers!);
    }

    private static void CompareHParams(JsonElement expected, HParamsData found)
    {
        Assert.Equal(expected.TryGetProperty("experiment", out _), found.IsExperiment);
        Assert.Equal(expected.TryGetProperty("session_start_info", out var start), found.Start is not null);
        Assert.Equal(expected.TryGetProperty("session_end_info", out var end), found.End is not null);
        if (found.Start is { } begun)
        {
            string Text(string name) => start.TryGetProperty(name, out var value) ? value.GetString()! : "";
            Assert.Equal((Text("group_name"), Text("model_uri"), Text("monitor_url")), (begun.GroupName, begun.ModelUri, begun.MonitorUrl));
            Assert.Equal(start.TryGetProperty("start_time_secs", out var seconds) ? seconds.GetDouble() : 0, begun.StartSeconds);
            var hparams = start.TryGetProperty("hparams", out var all) ? all.EnumerateObject().ToDictionary(p => p.Name, p => p.Value) : [];
            Assert.Equal(hparams.Keys.Order(StringComparer.Ordinal), begun.HParams.Select(p => p.Key).Order(StringComparer.Ordinal));
            foreach (var (key, value) in begun.HParams)
                Assert.Equal(hparams[key].ValueKind switch { JsonValueKind.Number => hparams[key].GetDouble(), JsonValueKind.String => hparams[key].GetString(), JsonValueKind.True => true, _ => (object)false }, value);
        }
        if (found.End is { } over)
            Assert.Equal(end.TryGetProperty("status", out var status) ? status.GetString() : "STATUS_UNKNOWN", "STATUS_" + over.Status.ToString().ToUpperInvariant());
    }

    private static void CompareLayout(JsonElement expected, CustomScalarsLayout found)
    {
        var categories = expected.GetProperty("category").EnumerateArray().ToList();
        Assert.Equal(categories.Select(c => c.GetProperty("title").GetString()), found.Categories.Select(c => c.Title));
        foreach (var (chart, read) in categories.SelectMany(c => c.GetProperty("chart").EnumerateArray()).Zip(found.Categories.SelectMany(c => c.Charts)))
        {
            Assert.Equal(chart.GetProperty("title").GetString(), read.Title);
            if (chart.TryGetProperty("multiline", out var lines)) Assert.Equal(lines.GetProperty("tag").EnumerateArray().Select(t => t.GetString()), read.Tags!);
            if (chart.TryGetProperty("margin", out var margin))
                Assert.Equal(margin.GetProperty("series").EnumerateArray().Select(m => (m.GetProperty("value").GetString(), m.GetProperty("lower").GetString(), m.GetProperty("upper").GetString()))!, read.Margins!);
        }
    }

    private static void ComparePreempted(string folder, JsonElement expected)
    {
        foreach (var run in expected.GetProperty("series").EnumerateObject())
        {
            var read = CollectedRun.ReadDirectory(Path.Combine(folder, run.Name), Purge.Preempted);
            foreach (var tag in run.Value.EnumerateObject())
                Assert.Equal(tag.Value.GetProperty("steps").EnumerateArray().Select(s => s.GetInt64()), read.Points[tag.Name].Select(p => p.Step));
        }
    }

    private static List<string> RunsBelow(string folder) =>
        [.. Directory.GetFiles(folder, "*", SearchOption.AllDirectories).Where(f => EventFileName.Is(f)).Select(f => Path.GetRelativePath(folder, Path.GetDirectoryName(f)!)).Distinct().Order(StringComparer.Ordinal)];

    private static void Same(string where, JsonElement expected, double? found) => Assert.Equal((where, expected.ValueKind == JsonValueKind.Null ? null : (double?)Number(expected)), (where, found));

    private static IEnumerable<double> Numbers(JsonElement array) => array.EnumerateArray().SelectMany(v => v.ValueKind == JsonValueKind.Array ? v.EnumerateArray().Select(Number) : [Number(v)]);

    private static double Number(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.True => 1,
        JsonValueKind.False => 0,
        JsonValueKind.String => value.GetString() switch { "Infinity" => double.PositiveInfinity, "-Infinity" => double.NegativeInfinity, var text => double.Parse(text!, CultureInfo.InvariantCulture) },
        _ => value.GetDouble(),
    };

    private static (string Folder, JsonElement Expected) Load(string name)
    {
        var folder = Path.Combine(TestPaths.Golden("tensorboard"), name);
        var plain = Path.Combine(folder, "expected.json");
        using Stream stream = File.Exists(plain) ? File.OpenRead(plain) : new GZipStream(File.OpenRead(plain + ".gz"), CompressionMode.Decompress);
        return (folder, JsonDocument.Parse(stream).RootElement.Clone());
    }
}
