using System.IO.Pipelines;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Tracking.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Tracking.Capture;

/// <summary>Output of runs: pieces while they run, the artifacts <c>logs/stdout.log</c> and <c>logs/stderr.log</c> when they have ended.</summary>
internal sealed class RunLogService(RunLogStore store, RunStore runs, ArtifactService artifacts, IEventBus events) : IRunLogs
{
    /// <summary>Bytes of one piece.</summary>
    public const int MaxPiece = 1024 * 1024;

    /// <summary>Bytes of one stream that are kept in the database; a longer one is stored by its sender as an artifact.</summary>
    public const long MaxLive = 64L * 1024 * 1024;

    private const int MaxRead = 1024 * 1024;
    private const int PiecesPerQuery = 32;
    private static readonly string[] Streams = ["stdout", "stderr"];

    public async Task<LogLength> AppendAsync(string runId, string stream, long offset, byte[] bytes, CancellationToken ct)
    {
        Check(stream);
        if (offset < 0) throw new PilothouseException(ErrorCode.InvalidArgument, "offset is where the piece begins in the whole log: 0 or more.");
        var (length, added) = await store.AppendAsync(runId, stream, offset, bytes, MaxLive, ct);
        if (added) await events.PublishAsync(new LogAppended(runId, stream), ct);
        return new LogLength(length, length >= MaxLive);
    }

    public async Task<RunLogSlice> ReadAsync(string runId, string stream, long offset, int limit, CancellationToken ct)
    {
        Check(stream);
        var run = await runs.GetAsync(runId, ct);
        var live = await store.LengthAsync(run.Num, stream, ct);
        var stored = await ArtifactLengthAsync(run, stream, ct);
        var length = Math.Max(live, stored);
        offset = Math.Clamp(offset < 0 ? length + offset : offset, 0, length);
        var take = (int)Math.Min(Math.Clamp(limit, 1, MaxRead), length - offset);
        if (take == 0) return new RunLogSlice(offset, length, []);
        return new RunLogSlice(offset, length, live >= stored ? await FromPiecesAsync(run.Num, stream, offset, take, ct) : await FromArtifactAsync(run, stream, offset, take, ct));
    }

    /// <summary>Makes artifacts of the pieces. Those of a run that only seems dead stay, since more may come.</summary>
    public async Task KeepAsync(string runId, bool ended, CancellationToken ct)
    {
        var run = await runs.GetAsync(runId, ct);
        foreach (var stream in Streams)
        {
            var length = await store.LengthAsync(run.Num, stream, ct);
            if (length == 0 || !ArtifactService.Holds(run.ArtifactUri)) continue; // artifacts elsewhere: the pieces are all that this server can show
            if (length > await ArtifactLengthAsync(run, stream, ct)) await StoreAsync(run, stream, length, ct);
            if (ended) await store.DeleteAsync(run.Num, stream, length, ct);
        }
    }

    private async Task StoreAsync(RunStore.RunRow run, string stream, long length, CancellationToken ct)
    {
        var pipe = new Pipe();
        var copy = CopyAsync(run.Num, stream, length, pipe.Writer, ct);
        await using (var content = pipe.Reader.AsStream()) await artifacts.PutAsync(await artifacts.PathOfAsync(run.Id, PathOf(stream), ct), content, ct);
        await copy;
    }

    private async Task CopyAsync(long run, string stream, long length, PipeWriter target, CancellationToken ct)
    {
        Exception? fault = null;
        try
        {
            for (long at = 0; at < length;)
            {
                foreach (var piece in await store.ReadAsync(run, stream, at, PiecesPerQuery, ct))
                {
                    await target.WriteAsync(piece.Bytes, ct);
                    at = piece.Pos + piece.Bytes.Length;
                }
            }
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            fault = e; // seen by the reader of the pipe, which must not store half a log
        }
        await target.CompleteAsync(fault);
    }

    private async Task<byte[]> FromPiecesAsync(long run, string stream, long offset, int take, CancellationToken ct)
    {
        var bytes = new byte[take];
        var filled = 0;
        while (filled < take)
        {
            var pieces = await store.ReadAsync(run, stream, offset + filled, PiecesPerQuery, ct);
            if (pieces.Count == 0) break; // became an artifact in this moment
            foreach (var piece in pieces.TakeWhile(_ => filled < take))
            {
                var from = (int)(offset + filled - piece.Pos);
                var count = Math.Min(piece.Bytes.Length - from, take - filled);
                piece.Bytes.AsSpan(from, count).CopyTo(bytes.AsSpan(filled));
                filled += count;
            }
        }
        return filled == take ? bytes : bytes[..filled];
    }

    private async Task<byte[]> FromArtifactAsync(RunStore.RunRow run, string stream, long offset, int take, CancellationToken ct)
    {
        var (content, _) = await artifacts.OpenAsync(await artifacts.PathOfAsync(run.Id, PathOf(stream), ct), ct);
        await using (content)
        {
            content.Position = offset;
            var bytes = new byte[take];
            var read = await content.ReadAtLeastAsync(bytes, take, throwOnEndOfStream: false, ct);
            return read == take ? bytes : bytes[..read];
        }
    }

    private async Task<long> ArtifactLengthAsync(RunStore.RunRow run, string stream, CancellationToken ct) =>
        ArtifactService.Holds(run.ArtifactUri) ? await artifacts.SizeAsync(await artifacts.PathOfAsync(run.Id, PathOf(stream), ct), ct) ?? 0 : 0;

    private static string PathOf(string stream) => $"logs/{stream}.log";

    private static void Check(string stream)
    {
        if (!Streams.Contains(stream)) throw new PilothouseException(ErrorCode.NotFound, $"There is no stream '{stream}'. A run has stdout and stderr.");
    }
}
