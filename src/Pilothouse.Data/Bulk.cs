using Microsoft.Data.Sqlite;
using Npgsql;
using NpgsqlTypes;
using SQLitePCL;

namespace Pilothouse.Data;

/// <summary>Receives the columns of one row, in order.</summary>
public interface IBulkRow
{
    void Text(string? value);
    void Integer(long value);
    void Real(double value);
    void Bytes(byte[]? value);
    void Null();
}

/// <summary>SQLite: one prepared statement bound through the native API, which spares a boxed object and a lookup a value.</summary>
internal static class SqliteBulk
{
    public static Task Insert<T>(SqliteConnection connection, string table, IReadOnlyList<string> columns, IReadOnlyCollection<T> rows,
        Action<IBulkRow, T> write, string onConflict)
    {
        var sql = $"INSERT INTO {table} ({string.Join(',', columns)}) VALUES ({string.Join(',', Enumerable.Repeat("?", columns.Count))}) {onConflict}";
        var db = connection.Handle ?? throw new InvalidOperationException("The connection is not open.");
        Check(db, raw.sqlite3_prepare_v2(db, sql, out var statement));
        using (statement)
        {
            var row = new Row(statement);
            foreach (var item in rows)
            {
                row.Column = 0;
                write(row, item);
                var rc = raw.sqlite3_step(statement);
                if (rc != raw.SQLITE_DONE) Check(db, rc);
                raw.sqlite3_reset(statement);
            }
        }
        return Task.CompletedTask;
    }

    private static void Check(sqlite3 db, int rc)
    {
        if (rc is raw.SQLITE_OK or raw.SQLITE_DONE) return;
        throw new SqliteException(raw.sqlite3_errmsg(db).utf8_to_string(), rc, raw.sqlite3_extended_errcode(db));
    }

    private sealed class Row(sqlite3_stmt statement) : IBulkRow
    {
        public int Column;

        public void Text(string? value)
        {
            if (value is null) raw.sqlite3_bind_null(statement, ++Column);
            else raw.sqlite3_bind_text(statement, ++Column, value);
        }

        public void Integer(long value) => raw.sqlite3_bind_int64(statement, ++Column, value);

        public void Null() => raw.sqlite3_bind_null(statement, ++Column);

        // SQLite stores NaN as NULL; callers that need NaN keep a flag column beside the value.
        public void Real(double value) => raw.sqlite3_bind_double(statement, ++Column, value);

        public void Bytes(byte[]? value)
        {
            if (value is null) raw.sqlite3_bind_null(statement, ++Column);
            else raw.sqlite3_bind_blob(statement, ++Column, value);
        }
    }
}

/// <summary>PostgreSQL: binary COPY; through a temporary table when conflicts are to be resolved (COPY itself has no ON CONFLICT).</summary>
internal static class PostgresBulk
{
    public static async Task InsertAsync<T>(NpgsqlConnection connection, string table, IReadOnlyList<string> columns, IReadOnlyCollection<T> rows,
        Action<IBulkRow, T> write, string onConflict, CancellationToken ct)
    {
        var list = string.Join(',', columns);
        var target = onConflict.Length > 0 ? $"bulk_{table}" : table;
        if (onConflict.Length > 0)
        {
            await using var create = new NpgsqlCommand(
                $"CREATE TEMP TABLE IF NOT EXISTS {target} (LIKE {table} INCLUDING DEFAULTS) ON COMMIT DELETE ROWS; TRUNCATE {target}", connection);
            await create.ExecuteNonQueryAsync(ct);
        }

        await using (var copy = await connection.BeginBinaryImportAsync($"COPY {target} ({list}) FROM STDIN (FORMAT BINARY)", ct))
        {
            var row = new Row(copy);
            foreach (var item in rows)
            {
                await copy.StartRowAsync(ct);
                write(row, item);
            }
            await copy.CompleteAsync(ct);
        }

        if (onConflict.Length == 0) return;
        await using var move = new NpgsqlCommand($"INSERT INTO {table} ({list}) SELECT {list} FROM {target} {onConflict}", connection);
        await move.ExecuteNonQueryAsync(ct);
    }

    private sealed class Row(NpgsqlBinaryImporter copy) : IBulkRow
    {
        public void Text(string? value)
        {
            if (value is null) copy.WriteNull();
            else copy.Write(value, NpgsqlDbType.Text);
        }

        public void Integer(long value) => copy.Write(value, NpgsqlDbType.Bigint);

        public void Null() => copy.WriteNull();

        public void Real(double value) => copy.Write(value, NpgsqlDbType.Double);

        public void Bytes(byte[]? value)
        {
            if (value is null) copy.WriteNull();
            else copy.Write(value, NpgsqlDbType.Bytea);
        }
    }
}
