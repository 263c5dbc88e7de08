using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Pilothouse.Data;
using Pilothouse.Protocols.TensorBoard;
using Pilothouse.Server.Modules.Blobs.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Tracking.EventFiles;

/// <summary>
/// Event files among the artifacts of runs (MLflow's <c>log_artifact</c>): their curves appear in the run. A file waits in its table until it was read, so that none is
/// forgotten by a stop; a longer version of a file is read on from where the shorter one ended. Tags get the file's directory in front:
/// <c>logs/train/events...</c> has the metric <c>logs/train/loss</c>.
/// </summary>
internal sealed partial class EventArtifacts(Db db, EventFileStore store, EventFileService service, IBlobStore blobs, IBackgroundWork work, TimeProvider time, ILogger<EventArtifacts> logger) : IHostedService
{
    private int _reading;

    public Task StartAsync(CancellationToken cancellationToken)
    {
        Wake();
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>Tells of an artifact that is stored; does nothing when it is no event file, or not below a run.</summary>
    /// <param name="path">Path below the artifact proxy, e.g. <c>0/RUN/artifacts/logs/events.out.tfevents.1.h</c>.</param>
    public async Task StoredAsync(string path, string digest, CancellationToken ct)
    {
        if (!EventFileName.Is(path)) return;
        if (await FindAsync(path, ct) is not { } found) return;
        var slash = found.Name.LastIndexOf('/');
        await store.SetPendingAsync(found.Run.Num, found.Name, slash < 0 ? "" : found.Name[..slash], digest, time.NowMs(), ct);
        Wake();
    }

    /// <summary>The run below whose artifacts a path lies: the segment before <c>artifacts</c> is its id.</summary>
    private Task<(RunStore.RunRow Run, string Name)?> FindAsync(string path, CancellationToken ct) => db.ReadAsync<(RunStore.RunRow, string)?>(async session =>
    {
        var parts = path.Split('/');
        for (var i = 1; i < parts.Length - 1; i++)
        {
            if (parts[i] != "artifacts") continue;
            var root = string.Join('/', parts[..(i + 1)]);
            if (await RunStore.FindAsync(session, parts[i - 1]) is { } run && run.ArtifactUri.EndsWith("/" + root, StringComparison.Ordinal)) return (run, path[(root.Length + 1)..]);
        }
        return null;
    }, ct);

    /// <summary>One reader at a time: files of many uploads are no reason to starve the requests.</summary>
    private void Wake()
    {
        if (Interlocked.Exchange(ref _reading, 1) != 0) return;
        try
        {
            work.Enqueue("event files among artifacts", ReadAllAsync);
        }
        catch (PilothouseException e)
        {
            Volatile.Write(ref _reading, 0); // they wait in the table; the next upload wakes the reader again
            Waits(e);
        }
    }

    private async Task ReadAllAsync(CancellationToken ct)
    {
        try
        {
            while (await store.NextPendingAsync(ct) is { } file) await ReadAsync(file, ct);
        }
        finally
        {
            Volatile.Write(ref _reading, 0);
        }
        // One may have come between the last look and the flag.
        if (await store.NextPendingAsync(ct) is not null) Wake();
    }

    private async Task ReadAsync(EventFileRow file, CancellationToken ct)
    {
        try
        {
            await using var content = await blobs.OpenReadAsync(file.Pending!, ct);
            var head = new byte[EventFileService.HeadBytes];
            var length = await content.ReadAtLeastAsync(head, head.Length, throwOnEndOfStream: false, ct);
            var run = await RunIdAsync(file.Run, ct);
            await service.ReadArtifactAsync(run, new EventFileHead(file.Name, file.Folder, head[..length], content.Length), content, ct);
        }
        catch (PilothouseException e)
        {
            NotRead(file.Name, e); // the run was deleted, or the blob is gone: it would fail again
        }
        var current = await db.ReadAsync(session => EventFileStore.FindAsync(session, file.Run, file.Name), ct);
        await store.DoneAsync(current?.Id ?? file.Id, file.Pending!, ct);
        if (current is not null && current.Id != file.Id) await store.DoneAsync(file.Id, file.Pending!, ct);
    }

    private Task<string> RunIdAsync(long num, CancellationToken ct) => db.ReadAsync(async session =>
        await session.ScalarAsync<string>("SELECT id FROM trk_run WHERE num = @num", new { num }) ?? throw RunStore.Missing(num.ToString(System.Globalization.CultureInfo.InvariantCulture)), ct);

    [LoggerMessage(LogLevel.Warning, "Event files among the artifacts wait until the background work has room")]
    private partial void Waits(Exception error);

    [LoggerMessage(LogLevel.Warning, "The event file {Name} among the artifacts was not read")]
    private partial void NotRead(string name, Exception error);
}
