using System.Diagnostics;
using System.Threading.Channels;
using Microsoft.Data.Sqlite;

namespace Pilothouse.Data;

/// <summary>
/// The only writer of a SQLite database: merges the writes that wait into one commit ("group commit"), so that a hundred
/// small requests cost one fsync and every answer still means durable.
/// </summary>
/// <remarks>Each write has its own savepoint: one that fails is undone alone.</remarks>
internal sealed class SqliteWriter : IAsyncDisposable
{
    /// <summary>Writes that may wait; the next caller waits for room, which is the back pressure.</summary>
    private const int QueueLength = 4096;
    private const int MaxWritesPerCommit = 512;
    private static readonly TimeSpan MaxTimePerCommit = TimeSpan.FromMilliseconds(50);

    private readonly Channel<Work> _queue = Channel.CreateBounded<Work>(new BoundedChannelOptions(QueueLength) { SingleReader = true });
    private readonly SqliteConnection _connection;
    private readonly Task _loop;

    public SqliteWriter(string connectionString)
    {
        _connection = new SqliteConnection(connectionString);
        _connection.Open();
        // synchronous=FULL: in WAL mode NORMAL would lose the last commits on power loss, and an answer means durable.
        Execute("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA busy_timeout=30000; PRAGMA temp_store=MEMORY; PRAGMA cache_size=-32768; PRAGMA wal_autocheckpoint=4000;");
        _loop = Task.Factory.StartNew(RunAsync, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default).Unwrap();
    }

    public async Task<T> WriteAsync<T>(Func<DbSession, Task<T>> write, CancellationToken ct)
    {
        var work = new Work<T>(write, ct);
        await _queue.Writer.WriteAsync(work, ct);
        return await work.Completion.Task;
    }

    public async ValueTask DisposeAsync()
    {
        _queue.Writer.TryComplete();
        await _loop;
        await _connection.DisposeAsync();
    }

    private async Task RunAsync()
    {
        var batch = new List<Work>(MaxWritesPerCommit);
        while (await _queue.Reader.WaitToReadAsync())
        {
            batch.Clear();
            try
            {
                await CommitBatchAsync(batch);
            }
            catch (SqliteException e)
            {
                // BEGIN or COMMIT failed (disk full, locked): nothing of the batch is durable, so nobody is told that it is.
                TryRollback();
                foreach (var work in batch) work.Fail(e);
            }
        }
    }

    private async Task CommitBatchAsync(List<Work> batch)
    {
        var started = Stopwatch.GetTimestamp();
        await using var transaction = _connection.BeginTransaction(deferred: false);
        while (batch.Count < MaxWritesPerCommit && Stopwatch.GetElapsedTime(started) < MaxTimePerCommit && _queue.Reader.TryRead(out var work))
        {
            batch.Add(work);
            if (work.Ct.IsCancellationRequested) continue;
            Execute("SAVEPOINT w", transaction);
            if (await work.RunAsync(new DbSession(_connection, transaction, SqlDialect.Sqlite, work.Ct)))
                Execute("RELEASE w", transaction);
            else
                Execute("ROLLBACK TO w; RELEASE w", transaction);
        }
        transaction.Commit();
        foreach (var work in batch) work.Complete();
    }

    private void TryRollback()
    {
        try { Execute("ROLLBACK"); }
        catch (SqliteException) { /* no transaction was open any more */ }
    }

    private void Execute(string sql, SqliteTransaction? transaction = null)
    {
        using var command = _connection.CreateCommand();
        command.CommandText = sql;
        command.Transaction = transaction;
        command.ExecuteNonQuery();
    }

    private abstract class Work(CancellationToken ct)
    {
        public CancellationToken Ct { get; } = ct;
        public abstract Task<bool> RunAsync(DbSession session);
        public abstract void Complete();
        public abstract void Fail(Exception error);
    }

    private sealed class Work<T>(Func<DbSession, Task<T>> write, CancellationToken ct) : Work(ct)
    {
        private T? _result;
        private Exception? _error;

        public TaskCompletionSource<T> Completion { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public override async Task<bool> RunAsync(DbSession session)
        {
            try
            {
                _result = await write(session);
                return true;
            }
            catch (Exception e)
            {
                _error = e;
                return false;
            }
        }

        public override void Complete()
        {
            if (_error is not null) Completion.TrySetException(_error);
            else if (Ct.IsCancellationRequested && _result is null) Completion.TrySetCanceled(Ct);
            else Completion.TrySetResult(_result!);
        }

        public override void Fail(Exception error) => Completion.TrySetException(error);
    }
}
