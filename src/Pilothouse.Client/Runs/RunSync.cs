namespace Pilothouse.Client.Runs;

/// <summary>What became of a run that was kept on disk.</summary>
public enum SyncState
{
    Sent,
    /// <summary>Its process lives and sends it itself.</summary>
    Live,
    /// <summary>The server is away, or refuses: it stays where it is.</summary>
    Kept,
}

/// <param name="Reason">Why it was kept; null otherwise.</param>
/// <param name="Refused">Entries that the server refused for good.</param>
public sealed record SyncResult(string RunId, string Directory, SyncState State, string? Reason, int Refused);

/// <summary>Sends the runs that were kept while a server was away.</summary>
public static class RunSync
{
    /// <summary>Buffers may be large, whatever their bound was.</summary>
    private const long NoLimit = long.MaxValue / 2;

    /// <param name="root">Directory of the buffers; null = the default one.</param>
    /// <param name="connect">Client for the server a run was started on; null = leave it.</param>
    public static async IAsyncEnumerable<SyncResult> SendAsync(string? root, Func<string, PilothouseClient?> connect, Action<string> problem, TimeProvider time,
        [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken ct)
    {
        foreach (var directory in RunBuffer.List(root ?? RunBuffer.DefaultRoot))
        {
            if (ct.IsCancellationRequested) yield break;
            yield return await SendOneAsync(directory, connect, problem, time, ct);
        }
    }

    private static async Task<SyncResult> SendOneAsync(string directory, Func<string, PilothouseClient?> connect, Action<string> problem, TimeProvider time, CancellationToken ct)
    {
        var id = RunBuffer.ReadHeader(directory)?.RunId ?? Path.GetFileName(directory);
        try
        {
            using var buffer = RunBuffer.TryOpen(directory, NoLimit);
            if (buffer is null) return new SyncResult(id, directory, SyncState.Live, null, 0);
            if (connect(buffer.Header.Server) is not { } client) return new SyncResult(id, directory, SyncState.Kept, $"it belongs to the server {buffer.Header.Server}", 0);
            EndOfKilled(buffer);
            var sender = new RunSender(client, buffer, problem);
            while (await sender.SendAllAsync(ct)) { }
            buffer.Remove();
            return new SyncResult(id, directory, SyncState.Sent, null, sender.Refused);
        }
        catch (Exception e) when (SendFailures.IsExpected(e) || e is OperationCanceledException or UnauthorizedAccessException)
        {
            return new SyncResult(id, directory, SyncState.Kept, e.Message, 0);
        }
    }

    /// <summary>The owner died before it could say how the run ended: it was killed, when it last wrote.</summary>
    private static void EndOfKilled(RunBuffer buffer)
    {
        if (buffer.Header.New is null) return;
        var last = buffer.LastWritten;
        for (long at = 0; buffer.Read(at, 1000) is { Count: > 0 } entries; at = entries[^1].End)
            if (entries.Any(e => e.Entry?.Kind == JournalEntry.End)) return;
        buffer.Append(new JournalEntry(JournalEntry.End, "KILLED", "the process that recorded this run was killed; the end is when it last wrote", TimeMs: last.ToUnixTimeMilliseconds()));
    }
}
