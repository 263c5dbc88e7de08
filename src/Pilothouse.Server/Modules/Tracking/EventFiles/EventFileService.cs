using System.Text;
using Pilothouse.Data;
using Pilothouse.Protocols.Mlflow;
using Pilothouse.Protocols.TensorBoard;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Tracking.EventFiles;

/// <param name="Name">Name of the file in its directory, or path below the run's artifacts.</param>
/// <param name="Folder">Stands before the tags; empty = nothing.</param>
/// <param name="Head">First bytes of the file, up to <see cref="EventFileService.HeadBytes"/>.</param>
/// <param name="Size">Bytes the file has now.</param>
internal sealed record EventFileHead(string Name, string Folder, byte[] Head, long Size);

/// <summary>Event files of runs: which run a directory is, what was read of a file, and reading on.</summary>
internal sealed class EventFileService(Db db, EventFileStore store, EventIngest ingest, RunStore runs, RunService runService, ExperimentStore experiments, ExperimentService experimentService, TimeProvider time) : IDisposable
{
    /// <summary>A first record has 40 bytes at least, and a time in it.</summary>
    public const int HeadBytes = 64;

    /// <summary>Bytes; an index of PostgreSQL holds 2,700.</summary>
    private const int MaxName = 1000;
    private const int MaxSource = 2000;

    /// <summary>One reader a run at a time: files of a run share its tags. Runs that fall on the same lock wait for each other.</summary>
    private readonly SemaphoreSlim[] _locks = [.. Enumerable.Range(0, 256).Select(_ => new SemaphoreSlim(1, 1))];
    private readonly SemaphoreSlim _creating = new(1, 1);

    /// <summary>The run of a directory, made when it was not imported before.</summary>
    public async Task<ImportedEventRun> EnsureRunAsync(NewEventRun wanted, CancellationToken ct)
    {
        if (string.IsNullOrWhiteSpace(wanted.Experiment)) throw Invalid("The import needs the name of an experiment.");
        if (string.IsNullOrEmpty(wanted.Source) || string.IsNullOrEmpty(wanted.Path)) throw Invalid("source (where the log directory is) and path (the run's directory in it, '.' for itself) must be given.");
        if (Encoding.UTF8.GetByteCount(wanted.Source) + Encoding.UTF8.GetByteCount(wanted.Path) > MaxSource) throw Invalid($"source and path have more than {MaxSource} bytes together. Give the import a short name with --source.");
        if ((wanted.Source + wanted.Path).Contains('\0', StringComparison.Ordinal)) throw Invalid("source and path cannot hold U+0000.");
        await _creating.WaitAsync(ct);
        try
        {
            var experiment = await EnsureExperimentAsync(wanted.Experiment, ct);
            if (await store.FindSourceAsync(experiment, wanted.Source, wanted.Path, ct) is { } held)
                return new ImportedEventRun(held.Id, false, held.Lifecycle != Lifecycle.Active, (await FilesAsync(held.Id, ct)).Files);
            var name = string.IsNullOrWhiteSpace(wanted.Name) ? wanted.Path : wanted.Name;
            List<MlflowPair> tags = [new("mlflow.source.type", "LOCAL"), new("tensorboard.source", wanted.Source), new("tensorboard.run", wanted.Path)];
            var run = await runService.CreateAsync(experiment.ToString(System.Globalization.CultureInfo.InvariantCulture), "", EventNames.Storable(name), Math.Max(0, wanted.StartMs), tags, ct);
            await store.SetSourceAsync(experiment, wanted.Source, wanted.Path, run.Id, ct);
            return new ImportedEventRun(run.Id, true, false, []);
        }
        finally
        {
            _creating.Release();
        }
    }

    /// <summary>Reads a stretch of a file into the run. Bytes that do not begin where the server stopped are not read: the answer says where that is.</summary>
    /// <param name="offset">Byte of the file at which <paramref name="content"/> begins.</param>
    public async Task<EventFileState> ReceiveAsync(string runId, EventFileHead head, long offset, Stream content, CancellationToken ct)
    {
        CheckName(head.Name);
        if (offset < 0) throw Invalid("offset must not be negative.");
        using var only = await EnterAsync(runId, ct);
        var (run, file) = await OpenAsync(runId, head, ct);
        if (offset != file.Position || file.State == EventFileRow.Ended) return file.ToState([]);
        var notes = await ingest.ReadAsync(run, file, content, imported: true, ct);
        return file.ToState(notes);
    }

