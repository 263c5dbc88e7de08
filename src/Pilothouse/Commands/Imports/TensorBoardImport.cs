using Pilothouse.Client;
using Pilothouse.Protocols.TensorBoard;
using Pilothouse.Protocols.V1;

namespace Pilothouse.Commands.Imports;

/// <param name="Path">TensorBoard's name of the run.</param>
/// <param name="NewBytes">Bytes that were read by this import.</param>
internal sealed record TensorBoardRun(string Path, string RunId, bool Created, long NewBytes, IReadOnlyList<EventFileState> Files);

/// <param name="Problems">What could not be read at all, and why.</param>
/// <param name="Damaged">A file is damaged, or could not be read.</param>
internal sealed record TensorBoardReport(string Directory, string Experiment, IReadOnlyList<TensorBoardRun> Runs, IReadOnlyList<string> Problems, bool Damaged);

/// <summary>
/// Sends the event files below a directory to the server, each from where the server stopped. A pass may be repeated at any time: it sends only what is new, so a
/// growing directory is followed by passes, and one that was interrupted goes on.
/// </summary>
internal sealed class TensorBoardImport(PilothouseClient client, TimeProvider time, string directory, string source, string experiment)
{
    private const int HeadBytes = 64;

    /// <summary>Bytes of one request: more than the longest record. The server answers after each, so that no request takes minutes.</summary>
    private const long ChunkBytes = 2L * EventFileReader.MaxRecord;

    private const int Parallel = 4;

    /// <summary>A trial that was started and never ended, and was silent for this long, was killed.</summary>
    private static readonly TimeSpan Silence = TimeSpan.FromHours(1);

    private readonly Dictionary<string, Run> _runs = new(StringComparer.Ordinal);
    private readonly SortedDictionary<string, string> _problems = new(StringComparer.Ordinal);

    public string Directory => directory;

    /// <summary>Looks at every file once and sends what is new.</summary>
    /// <returns>Bytes the server read.</returns>
    public async Task<long> PassAsync(CancellationToken ct)
    {
        _problems.Clear();
        var found = EventDirectories.Find(directory, Problem);
        var total = 0L;
        await System.Threading.Tasks.Parallel.ForEachAsync(found, new ParallelOptions { MaxDegreeOfParallelism = Parallel, CancellationToken = ct }, async (entry, stop) =>
        {
            var read = await RunAsync(entry.Path, entry.Files, stop);
            Interlocked.Add(ref total, read);
        });
        return total;
    }

    /// <summary>Ends the runs that did not say themselves how they ended.</summary>
    public async Task FinishAsync(CancellationToken ct)
    {
        foreach (var run in _runs.Values.Where(r => r.Id is not null))
        {
            if ((await client.GetRunAsync(run.Id!, ct)).Run.Status != "RUNNING") continue;
            var files = await client.EventFilesAsync(run.Id!, ct);
            if (files.Trial == "running") continue;
            if (files.Trial != "started") await client.UpdateRunAsync(run.Id!, "FINISHED", files.LastMs is { } last ? Math.Max(0, last) : null, ct);
            else if (files.LastMs is { } silent && time.GetUtcNow() - DateTimeOffset.FromUnixTimeMilliseconds(silent) > Silence)
            {
                await client.LogBatchAsync(run.Id!, [], [], [new("pilothouse.end_reason", "the event files have the start of a trial but no end")], ct);
                await client.UpdateRunAsync(run.Id!, "KILLED", Math.Max(0, silent), ct);
            }
        }
    }

    public async Task<TensorBoardReport> ReportAsync(CancellationToken ct)
    {
        var runs = new List<TensorBoardRun>();
        foreach (var (path, run) in _runs.OrderBy(r => r.Key, StringComparer.Ordinal))
            if (run.Id is not null) runs.Add(new TensorBoardRun(path, run.Id, run.Created, run.NewBytes, (await client.EventFilesAsync(run.Id, ct)).Files));
        return new TensorBoardReport(directory, experiment, runs, [.. _problems.Select(p => $"{p.Key}: {p.Value}")], _problems.Count > 0 || runs.Any(r => r.Files.Any(f => f.State == "ended")));
    }

