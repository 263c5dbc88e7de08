using System.Globalization;
using Pilothouse.Protocols.Mlflow;
using Pilothouse.Protocols.V1;

namespace Pilothouse.Client.Runs;

/// <summary>Takes a buffer to the server, in order, each step safe to repeat: what was sent but not confirmed before a crash is sent again and changes nothing.</summary>
internal sealed class RunSender(PilothouseClient client, RunBuffer buffer, Action<string> problem)
{
    /// <summary>Limits of log-batch.</summary>
    private const int MaxMetrics = 1000, MaxPairs = 100, MaxEntries = 1000;

    private const int LogPiece = 256 * 1024;
    private static readonly TimeSpan CallLimit = TimeSpan.FromSeconds(60);
    private static readonly string[] Streams = ["stdout", "stderr"];

    private readonly Dictionary<string, LogLength> _logs = [];
    private int _refused;

    /// <summary>Null until the server has answered.</summary>
    public StartedRun? Run { get; private set; }

    public int Refused => _refused;

    private string Id => buffer.Header.RunId;

    /// <summary>Makes the run, or finds it.</summary>
    public async Task ConnectAsync(CancellationToken ct)
    {
        if (Run is not null) return;
        using var limit = Limit(ct);
        if (buffer.Header.New is { } fresh)
        {
            Run = await client.PutRunAsync(Id, fresh, limit.Token);
            return;
        }
        var run = await client.GetRunAsync(Id, limit.Token);
        Run = new StartedRun(Id, run.Run.Name, run.Run.ExperimentId, run.ArtifactUri, run.Run.Status);
    }

    /// <summary>Sends all there is now.</summary>
    /// <returns>False when there was nothing.</returns>
    public async Task<bool> SendAllAsync(CancellationToken ct)
    {
        await ConnectAsync(ct);
        var sent = await SendLogsAsync(ct);
        while (buffer.Read(buffer.Sent, MaxEntries) is { Count: > 0 } entries)
        {
            sent = true;
            await SendSomeAsync(entries, ct);
        }
        return sent;
    }

    /// <summary>Sends a first part of the entries: a batch, or one that stands for itself.</summary>
    private async Task SendSomeAsync(List<(JournalEntry? Entry, long End)> entries, CancellationToken ct)
    {
        var (first, firstEnd) = entries[0];
        if (first is null)
        {
            problem($"a damaged line in {buffer.Directory} was left out");
            buffer.Confirm(firstEnd, last: false);
            return;
        }
        if (first.Kind is JournalEntry.File or JournalEntry.End)
        {
            await SendAloneAsync(first, ct);
            buffer.Confirm(firstEnd, first.Kind == JournalEntry.End);
            return;
        }
        var batch = TakeBatch(entries);
        await SendBatchAsync([.. batch.Select(e => e.Entry!)], ct);
        buffer.Confirm(batch[^1].End, last: false);
    }

    private static List<(JournalEntry? Entry, long End)> TakeBatch(List<(JournalEntry? Entry, long End)> entries)
    {
        int metrics = 0, parameters = 0, tags = 0, count = 0;
        foreach (var (entry, _) in entries)
        {
            var fits = entry?.Kind switch
            {
                JournalEntry.Metric => ++metrics <= MaxMetrics,
                JournalEntry.Param => ++parameters <= MaxPairs,
                JournalEntry.Tag => ++tags <= MaxPairs,
                _ => false,
            };
            if (!fits) break;
            count++;
        }
        return entries[..count];
    }

