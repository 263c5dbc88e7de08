using System.Net;
using Pilothouse.Client;
using Pilothouse.Data;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Blobs.Api;
using Pilothouse.Server.Modules.Tracking;
using Pilothouse.Server.Modules.Tracking.Media;
using Pilothouse.Testing;

namespace Pilothouse.Server.Tests.Modules.Tracking.Media;

public class MediaTests
{
    [Theory, DatabaseData]
    public async Task Points_come_back_in_order_of_step_and_the_same_again_adds_nothing(string kind)
    {
        await using var server = await TestServer.StartAsync(kind);
        var run = await RunAsync(server);

        for (var round = 0; round < 2; round++)
            await WriteAsync(server, run, new MediaSeriesRow { Kind = "histogram", Key = "layer/weights", Description = "of *one* layer" },
                [.. Enumerable.Range(0, 250).Reverse().Select(i => ((long)i, 1000L + i, MediaPayload.OfNumbers([i, i + 1, 3, i + 1, i + 2, 4])))]);

        var series = Assert.Single(await server.Client.MediaAsync(run, default));
        Assert.Equal(("histogram", "layer/weights", 0L, 249L, 250L, "of *one* layer"), (series.Kind, series.Key, series.FirstStep, series.LastStep, series.Count, series.Description));
        Assert.Null(series.DisplayName);
        var read = new List<MediaPoint>();
        for (string? token = null; read.Count == 0 || token is not null;)
        {
            var page = await server.Client.MediaPointsAsync(run, "histogram", "layer/weights", 100, token, default);
            read.AddRange(page.Items);
            token = page.NextPageToken;
        }
        Assert.Equal(Enumerable.Range(0, 250).Select(i => (long)i), read.Select(p => p.Step));
        Assert.Equal([[7, 8, 3], [8, 9, 4]], read[7].Histogram!);
        Assert.Equal(1007, read[7].TimeMs);
    }

    [Theory, DatabaseData]
    public async Task A_spread_keeps_first_and_last_and_a_step_finds_all_its_points(string kind)
    {
        await using var server = await TestServer.StartAsync(kind);
        var run = await RunAsync(server);
        // Two writers logged every step twice at different times.
        await WriteAsync(server, run, new MediaSeriesRow { Kind = "text", Key = "note" },
            [.. Enumerable.Range(0, 500).Select(i => (i / 2L, 1000L + i, MediaPayload.OfJson(new MediaPayload.Texts([], [$"note {i}"]))))]);
        var at = $"api/v1/runs/{run}/media/points?kind=text&key=note";

        var spread = (await GetAsync(server, at + "&spread=true&limit=20")).Items;
        Assert.Equal(20, spread.Count);
        Assert.Equal((0L, 249L), (spread[0].Step, spread[^1].Step));
        Assert.Equal(["note 14", "note 15"], (await GetAsync(server, at + "&step=7")).Items.Select(p => p.Text!.Values[0]));
        Assert.Equal([248, 248, 249, 249], (await GetAsync(server, at + "&after_step=247")).Items.Select(p => p.Step));
        Assert.Equal(500, (await GetAsync(server, at + "&spread=true&limit=200")).Items.Count * 500 / 200);
    }

    [Fact]
    public async Task Large_payloads_lie_in_blobs_and_end_the_page_early()
    {
        await using var server = await TestServer.StartAsync();
        var run = await RunAsync(server);
        await WriteAsync(server, run, new MediaSeriesRow { Kind = "text", Key = "big" },
            [.. Enumerable.Range(0, 5).Select(i => ((long)i, 0L, MediaPayload.OfJson(new MediaPayload.Texts([], [new string((char)('a' + i), 1_500_000)]))))]);

        var first = await server.Client.MediaPointsAsync(run, "text", "big", 200, null, default);
        var second = await server.Client.MediaPointsAsync(run, "text", "big", 200, first.NextPageToken, default);

        Assert.Equal([0, 1], first.Items.Select(p => p.Step));
        Assert.Equal([2, 3], second.Items.Select(p => p.Step));
        Assert.Equal(new string('b', 1_500_000), first.Items[1].Text!.Values[0]);
    }

    [Theory]
    [InlineData("image/png", "image/png")]
    [InlineData("text/html", "application/octet-stream")]
    [InlineData("image/svg+xml", "application/octet-stream")]
    public async Task A_blob_is_shown_only_as_a_type_that_cannot_run(string asked, string served)
    {
        await using var server = await TestServer.StartAsync();
        var blob = await server.Service<IBlobStore>().PutAsync("<script>"u8.ToArray(), default);

        using var response = await server.Http.GetAsync($"api/v1/media/{blob.Digest}?type={Uri.EscapeDataString(asked)}");

        Assert.Equal(served, response.Content.Headers.ContentType!.MediaType);
        Assert.Equal("nosniff", response.Headers.GetValues("X-Content-Type-Options").Single());
    }

    [Fact]
    public async Task What_is_not_there_is_named()
    {
        await using var server = await TestServer.StartAsync();
        var run = await RunAsync(server);

        Assert.Empty(await server.Client.MediaAsync(run, default));
        Assert.Equal(404, (await Assert.ThrowsAsync<PilothouseApiException>(() => server.Client.MediaAsync("nobody", default))).Status);
        Assert.Equal(404, (await Assert.ThrowsAsync<PilothouseApiException>(() => server.Client.MediaPointsAsync(run, "text", "none", 10, null, default))).Status);
        await WriteAsync(server, run, new MediaSeriesRow { Kind = "text", Key = "note" }, [(0, 0, MediaPayload.OfJson(new MediaPayload.Texts([], ["x"])))]);
        Assert.Equal("INVALID_ARGUMENT", (await Assert.ThrowsAsync<PilothouseApiException>(() => server.Client.MediaPointsAsync(run, "text", "note", 10, "nonsense", default))).Code);
        using var missing = await server.Http.GetAsync($"api/v1/media/sha256:{new string('0', 64)}?type=image/png");
        Assert.Equal(HttpStatusCode.NotFound, missing.StatusCode);
    }

    private static async Task<string> RunAsync(TestServer server) =>
        (await server.Client.CreateRunAsync(await server.Client.EnsureExperimentAsync("media", default), "run", "ann", 1, [], default)).RunId!;

    private static async Task<Page<MediaPoint>> GetAsync(TestServer server, string path) =>
        System.Text.Json.JsonSerializer.Deserialize<Page<MediaPoint>>(await server.Http.GetStringAsync(path), PilothouseClient.Json)!;

    private static async Task WriteAsync(TestServer server, string run, MediaSeriesRow series, List<(long Step, long TimeMs, byte[] Payload)> points)
    {
        var media = server.Service<MediaService>();
        var rows = new List<MediaRow>();
        foreach (var (step, time, payload) in points) rows.Add(await media.PointAsync(step, time, payload, default));
        await server.Service<Db>().WriteAsync(async session =>
        {
            var num = (await RunStore.RequireActiveAsync(session, run)).Num;
            var id = await MediaStore.EnsureSeriesAsync(session, num, series);
            await MediaStore.AppendAsync(session, [.. rows.Select(r => (id, r))]);
        }, default);
    }
}
