using System.Security.Cryptography;
using Pilothouse.Data;
using Pilothouse.Protocols.Mlflow;
using Pilothouse.Protocols.TensorBoard;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Blobs.Api;
using Pilothouse.Server.Modules.Tracking.Api;
using Pilothouse.Server.Modules.Tracking.Media;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Tracking.EventFiles;

/// <summary>
/// Reads a stretch of an event file into a run. Points, tags and the position up to which the file was read become durable together, batch by batch: after a crash
/// reading goes on at the last position, and nothing is there twice.
/// </summary>
internal sealed class EventIngest(Db db, EventFileStore store, MetricStore metrics, SeriesIndexer indexer, MediaService media, IBlobStore blobs, IEventBus events, TimeProvider time)
{
    /// <param name="run">Status and params are set only when <paramref name="imported"/>; those of a live run are its client's.</param>
    /// <param name="file">Updated as it is read.</param>
    /// <param name="content">The bytes from its position on.</param>
    /// <returns>The first notes that were made.</returns>
    public async Task<List<EventNote>> ReadAsync(RunStore.RunRow run, EventFileRow file, Stream content, bool imported, CancellationToken ct)
    {
        var (stream, tags) = await store.LoadAsync(run.Num, file.Folder, ct);
        var collector = new EventCollector(file.Folder, file, stream);
        var reading = new EventRun(collector) { FileVersion = stream.FileVersion, SeenSessionStart = stream.SeenStart != 0, LastStep = stream.LastStep };
        foreach (var row in tags)
        {
            var tag = new EventTag(System.Text.Encoding.UTF8.GetString(row.Tag));
            if (row.Described != 0) tag.SetMetadata(new SummaryMetadata(row.Plugin, row.Content, row.DisplayName, row.Description, (TfDataClass)row.DataClass));
            reading.Restore(tag);
        }
        var notes = new List<EventNote>();
        var reader = new EventFileReader(content, file.Position);
        EventRecordStatus status;
        do
        {
            while ((status = Drain(reader, reading, collector, stream)) == EventRecordStatus.Record) await FlushAsync(reader.Position);
            if (status == EventRecordStatus.Ended) file.State = EventFileRow.Ended;
        }
        while (status != EventRecordStatus.Ended && await reader.FillAsync(ct));
        if (reader.Position > file.Position || status == EventRecordStatus.Ended) await FlushAsync(reader.Position);
        return notes;

        async Task FlushAsync(long position)
        {
            (stream.FileVersion, stream.SeenStart, stream.LastStep) = (reading.FileVersion, reading.SeenSessionStart ? 1 : 0, reading.LastStep);
            var batch = collector.Take();
            await WriteAsync(run, file, stream, batch, position, reading.Events, imported, ct);
            notes.AddRange(batch.Notes.Take(EventFileStore.MaxNotes - notes.Count));
        }
    }

    /// <summary>Reads until the batch is full (<c>Record</c>), or nothing more is here, or the file ends.</summary>
    private static EventRecordStatus Drain(EventFileReader reader, EventRun reading, EventCollector collector, EventStreamRow stream)
    {
        while (!collector.Batch.IsFull)
        {
            collector.Offset = reader.Position;
            var status = reader.Next(out var record);
            if (status == EventRecordStatus.Record)
            {
                stream.LastStep = reading.LastStep;
                reading.Read(record, collector.Offset);
            }
            else if (status == EventRecordStatus.Skipped) collector.Fault(reader.Fault!);
            else
            {
                if (status == EventRecordStatus.Ended) collector.Fault(reader.Fault!);
                return status;
            }
        }
        return EventRecordStatus.Record;
    }

