using System.Data.Common;
using Microsoft.Data.Sqlite;
using Npgsql;

namespace Pilothouse.Data;

/// <summary>
/// The database. Reads run at once on a pooled connection; writes run inside one transaction and are durable when the returned task completes.
/// </summary>
/// <remarks>
/// A write delegate may run again after a lost race (PostgreSQL), and on SQLite it shares a commit with other writes (see
/// <see cref="SqliteWriter"/>): it must only touch the database, and must not wait for anything else.
/// </remarks>
public sealed class Db : IAsyncDisposable
{
    private const int MaxAttempts = 4;
    private readonly string? _sqliteReadString;
    private readonly SqliteWriter? _sqliteWriter;
    private readonly NpgsqlDataSource? _postgres;

    private Db(string sqliteReadString, SqliteWriter writer)
    {
        _sqliteReadString = sqliteReadString;
        _sqliteWriter = writer;
        Dialect = SqlDialect.Sqlite;
    }

    private Db(NpgsqlDataSource postgres)
    {
        _postgres = postgres;
        Dialect = SqlDialect.Postgres;
    }

    public SqlDialect Dialect { get; }

    /// <summary>Opens (or creates) a SQLite database file in WAL mode.</summary>
    public static Db OpenSqlite(string path)
    {
        var builder = new SqliteConnectionStringBuilder { DataSource = path, Pooling = true, DefaultTimeout = 30 };
        return new Db(builder.ToString(), new SqliteWriter(builder.ToString()));
    }

    /// <summary>Opens PostgreSQL by its Npgsql connection string.</summary>
    public static Db OpenPostgres(string connectionString) => new(NpgsqlDataSource.Create(connectionString));

    /// <summary>Runs a read. On SQLite it sees the last commit; on PostgreSQL each statement does.</summary>
    public async Task<T> ReadAsync<T>(Func<DbSession, Task<T>> read, CancellationToken ct)
    {
        await using var connection = await OpenReaderAsync(ct);
        return await read(new DbSession(connection, null, Dialect, ct));
    }

    /// <summary>Runs a write in a transaction. When the task completes, the write is on disk.</summary>
    public Task<T> WriteAsync<T>(Func<DbSession, Task<T>> write, CancellationToken ct) =>
        _sqliteWriter is { } writer ? writer.WriteAsync(write, ct) : WritePostgresAsync(write, ct);

    /// <inheritdoc cref="WriteAsync{T}"/>
    public Task WriteAsync(Func<DbSession, Task> write, CancellationToken ct) =>
        WriteAsync(async session => { await write(session); return true; }, ct);

    public async ValueTask DisposeAsync()
    {
        if (_sqliteWriter is not null)
        {
            await _sqliteWriter.DisposeAsync();
            SqliteConnection.ClearPool(new SqliteConnection(_sqliteReadString));
        }
        if (_postgres is not null) await _postgres.DisposeAsync();
    }

    internal async Task<DbConnection> OpenReaderAsync(CancellationToken ct)
    {
        if (_postgres is not null) return await _postgres.OpenConnectionAsync(ct);
        var connection = new SqliteConnection(_sqliteReadString);
        await connection.OpenAsync(ct);
        return connection;
    }

    private async Task<T> WritePostgresAsync<T>(Func<DbSession, Task<T>> write, CancellationToken ct)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                await using var connection = await _postgres!.OpenConnectionAsync(ct);
                await using var transaction = await connection.BeginTransactionAsync(ct);
                var result = await write(new DbSession(connection, transaction, Dialect, ct));
                await transaction.CommitAsync(ct);
                return result;
            }
            catch (DbException e) when (attempt < MaxAttempts && Dialect.Classify(e) == DbErrorKind.Busy)
            {
                // Lost a race: the transaction was rolled back whole, so it can run again.
            }
        }
    }
}