    private async Task<long> RunAsync(string path, IReadOnlyList<string> files, CancellationToken ct)
    {
        Run run;
        lock (_runs)
            if (!_runs.TryGetValue(path, out run!)) _runs[path] = run = new Run();
        var read = 0L;
        foreach (var file in files)
        {
            try
            {
                var length = new FileInfo(file).Length;
                if (run.Sent.TryGetValue(file, out var known) && known == length) continue;
                if (run.Id is null && !await OpenAsync(run, path, file, ct)) return read;
                read += await SendAsync(run, file, ct);
                run.Sent[file] = length;
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException or PilothouseApiException { Status: 400 or 404 or 409 or 412 or 413 })
            {
                Problem(file, e.Message); // this file, or its run on the server; the others go on
            }
        }
        run.NewBytes += read;
        return read;
    }

    /// <summary>Finds or makes the run; false when it was deleted on the server.</summary>
    private async Task<bool> OpenAsync(Run run, string path, string firstFile, CancellationToken ct)
    {
        var name = path == "." ? Path.GetFileName(Path.TrimEndingDirectorySeparator(directory)) : path;
        var opened = await client.EnsureEventRunAsync(new NewEventRun(experiment, source, path, name, await StartAsync(firstFile, ct)), ct);
        if (opened.Deleted)
        {
            Problem(path, $"its run {opened.RunId} was deleted on the server. Restore it, or import into another experiment.");
            return false;
        }
        (run.Id, run.Created) = (opened.RunId, opened.Created);
        foreach (var file in opened.Files) run.Positions[file.Name] = file.Position;
        return true;
    }

    private async Task<long> SendAsync(Run run, string path, CancellationToken ct)
    {
        var name = Path.GetFileName(path);
        await using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0, useAsync: true);
        var size = file.Length;
        var head = new byte[HeadBytes];
        var headLength = await file.ReadAtLeastAsync(head, HeadBytes, throwOnEndOfStream: false, ct);
        var (offset, chunk, read) = (run.Positions.GetValueOrDefault(name), ChunkBytes, 0L);
        for (var first = true; ; first = false)
        {
            file.Position = Math.Min(offset, size);
            var length = Math.Min(chunk, size - file.Position);
            var state = await client.SendEventsAsync(run.Id!, name, head.AsMemory(0, headLength), size, offset, new Stretch(file, length), ct);
            run.Positions[name] = state.Position;
            if (state.Position > size)
            {
                Problem(path, $"it has {size} bytes, but {state.Position} were read of it before: it was cut. What was read stays.");
                return read;
            }
            var progress = state.Position - offset;
            offset = state.Position;
            // Another file has this name now, or the server knows less than it did: from where it says.
            if (progress < 0 && first) continue;
            read += Math.Max(0, progress);
            if (state.State == "ended" || offset == size) return read;
            // The whole rest was sent: what the server left is a record that is not whole yet, to be sent again when it has grown.
            if (length == size - (offset - progress)) return read;
            chunk = progress > 0 ? ChunkBytes : chunk * 4; // no progress: a record longer than the chunk
        }
    }

    /// <summary>Epoch milliseconds of the first event; of the file when it has none yet.</summary>
    private static async Task<long> StartAsync(string path, CancellationToken ct)
    {
        await using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0, useAsync: true);
        var reader = new EventFileReader(file, 0);
        await reader.FillAsync(ct);
        var seconds = FirstTime(reader) ?? 0;
        return double.IsFinite(seconds) && seconds is > 0 and < 9e12 ? (long)Math.Round(seconds * 1000) : new DateTimeOffset(File.GetLastWriteTimeUtc(path)).ToUnixTimeMilliseconds();
    }

    private static double? FirstTime(EventFileReader reader) => reader.Next(out var record) == EventRecordStatus.Record ? EventRun.TimeOf(record) : null;

    private void Problem(string path, string message)
    {
        lock (_problems) _problems[path] = message;
    }

    private sealed class Run
    {
        public string? Id { get; set; }
        public bool Created { get; set; }
        public long NewBytes { get; set; }
        /// <summary>Length of each file when it was last sent: until it changes there is nothing to do.</summary>
        public Dictionary<string, long> Sent { get; } = new(StringComparer.Ordinal);
        /// <summary>By name, where the server stopped.</summary>
        public Dictionary<string, long> Positions { get; } = new(StringComparer.Ordinal);
    }
}