    /// <summary>Reads a whole file that lies on this server, from where it was left.</summary>
    /// <param name="content">Seekable.</param>
    public async Task ReadArtifactAsync(string runId, EventFileHead head, Stream content, CancellationToken ct)
    {
        using var only = await EnterAsync(runId, ct);
        var (run, file) = await OpenAsync(runId, head, ct);
        if (file.State == EventFileRow.Ended || content.Length < file.Position) return;
        content.Position = file.Position;
        await ingest.ReadAsync(run, file, content, imported: false, ct);
    }

    /// <exception cref="PilothouseException">NotFound.</exception>
    public async Task<RunEventFiles> FilesAsync(string runId, CancellationToken ct)
    {
        var run = await runs.HeadAsync(runId, ct);
        var (files, notes, streams) = await store.ListAsync(run.Num, ct);
        return new RunEventFiles(files.ConvertAll(f => f.ToState([.. notes[f.Id]])), streams.Min(s => s.FirstMs), streams.Max(s => s.LastMs), streams.FindLast(s => s.Trial is not null)?.Trial);
    }

    /// <summary>The file's row; another file of the same name keeps its own, under another name.</summary>
    private Task<(RunStore.RunRow Run, EventFileRow File)> OpenAsync(string runId, EventFileHead head, CancellationToken ct) => db.WriteAsync(async session =>
    {
        var run = await RunStore.RequireActiveAsync(session, runId);
        var fresh = new EventFileRow { Run = run.Num, Name = head.Name, Folder = head.Folder, Head = head.Head, Size = head.Size };
        if (await EventFileStore.FindAsync(session, run.Num, head.Name) is not { } file) return (run, await EventFileStore.AddAsync(session, fresh, time.NowMs()));
        var common = Math.Min(file.Head.Length, head.Head.Length);
        if (!file.Head.AsSpan(0, common).SequenceEqual(head.Head.AsSpan(0, common)))
        {
            var old = $"{file.Name} (replaced {time.NowMs()})";
            fresh.Pending = file.Pending;
            await EventFileStore.RenameAsync(session, file.Id, old);
            file = await EventFileStore.AddAsync(session, fresh, time.NowMs());
            file.Notes = 1;
            await EventFileStore.AddNotesAsync(session, file.Id, 0, [new EventNote(0, "replaced", $"Another file had this name before; what was read of it stays, as '{old}'.")]);
            await EventFileStore.AdvanceAsync(session, file, 0, time.NowMs());
        }
        else if (head.Head.Length > file.Head.Length || head.Size > file.Size)
        {
            if (head.Head.Length > file.Head.Length) file.Head = head.Head;
            file.Size = Math.Max(file.Size, head.Size);
            await EventFileStore.SetHeadAsync(session, file);
        }
        return (run, file);
    }, ct);

    private async Task<IDisposable> EnterAsync(string runId, CancellationToken ct)
    {
        var gate = _locks[(uint)runId.GetHashCode(StringComparison.Ordinal) % (uint)_locks.Length];
        await gate.WaitAsync(ct);
        return new Exit(gate);
    }

    private async Task<long> EnsureExperimentAsync(string name, CancellationToken ct)
    {
        if (await experiments.FindAsync(name, ct) is { } held)
        {
            ExperimentService.RequireActive(held);
            return held.Id;
        }
        try
        {
            return await experimentService.CreateAsync(name, "", [], ct);
        }
        catch (PilothouseException e) when (e.Code == ErrorCode.AlreadyExists)
        {
            return (await experimentService.GetByNameAsync(name, ct)).Id; // another import was faster
        }
    }

    public void Dispose()
    {
        foreach (var gate in _locks) gate.Dispose();
        _creating.Dispose();
    }

    private static void CheckName(string name)
    {
        if (Encoding.UTF8.GetByteCount(name) > MaxName || name.Contains('\0', StringComparison.Ordinal) || !EventFileName.Is(name))
            throw Invalid($"'{(name.Length > 100 ? name[..100] : EventNames.Storable(name))}' is not the name of an event file: the last part of the path must contain 'tfevents', as in events.out.tfevents.1767225600.host.");
    }

    private static PilothouseException Invalid(string message) => new(ErrorCode.InvalidArgument, message);

    private sealed class Exit(SemaphoreSlim gate) : IDisposable
    {
        public void Dispose() => gate.Release();
    }
}
