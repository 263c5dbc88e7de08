using Pilothouse.Protocols.TensorBoard;
using Pilothouse.Server.Modules.Tracking.EventFiles;
using Pilothouse.Testing;
using static Pilothouse.Server.Tests.Modules.Tracking.EventFiles.EventFileFixture;

namespace Pilothouse.Server.Tests.Modules.Tracking.EventFiles;

/// <summary>What an MLflow client does with <c>log_artifact("events.out.tfevents...")</c>.</summary>
public class EventArtifactTests
{
    [Theory, DatabaseData]
    public async Task An_uploaded_event_file_shows_its_curves_and_a_longer_one_is_read_on(string kind)
    {
        await using var server = await TestServer.StartAsync(kind);
        var run = await server.Client.PlainRunAsync("artifacts");
        byte[] Part(byte[] file, int length) => file[..length];
        var file = await WriteAsync(w => { for (var i = 0; i < 20; i++) w.WriteScalar("loss", i, Time + i, i); });
        const string path = "logs/train/" + Name;

        foreach (var length in (int[])[file.Length / 2, file.Length, file.Length])
        {
            await server.Client.UploadArtifactAsync(run.ArtifactUri!, path, new MemoryStream(Part(file, length)), default);
            await UntilAsync(() => server.Client.EventFilesAsync(run.RunId!, default), f => f.Files.Count == 1 && f.Files[0].Size >= length && f.Files[0].Position > length - 100);
        }
        await UntilAsync(() => server.Client.EventFilesAsync(run.RunId!, default), f => f.Files[0].Position == file.Length);

        Assert.Equal(Enumerable.Range(0, 20).Select(i => (double)i), (await server.PointsAsync(run.RunId!, "logs/train/loss")).Select(p => p.Value));
        Assert.Equal((20L, 21L), (await server.Client.EventFilesAsync(run.RunId!, default)).Files[0] is var f ? (f.Points, f.Events) : default);
        Assert.Equal("RUNNING", (await server.Client.GetRunAsync(run.RunId!, default)).Run.Status);
    }

    [Fact]
    public async Task A_file_that_waited_when_the_server_stopped_is_read_at_its_start()
    {
        await using var server = await TestServer.StartAsync();
        var run = await server.Client.PlainRunAsync("artifacts");
        var file = await WriteAsync(w => w.WriteScalar("loss", 1, Time, 1));
        // As it lies in the table when the server was killed behind the upload.
        var blob = await server.Service<Pilothouse.Server.Modules.Blobs.Api.IBlobStore>().PutAsync(new MemoryStream(file), null, default);
        var num = await server.Service<Pilothouse.Data.Db>().ReadAsync(s => s.ScalarAsync<long>("SELECT num FROM trk_run WHERE id = @id", new { id = run.RunId }), default);
        await server.Service<EventFileStore>().SetPendingAsync(num, Name, "", blob.Digest, 1, default);

        await server.Service<EventArtifacts>().StartAsync(default);

        await UntilAsync(() => server.PointsAsync(run.RunId!, "loss"), points => points.Count == 1);
    }

    [Fact]
    public async Task Damaged_and_foreign_files_harm_nothing()
    {
        await using var server = await TestServer.StartAsync();
        var run = await server.Client.PlainRunAsync("artifacts");
        var good = await WriteAsync(w => w.WriteScalar("loss", 1, Time, 1));

        await server.Client.UploadArtifactAsync(run.ArtifactUri!, "a.tfevents.txt", new MemoryStream("no event file at all"u8.ToArray()), default);
        await server.Client.UploadArtifactAsync(run.ArtifactUri!, "empty.tfevents", new MemoryStream(), default);
        await server.Client.UploadArtifactAsync(run.ArtifactUri!, "tfevents/notes.txt", new MemoryStream("text"u8.ToArray()), default);
        await server.Client.UploadArtifactAsync("mlflow-artifacts:/nobody/artifacts", Name, new MemoryStream(good), default);
        await server.Client.UploadArtifactAsync(run.ArtifactUri!, Name, new MemoryStream(good), default);

        await UntilAsync(() => server.PointsAsync(run.RunId!, "loss"), points => points.Count == 1);
        var files = (await server.Client.EventFilesAsync(run.RunId!, default)).Files.ToDictionary(f => f.Name);
        Assert.Equal(["a.tfevents.txt", "empty.tfevents", Name], files.Keys.Order(StringComparer.Ordinal));
        Assert.Equal(("ended", "length_checksum"), (files["a.tfevents.txt"].State, files["a.tfevents.txt"].Notes[0].Kind));
    }
}