    private async Task WriteAsync(RunStore.RunRow run, EventFileRow file, EventStreamRow stream, EventBatch batch, long position, long eventsRead, bool imported, CancellationToken ct)
    {
        var (from, before) = (file.Position, file.Notes);
        var points = batch.Points.ToArray();
        var rows = new List<(MediaSeriesRow Series, MediaRow Row)>(batch.Media.Count);
        var shown = new HashSet<(MediaSeriesRow Series, string Digest)>();
        foreach (var pending in batch.Media) rows.Add((pending.Series, await media.PointAsync(pending.Step, pending.TimeMs, pending.Payload ?? await FilesAsync(pending, shown, ct), ct)));
        (file.Position, file.Size) = (position, Math.Max(file.Size, position));
        (file.Events, file.Points, file.Media) = (file.Events + eventsRead - stream.Counted, file.Points + points.Length, file.Media + rows.Count);
        stream.Counted = eventsRead;
        (file.Skipped, file.StepBacks) = (file.Skipped + batch.Skipped, file.StepBacks + batch.StepBacks);

        var (fresh, changed) = await db.WriteAsync(async session =>
        {
            var row = await RunStore.RequireActiveAsync(session, run.Id);
            var notes = batch.Notes.Concat(await AddParamsAsync(session, row, batch)).ToList();
            file.Notes = before + notes.Count;
            if (!await EventFileStore.AdvanceAsync(session, file, from, time.NowMs()))
                throw new PilothouseException(ErrorCode.FailedPrecondition, $"Someone else is sending '{file.Name}' of this run too. Ask for its position and go on from there.");
            await EventFileStore.AddNotesAsync(session, file.Id, before, notes);
            await EventFileStore.AddTagsAsync(session, run.Num, file.Folder, batch.Tags);
            await EventFileStore.SetStreamAsync(session, run.Num, file.Folder, stream);
            await RunStore.SetTagsAsync(session, run.Num, (IReadOnlyCollection<MlflowPair>)batch.RunTags);
            await AddMediaAsync(session, run.Num, rows, shown);
            var ended = imported && batch.End is { } end && (row.Status, row.EndMs) != (end.Status, end.EndMs ?? row.EndMs);
            if (ended)
            {
                (row.Status, row.EndMs) = (batch.End!.Value.Status, batch.End.Value.EndMs ?? row.EndMs);
                await RunStore.UpdateAsync(session, row);
            }
            return (points.Length == 0 ? null : await metrics.AppendAsync(session, [(run.Num, batch.Keys, points)]), ended ? row.Status : null);
        }, ct);

        metrics.Remember(fresh);
        indexer.Note(run.Num, new MlflowBatch(run.Id, batch.Keys, points, [], []));
        if (points.Length > 0) await events.PublishAsync(new MetricsLogged(run.Id, batch.Keys), ct);
        if (rows.Count > 0) await events.PublishAsync(new MediaLogged(run.Id, [.. rows.Select(r => r.Series.Key).Distinct(StringComparer.Ordinal)]), ct);
        if (changed is not null) await events.PublishAsync(new RunChanged(run.Id, changed), ct);
    }

    /// <summary>Params are written once: another value of the same name is noted instead of refusing the whole file.</summary>
    private static async Task<IEnumerable<EventNote>> AddParamsAsync(DbSession session, RunStore.RunRow run, EventBatch batch)
    {
        if (batch.Params.Count == 0) return [];
        var first = batch.Params.DistinctBy(p => p.Key, StringComparer.Ordinal).ToList();
        var conflicts = await RunStore.AddParamsAsync(session, run.Num, first);
        if (conflicts.Count > 0)
        {
            var refused = conflicts.Select(c => c.Param.Key).ToHashSet(StringComparer.Ordinal);
            await RunStore.AddParamsAsync(session, run.Num, first.FindAll(p => !refused.Contains(p.Key)));
        }
        return conflicts.Select(c => new EventNote(0, "param", $"The parameter '{c.Param.Key}' is '{c.Old}' already; '{c.Param.Value}' was not stored."));
    }

    private static async Task AddMediaAsync(DbSession session, long run, List<(MediaSeriesRow Series, MediaRow Row)> rows, HashSet<(MediaSeriesRow Series, string Digest)> shown)
    {
        var ids = new Dictionary<MediaSeriesRow, long>();
        // Sorted, so that two writers on PostgreSQL make new series in the same order.
        foreach (var series in rows.Select(r => r.Series).Distinct().OrderBy(s => s.Kind, StringComparer.Ordinal).ThenBy(s => s.Key, StringComparer.Ordinal)) ids[series] = await MediaStore.EnsureSeriesAsync(session, run, series);
        await MediaStore.AppendAsync(session, rows.ConvertAll(r => (ids[r.Series], r.Row)));
        await MediaStore.AddBlobsAsync(session, [.. shown.Select(s => (ids[s.Series], s.Digest))]);
    }

    private async Task<byte[]> FilesAsync(PendingMedia pending, HashSet<(MediaSeriesRow, string)> shown, CancellationToken ct)
    {
        var files = new List<MediaPayload.StoredFile>();
        foreach (var (bytes, label) in pending.Files)
        {
            // Asked first: the same picture is often logged at every step, and a blob is synced to the disk when it is put.
            var digest = "sha256:" + Convert.ToHexStringLower(SHA256.HashData(bytes));
            var blob = await blobs.FindAsync(digest, ct) ?? await blobs.PutAsync(bytes, ct);
            shown.Add((pending.Series, digest));
            files.Add(new MediaPayload.StoredFile(MediaTypes.Of(bytes), blob.Digest, blob.Size, label));
        }
        return MediaPayload.OfJson(new MediaPayload.Files(pending.Width, pending.Height, files));
    }
}
