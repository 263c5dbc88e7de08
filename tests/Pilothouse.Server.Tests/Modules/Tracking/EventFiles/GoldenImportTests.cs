using System.Globalization;
using System.IO.Compression;
using System.Text.Json;
using Pilothouse.Protocols.TensorBoard;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Tracking.EventFiles;
using Pilothouse.Testing;

namespace Pilothouse.Server.Tests.Modules.Tracking.EventFiles;

/// <summary>Every golden case through the server: all its points arrive, and importing again adds nothing.</summary>
public class GoldenImportTests
{
    private static readonly string[] Damaged = ["bad-data-crc", "bad-length-crc", "hostile"];

    [Theory, DatabaseData]
    public async Task Every_case_arrives_whole_and_only_once(string kind)
    {
        var golden = RepoRoot.Shared("golden", "tensorboard");
        if (golden is null) Assert.Skip("The golden event files are not beside the repository.");
        await using var server = await TestServer.StartAsync(kind);
        foreach (var folder in Directory.GetDirectories(golden).Order(StringComparer.Ordinal)) await ImportAsync(server, folder);
        var before = await server.CountAsync();
        foreach (var folder in Directory.GetDirectories(golden).Order(StringComparer.Ordinal))
        {
            foreach (var (path, run, files) in await ImportAsync(server, folder))
            {
                Assert.All(files, f => Assert.True(f.State == "ended" || f.NotesTotal >= 0));
                if (!Damaged.Contains(Path.GetFileName(folder))) await CompareAsync(server, folder, path, run);
            }
        }
        Assert.Equal(before, await server.CountAsync());
        Assert.Equal("OK", await server.Http.GetStringAsync("health"));
    }

    [Fact]
    public async Task Damage_is_told_and_what_is_readable_is_there()
    {
        var golden = RepoRoot.Shared("golden", "tensorboard");
        if (golden is null) Assert.Skip("The golden event files are not beside the repository.");
        await using var server = await TestServer.StartAsync();

        foreach (var (_, run, files) in await ImportAsync(server, Path.Combine(golden, "bad-data-crc")))
        {
            Assert.Equal(("reading", "data_checksum"), (files[0].State, Assert.Single(files[0].Notes).Kind));
            Assert.Equal(11, (await server.PointsAsync(run, "loss")).Count);
        }
        foreach (var (_, _, files) in await ImportAsync(server, Path.Combine(golden, "bad-length-crc"))) Assert.Equal(("ended", "length_checksum"), (files[0].State, Assert.Single(files[0].Notes).Kind));
        var hostile = (await ImportAsync(server, Path.Combine(golden, "hostile"))).ToDictionary(r => r.Path);
        Assert.Equal(("ended", "impossible_length"), (hostile["length_2_63"].Files[0].State, hostile["length_2_63"].Files[0].Notes[0].Kind));
        Assert.Equal(("reading", "not_an_event"), (hostile["not_protobuf"].Files[0].State, hostile["not_protobuf"].Files[0].Notes[0].Kind));
        Assert.Equal(("ended", "length_checksum"), (hostile["text_file"].Files[0].State, hostile["text_file"].Files[0].Notes[0].Kind));
        // Sent again, an ended file is not read on.
        Assert.All(await ImportAsync(server, Path.Combine(golden, "bad-length-crc")), r => Assert.Equal("ended", r.Files[0].State));
    }

    [Fact]
    public async Task Restarts_are_told_and_no_point_is_lost()
    {
        var golden = RepoRoot.Shared("golden", "tensorboard");
        if (golden is null) Assert.Skip("The golden event files are not beside the repository.");
        await using var server = await TestServer.StartAsync();

        var runs = (await ImportAsync(server, Path.Combine(golden, "crash-restart"))).ToDictionary(r => r.Path);

        Assert.Contains(runs["session_log"].Files.SelectMany(f => f.Notes), n => n.Kind == "restart");
        Assert.Contains(runs["new_file"].Files.SelectMany(f => f.Notes), n => n.Kind == "step_back");
        Assert.All(runs.Values, r => Assert.Contains(r.Files, f => f.StepBacks > 0 || f.Notes.Any(n => n.Kind == "restart")));
    }

