using Pilothouse.Client;
using Pilothouse.Data;
using Pilothouse.Protocols.Mlflow;
using Pilothouse.Protocols.TensorBoard;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Tracking;
using Pilothouse.Testing;

namespace Pilothouse.Server.Tests.Modules.Tracking.EventFiles;

/// <summary>Event files to the real server, as an importer sends them.</summary>
internal static class EventFileFixture
{
    public const double Time = 1_767_225_600;
    public const string Name = "events.out.tfevents.1767225600.host";

    public static async Task<byte[]> WriteAsync(Action<EventFileWriter> write, bool wide = false)
    {
        var stream = new MemoryStream();
        var writer = new EventFileWriter(stream, wide);
        writer.WriteVersion(Time);
        write(writer);
        await writer.FlushAsync(default);
        return stream.ToArray();
    }

    public static async Task<string> RunAsync(this TestServer server, string path = "run", string experiment = "tensorboard") =>
        (await server.Client.EnsureEventRunAsync(new NewEventRun(experiment, "/logs", path, path, 1000), default)).RunId;

    /// <summary>The file from an offset to an end; null = its whole rest.</summary>
    public static Task<EventFileState> SendAsync(this TestServer server, string run, byte[] file, int offset = 0, int? end = null, string name = Name) =>
        server.Client.SendEventsAsync(run, name, file.AsMemory(0, Math.Min(64, end ?? file.Length)), end ?? file.Length, offset, new MemoryStream(file, offset, (end ?? file.Length) - offset), default);

    public static async Task<List<(long Step, long TimeMs, double Value)>> PointsAsync(this TestServer server, string run, string key) =>
        (await server.Service<MetricHistory>().PageAsync(run, key, null, MetricHistory.MaxPage, default)).ConvertAll(p => (p.Step!.Value, p.Timestamp!.Value, p.Value!.Value));

    /// <summary>Rows of the points and of the media in the whole database.</summary>
    public static Task<(long Points, long Media)> CountAsync(this TestServer server) => server.Service<Db>().ReadAsync(async session =>
        (await session.ScalarAsync<long>("SELECT count(*) FROM trk_metric"), await session.ScalarAsync<long>("SELECT count(*) FROM trk_media")), default);

    public static async Task<List<MediaPoint>> MediaPointsAsync(this TestServer server, string run, string kind, string key) =>
        [.. (await server.Client.MediaPointsAsync(run, kind, key, 200, null, default)).Items];

    /// <summary>Asks until it is so: what the server does in the background has no other end to wait for.</summary>
    public static async Task<T> UntilAsync<T>(Func<Task<T>> ask, Func<T, bool> so)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromMinutes(2));
        while (true)
        {
            var answer = await ask();
            if (so(answer)) return answer;
            limit.Token.ThrowIfCancellationRequested();
        }
    }

    public static Task<MlflowRunInfo> PlainRunAsync(this PilothouseClient client, string experiment) => CreateAsync(client, experiment);

    private static async Task<MlflowRunInfo> CreateAsync(PilothouseClient client, string experiment) =>
        await client.CreateRunAsync(await client.EnsureExperimentAsync(experiment, default), "run", "ann", 1, [], default);
}
