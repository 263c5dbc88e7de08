using System.Data.Common;
using Dapper;

namespace Pilothouse.Data;

/// <summary>One connection, inside one transaction when writing. Dapper maps; SQL is the caller's.</summary>
public sealed class DbSession
{
    private readonly CancellationToken _ct;

    internal DbSession(DbConnection connection, DbTransaction? transaction, SqlDialect dialect, CancellationToken ct)
    {
        Connection = connection;
        Transaction = transaction;
        Dialect = dialect;
        _ct = ct;
    }

    public DbConnection Connection { get; }

    public DbTransaction? Transaction { get; }

    public SqlDialect Dialect { get; }

    /// <summary>Runs a statement; returns the number of rows it changed.</summary>
    public Task<int> ExecuteAsync(string sql, object? args = null) => Connection.ExecuteAsync(Command(sql, args));

    /// <summary>Reads all rows. The SQL carries a LIMIT: no list is unbounded.</summary>
    public async Task<List<T>> QueryAsync<T>(string sql, object? args = null) => (await Connection.QueryAsync<T>(Command(sql, args))).AsList();

    /// <summary>Reads the first row, or default when there is none.</summary>
    public Task<T?> FirstOrDefaultAsync<T>(string sql, object? args = null) => Connection.QueryFirstOrDefaultAsync<T?>(Command(sql, args));

    /// <summary>Reads one value.</summary>
    public Task<T?> ScalarAsync<T>(string sql, object? args = null) => Connection.ExecuteScalarAsync<T?>(Command(sql, args));

    /// <summary>
    /// Appends many rows as fast as the database can (COPY on PostgreSQL, one prepared statement on SQLite).
    /// </summary>
    /// <param name="table">Table name; SQL of ours, never user input.</param>
    /// <param name="columns">Columns, in the order in which <paramref name="write"/> writes them.</param>
    /// <param name="rows">The rows.</param>
    /// <param name="write">Writes one row's columns.</param>
    /// <param name="ignoreDuplicates">Rows whose key is there already are left out instead of failing the whole append.</param>
    public Task BulkInsertAsync<T>(string table, IReadOnlyList<string> columns, IReadOnlyCollection<T> rows, Action<IBulkRow, T> write, bool ignoreDuplicates) =>
        BulkUpsertAsync(table, columns, rows, write, ignoreDuplicates ? "ON CONFLICT DO NOTHING" : "");

    /// <summary>As <see cref="BulkInsertAsync{T}"/>, with an ON CONFLICT clause of the caller's, e.g. <c>ON CONFLICT (id) DO UPDATE SET value = excluded.value</c>.</summary>
    /// <remarks>With DO UPDATE no two of the rows may have the same key (a rule of PostgreSQL).</remarks>
    public Task BulkUpsertAsync<T>(string table, IReadOnlyList<string> columns, IReadOnlyCollection<T> rows, Action<IBulkRow, T> write, string onConflict) =>
        rows.Count == 0 ? Task.CompletedTask
        : Connection is Npgsql.NpgsqlConnection postgres ? PostgresBulk.InsertAsync(postgres, table, columns, rows, write, onConflict, _ct)
        : SqliteBulk.Insert((Microsoft.Data.Sqlite.SqliteConnection)Connection, table, columns, rows, write, onConflict);

    /// <summary>Holds a lock of that number until the transaction ends; others that want it, shared or not, wait. Nothing on SQLite, which has one writer.</summary>
    public Task LockAsync(long number) => Dialect.Name == "sqlite" ? Task.CompletedTask : ExecuteAsync("SELECT pg_advisory_xact_lock(@number)", new { number });

    /// <summary>Holds locks that others may hold too, but only as shared ones.</summary>
    /// <param name="numbers">In ascending order, so that no two transactions wait for each other.</param>
    public Task ShareLocksAsync(long[] numbers) =>
        Dialect.Name == "sqlite" ? Task.CompletedTask : ExecuteAsync("SELECT pg_advisory_xact_lock_shared(number) FROM unnest(@numbers) AS number", new { numbers });

    /// <summary>Reads many small rows of given keys, with no object for each.</summary>
    /// <param name="sql">With <c>{0}</c> where the keys are compared: <c>SELECT run, key FROM t WHERE run {0} ORDER BY run</c>. SQL of ours, never user input.</param>
    /// <param name="ids">The keys; the caller keeps their number bounded.</param>
    /// <param name="read">Called for each row, which is valid only then.</param>
    public Task ScanAsync(string sql, IReadOnlyList<long> ids, Action<IScanRow> read)
    {
        if (ids.Count == 0) return Task.CompletedTask;
        if (Connection is Npgsql.NpgsqlConnection postgres) return PostgresScan.RunAsync(postgres, sql, ids, read, _ct);
        SqliteScan.Run((Microsoft.Data.Sqlite.SqliteConnection)Connection, sql, ids, read, _ct);
        return Task.CompletedTask;
    }

    private CommandDefinition Command(string sql, object? args) => new(sql, args, Transaction, cancellationToken: _ct);
}