    /// <summary>Sends every file of every run whole and gives the server's view of them.</summary>
    private static async Task<List<(string Path, string Run, IReadOnlyList<EventFileState> Files)>> ImportAsync(TestServer server, string folder)
    {
        var runs = new List<(string, string, IReadOnlyList<EventFileState>)>();
        foreach (var group in Directory.GetFiles(folder, "*", SearchOption.AllDirectories).Where(f => EventFileName.Is(f)).GroupBy(f => Path.GetDirectoryName(f)!))
        {
            var path = Path.GetRelativePath(folder, group.Key);
            var opened = await server.Client.EnsureEventRunAsync(new NewEventRun(Path.GetFileName(folder), "golden", path, path, 0), default);
            foreach (var file in group.Order(StringComparer.Ordinal))
            {
                var bytes = await File.ReadAllBytesAsync(file);
                var at = (int)(opened.Files.FirstOrDefault(f => f.Name == Path.GetFileName(file))?.Position ?? 0);
                await server.SendAsync(opened.RunId, bytes, at, name: Path.GetFileName(file));
            }
            runs.Add((path, opened.RunId, (await server.Client.EventFilesAsync(opened.RunId, default)).Files));
        }
        return runs;
    }

    private static async Task CompareAsync(TestServer server, string folder, string path, string run)
    {
        var plain = Path.Combine(folder, "expected.json");
        await using Stream stream = File.Exists(plain) ? File.OpenRead(plain) : new GZipStream(File.OpenRead(plain + ".gz"), CompressionMode.Decompress);
        using var document = await JsonDocument.ParseAsync(stream);
        var root = document.RootElement.TryGetProperty("without_purge", out var all) ? all : document.RootElement;
        var media = (await server.Client.MediaAsync(run, default)).ToDictionary(s => s.Key);
        foreach (var tag in root.GetProperty("runs").GetProperty(path).GetProperty("tags").EnumerateObject())
        {
            var name = EventNames.Of("", tag.Name).Name;
            if (tag.Value.GetProperty("data_class").GetString() == "DATA_CLASS_SCALAR")
            {
                if (tag.Value.TryGetProperty("values", out var values)) Assert.Equal(Expected(tag.Value, values), (await server.PointsAsync(run, name)).Order());
                else Assert.Equal(tag.Value.GetProperty("steps").GetArrayLength(), (await server.PointsAsync(run, name)).Count); // a type that TensorBoard does not decode
            }
            else
            {
                var series = media[name];
                Assert.Equal(tag.Value.GetProperty("plugin_name").GetString(), series.Plugin ?? "");
                Assert.Equal(tag.Value.GetProperty("description").GetString(), series.Description ?? "");
                Assert.Equal(tag.Value.GetProperty("plugin_content_base64").GetString(), Convert.ToBase64String(series.PluginContent ?? []));
                Assert.Equal((name, tag.Value.GetProperty("steps").GetArrayLength()), (name, series.Count));
                Assert.Equal(series.Plugin switch { "histograms" => "histogram", "text" => "text", "images" => "image", "audio" => "audio", "pr_curves" => "pr_curve", _ => "tensor" }, series.Kind);
            }
        }
    }

    /// <summary>The exact repeat of a point (time, step and value) is one point, as in MLflow.</summary>
    private static IEnumerable<(long Step, long TimeMs, double Value)> Expected(JsonElement tag, JsonElement values) =>
        tag.GetProperty("steps").EnumerateArray().Zip(tag.GetProperty("wall_times").EnumerateArray(), values.EnumerateArray())
            .Select(p => (p.First.GetInt64(), (long)Math.Round(p.Second.GetDouble() * 1000), Number(p.Third))).Distinct().Order();

    private static double Number(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.True => 1,
        JsonValueKind.False => 0,
        JsonValueKind.String => value.GetString() switch { "Infinity" => double.MaxValue, "-Infinity" => double.MinValue, var text => double.Parse(text!, CultureInfo.InvariantCulture) },
        _ => value.GetDouble() == 0 ? 0 : value.GetDouble(),
    };
}
