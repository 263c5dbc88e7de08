using System.Security.Cryptography;
using System.Text;
using Pilothouse.Data;
using Pilothouse.Protocols.TensorBoard;
using Pilothouse.Protocols.V1;

namespace Pilothouse.Server.Modules.Tracking.EventFiles;

/// <summary>SQL of <c>trk_event_*</c>.</summary>
internal sealed class EventFileStore(Db db)
{
    /// <summary>Files of one run that are listed.</summary>
    public const int MaxFiles = 10_000;

    /// <summary>Notes kept of one file; all are counted.</summary>
    public const int MaxNotes = 1000;

    private const string Columns = """
        id AS Id, run AS Run, name AS Name, folder AS Folder, head AS Head, position AS Position, size AS Size, events AS Events, points AS Points, media AS Media, skipped AS Skipped,
        step_backs AS StepBacks, notes AS Notes, state AS State, pending AS Pending
        """;

    public static Task<EventFileRow?> FindAsync(DbSession session, long run, string name) =>
        session.FirstOrDefaultAsync<EventFileRow>($"SELECT {Columns} FROM trk_event_file WHERE run = @run AND name = @name", new { run, name });

    public static async Task<EventFileRow> AddAsync(DbSession session, EventFileRow row, long now)
    {
        const string insert = """
            INSERT INTO trk_event_file (run, name, folder, head, position, size, events, points, media, skipped, step_backs, notes, state, pending, updated_ms)
            VALUES (@Run, @Name, @Folder, @Head, 0, @Size, 0, 0, 0, 0, 0, 0, 'reading', @Pending, @now) RETURNING id
            """;
        row.Id = await session.ScalarAsync<long>(insert, new { row.Run, row.Name, row.Folder, row.Head, row.Size, row.Pending, now });
        return row;
    }

    public static Task RenameAsync(DbSession session, long id, string name) => session.ExecuteAsync("UPDATE trk_event_file SET name = @name, pending = NULL WHERE id = @id", new { id, name });

    public static Task SetHeadAsync(DbSession session, EventFileRow row) => session.ExecuteAsync("UPDATE trk_event_file SET head = @Head, size = @Size WHERE id = @Id", new { row.Id, row.Head, row.Size });

    /// <summary>Moves the file on, unless someone else has meanwhile.</summary>
    public static async Task<bool> AdvanceAsync(DbSession session, EventFileRow row, long from, long now) => await session.ExecuteAsync("""
        UPDATE trk_event_file SET position = @Position, size = @Size, events = @Events, points = @Points, media = @Media, skipped = @Skipped, step_backs = @StepBacks, notes = @Notes,
            state = @State, updated_ms = @now WHERE id = @Id AND position = @from
        """, new { row.Id, row.Position, row.Size, row.Events, row.Points, row.Media, row.Skipped, row.StepBacks, row.Notes, row.State, now, from }) > 0;

    /// <param name="before">Notes the file had.</param>
    public static Task AddNotesAsync(DbSession session, long file, long before, IReadOnlyList<EventNote> notes) =>
        session.BulkInsertAsync("trk_event_note", ["file", "n", "at", "kind", "message"], [.. notes.Take((int)Math.Max(0, MaxNotes - before)).Select((note, i) => (N: before + i, Note: note))], (row, n) =>
        {
            row.Integer(file);
            row.Integer(n.N);
            row.Integer(n.Note.Offset);
            row.Text(n.Note.Kind);
            row.Text(n.Note.Message);
        }, ignoreDuplicates: true);

    public static Task AddTagsAsync(DbSession session, long run, string folder, IReadOnlyCollection<EventTag> tags) =>
        session.BulkUpsertAsync("trk_event_tag", ["run", "folder", "key", "tag", "described", "plugin", "content", "display_name", "description", "data_class"], tags, (row, tag) =>
        {
            row.Integer(run);
            row.Text(folder);
            var name = Encoding.UTF8.GetBytes(tag.Name);
            row.Text(Convert.ToHexStringLower(SHA256.HashData(name).AsSpan(0, 16)));
            row.Bytes(name);
            row.Integer(tag.Metadata is null ? 0 : 1);
            row.Text(EventNames.Storable(tag.Plugin));
            row.Bytes(tag.Metadata?.Content ?? []);
            row.Text(EventNames.Storable(tag.Metadata?.DisplayName ?? ""));
            row.Text(EventNames.Storable(tag.Metadata?.Description ?? ""));
            row.Integer((long)(tag.Metadata?.DataClass ?? TfDataClass.Unknown));
        }, """
            ON CONFLICT (run, folder, key) DO UPDATE SET described = excluded.described, plugin = excluded.plugin, content = excluded.content, display_name = excluded.display_name,
                description = excluded.description, data_class = excluded.data_class WHERE trk_event_tag.described = 0
            """);