    /// <summary>A batch is all or nothing: one that is refused is halved until the entry at fault stands alone, and only that is left out.</summary>
    private async Task SendBatchAsync(IReadOnlyList<JournalEntry> entries, CancellationToken ct)
    {
        try
        {
            using var limit = Limit(ct);
            await client.LogBatchAsync(Id,
                [.. entries.Where(e => e.Kind == JournalEntry.Metric).Select(e => new MlflowMetric { Key = e.Name, Value = e.Value, Timestamp = e.TimeMs, Step = e.Step })],
                [.. entries.Where(e => e.Kind == JournalEntry.Param).Select(e => new MlflowTag(e.Name, e.Text))],
                [.. entries.Where(e => e.Kind == JournalEntry.Tag).Select(e => new MlflowTag(e.Name, e.Text))], limit.Token);
        }
        catch (PilothouseApiException e) when (SendFailures.Classify(e) == SendFailure.Refused)
        {
            if (entries.Count == 1)
            {
                Refuse(entries[0], e.Message);
                return;
            }
            await SendBatchAsync([.. entries.Take(entries.Count / 2)], ct);
            await SendBatchAsync([.. entries.Skip(entries.Count / 2)], ct);
        }
    }

    private async Task SendAloneAsync(JournalEntry entry, CancellationToken ct)
    {
        try
        {
            if (entry.Kind == JournalEntry.File) await SendFileAsync(entry, ct);
            else await SendEndAsync(entry, ct);
        }
        catch (PilothouseApiException e) when (SendFailures.Classify(e) == SendFailure.Refused)
        {
            Refuse(entry, e.Message);
        }
    }

    private async Task SendFileAsync(JournalEntry entry, CancellationToken ct)
    {
        var path = Path.Combine(buffer.Directory, entry.Text!);
        if (!File.Exists(path)) return; // confirmed before, and cut short behind the removal
        await using (var content = File.OpenRead(path)) await client.UploadArtifactAsync(Run!.ArtifactUri, entry.Name, content, ct);
        buffer.DropFile(entry.Text!);
    }

    private async Task SendEndAsync(JournalEntry entry, CancellationToken ct)
    {
        await SendLogsAsync(ct);
        foreach (var (stream, length) in _logs)
        {
            // More than the server takes live: the whole file, streamed.
            var file = new FileInfo(buffer.LogPath(stream));
            if (!file.Exists || file.Length <= length.Length) continue;
            await using var content = file.OpenRead();
            await client.UploadArtifactAsync(Run!.ArtifactUri, $"logs/{stream}.log", content, ct);
        }
        using var limit = Limit(ct);
        if (_refused > 0) await client.LogBatchAsync(Id, [], [], [new MlflowTag("pilothouse.refused", $"{_refused.ToString(CultureInfo.InvariantCulture)} entries")], limit.Token);
        await client.EndRunAsync(Id, new RunEnd(entry.Name, entry.TimeMs ?? 0, entry.Text), limit.Token);
    }

    private async Task<bool> SendLogsAsync(CancellationToken ct)
    {
        var sent = false;
        foreach (var stream in Streams)
        {
            var file = new FileInfo(buffer.LogPath(stream));
            if (!file.Exists) continue;
            // The server says where it stands: after a crash on either side nothing comes twice.
            if (!_logs.TryGetValue(stream, out var at)) _logs[stream] = at = await client.AppendLogAsync(Id, stream, 0, default, ct);
            await using var content = new FileStream(file.FullName, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
            var piece = new byte[LogPiece];
            while (!at.Full && content.Length > at.Length)
            {
                content.Position = at.Length;
                var read = await content.ReadAsync(piece, ct);
                using var limit = Limit(ct);
                _logs[stream] = at = await client.AppendLogAsync(Id, stream, at.Length, piece.AsMemory(0, read), limit.Token);
                sent = true;
            }
        }
        return sent;
    }

    private void Refuse(JournalEntry entry, string reason)
    {
        _refused++;
        buffer.Refuse(entry, reason);
        problem($"the {entry.Kind} '{entry.Name}' was refused: {reason}");
    }

    private static CancellationTokenSource Limit(CancellationToken ct)
    {
        var limit = CancellationTokenSource.CreateLinkedTokenSource(ct);
        limit.CancelAfter(CallLimit);
        return limit;
    }
}