    public static Task SetStreamAsync(DbSession session, long run, string folder, EventStreamRow stream) => session.ExecuteAsync("""
        INSERT INTO trk_event_stream (run, folder, file_version, seen_start, last_step, first_ms, last_ms, trial)
        VALUES (@run, @folder, @FileVersion, @SeenStart, @LastStep, @FirstMs, @LastMs, @Trial)
        ON CONFLICT (run, folder) DO UPDATE SET file_version = excluded.file_version, seen_start = excluded.seen_start, last_step = excluded.last_step, first_ms = excluded.first_ms,
            last_ms = excluded.last_ms, trial = excluded.trial
        """, new { run, folder, stream.FileVersion, stream.SeenStart, stream.LastStep, stream.FirstMs, stream.LastMs, stream.Trial });

    /// <summary>What reading goes on from: the stream and its tags.</summary>
    public Task<(EventStreamRow Stream, List<EventTagRow> Tags)> LoadAsync(long run, string folder, CancellationToken ct) => db.ReadAsync(async session =>
    {
        var stream = await session.FirstOrDefaultAsync<EventStreamRow>("""
            SELECT file_version AS FileVersion, seen_start AS SeenStart, last_step AS LastStep, first_ms AS FirstMs, last_ms AS LastMs, trial AS Trial FROM trk_event_stream WHERE run = @run AND folder = @folder
            """, new { run, folder });
        var tags = await session.QueryAsync<EventTagRow>($"""
            SELECT tag AS Tag, described AS Described, plugin AS Plugin, content AS Content, display_name AS DisplayName, description AS Description, data_class AS DataClass
            FROM trk_event_tag WHERE run = @run AND folder = @folder LIMIT {EventRun.MaxTags}
            """, new { run, folder });
        return (stream ?? new EventStreamRow(), tags);
    }, ct);

    /// <summary>All files of a run with their notes, by name; and the streams.</summary>
    public Task<(List<EventFileRow> Files, ILookup<long, EventNote> Notes, List<EventStreamRow> Streams)> ListAsync(long run, CancellationToken ct) => db.ReadAsync(async session =>
    {
        var files = await session.QueryAsync<EventFileRow>($"SELECT {Columns} FROM trk_event_file WHERE run = @run ORDER BY name{session.Dialect.Binary} LIMIT {MaxFiles}", new { run });
        var notes = await session.QueryAsync<NoteRow>("""
            SELECT n.file AS File, n.at AS At, n.kind AS Kind, n.message AS Message FROM trk_event_note n JOIN trk_event_file f ON f.id = n.file WHERE f.run = @run ORDER BY n.file, n.n LIMIT 10000
            """, new { run });
        var streams = await session.QueryAsync<EventStreamRow>("SELECT first_ms AS FirstMs, last_ms AS LastMs, trial AS Trial FROM trk_event_stream WHERE run = @run ORDER BY folder", new { run });
        return (files, notes.ToLookup(n => n.File, n => new EventNote(n.At, n.Kind, n.Message)), streams);
    }, ct);

    /// <summary>The run that a directory became; null when it was not imported, or the run is gone for good.</summary>
    public Task<RunStore.RunRow?> FindSourceAsync(long experiment, string source, string path, CancellationToken ct) => db.ReadAsync(async session =>
        await session.ScalarAsync<string>("SELECT run_id FROM trk_event_source WHERE experiment = @experiment AND source = @source AND path = @path", new { experiment, source, path }) is { } id
            ? await RunStore.FindAsync(session, id) : null, ct);

    public Task SetSourceAsync(long experiment, string source, string path, string run, CancellationToken ct) => db.WriteAsync(session => session.ExecuteAsync("""
        INSERT INTO trk_event_source (experiment, source, path, run_id) VALUES (@experiment, @source, @path, @run)
        ON CONFLICT (experiment, source, path) DO UPDATE SET run_id = excluded.run_id
        """, new { experiment, source, path, run }), ct);

    /// <summary>A file whose blob waits to be read, the longest waiting first.</summary>
    public Task<EventFileRow?> NextPendingAsync(CancellationToken ct) =>
        db.ReadAsync(session => session.FirstOrDefaultAsync<EventFileRow>($"SELECT {Columns} FROM trk_event_file WHERE pending IS NOT NULL ORDER BY updated_ms, id LIMIT 1"), ct);

    public Task DoneAsync(long id, string digest, CancellationToken ct) =>
        db.WriteAsync(session => session.ExecuteAsync("UPDATE trk_event_file SET pending = NULL WHERE id = @id AND pending = @digest", new { id, digest }), ct);

    /// <summary>Makes a blob wait to be read as the new content of a file.</summary>
    public Task SetPendingAsync(long run, string name, string folder, string digest, long now, CancellationToken ct) => db.WriteAsync(async session =>
    {
        if (await FindAsync(session, run, name) is null) await AddAsync(session, new EventFileRow { Run = run, Name = name, Folder = folder, Pending = digest }, now);
        else await session.ExecuteAsync("UPDATE trk_event_file SET pending = @digest, updated_ms = @now WHERE run = @run AND name = @name", new { run, name, digest, now });
    }, ct);

    private sealed class NoteRow
    {
        public long File { get; set; }
        public long At { get; set; }
        public string Kind { get; set; } = "";
        public string Message { get; set; } = "";
    }
}
