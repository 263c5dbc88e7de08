using System.Text;
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

    void Integer(long? value)
    {
        if (value is { } number) Integer(number);
        else Null();
    }

    void Real(double? value)
    {
        if (value is { } number) Real(number);
        else Null();
    }
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
        private byte[] _utf8 = new byte[1024];

        public int Column;

        public void Text(string? value)
        {
            if (value is null)
            {
                raw.sqlite3_bind_null(statement, ++Column);
                return;
            }
            if (value.Length == 0)
            {
                raw.sqlite3_bind_text(statement, ++Column, ""); // an empty span has no address, and would be NULL
                return;
            }
            // SQLite copies what it is given, so one buffer serves all texts.
            if (_utf8.Length < value.Length * 3) _utf8 = new byte[value.Length * 3];
            raw.sqlite3_bind_text(statement, ++Column, _utf8.AsSpan(0, Encoding.UTF8.GetBytes(value, _utf8)));
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

/// <summary>PostgreSQL: binary COPY; where conflicts are to be resolved (COPY has no ON CONFLICT) one INSERT from arrays, an array a column.</summary>
internal static class PostgresBulk
{
    public static async Task InsertAsync<T>(NpgsqlConnection connection, string table, IReadOnlyList<string> columns, IReadOnlyCollection<T> rows,
        Action<IBulkRow, T> write, string onConflict, CancellationToken ct)
    {
        if (onConflict.Length > 0)
        {
            await InsertArraysAsync(connection, table, columns, rows, write, onConflict, ct);
            return;
        }
        await using var copy = await connection.BeginBinaryImportAsync($"COPY {table} ({string.Join(',', columns)}) FROM STDIN (FORMAT BINARY)", ct);
        var row = new CopyRow(copy);
        foreach (var item in rows)
        {
            await copy.StartRowAsync(ct);
            write(row, item);
        }
        await copy.CompleteAsync(ct);
    }

    private static async Task InsertArraysAsync<T>(NpgsqlConnection connection, string table, IReadOnlyList<string> columns, IReadOnlyCollection<T> rows,
        Action<IBulkRow, T> write, string onConflict, CancellationToken ct)
    {
        var arrays = new ArrayRow(columns.Count, rows.Count);
        foreach (var item in rows)
        {
            arrays.Column = 0;
            write(arrays, item);
        }
        // A column that is NULL in every row has no type, so it has no array.
        var typed = Enumerable.Range(0, columns.Count).Where(c => arrays.TypeOf(c) is not null).ToList();
        var values = string.Join(',', columns.Select((_, c) => arrays.TypeOf(c) is null ? "NULL" : $"c{c}"));
        await using var insert = new NpgsqlCommand(
            $"INSERT INTO {table} ({string.Join(',', columns)}) SELECT {values} FROM unnest({string.Join(',', typed.Select((_, i) => $"${i + 1}"))}) AS u({string.Join(',', typed.Select(c => $"c{c}"))}) {onConflict}", connection);
        foreach (var c in typed) insert.Parameters.Add(new NpgsqlParameter { Value = arrays.ValuesOf(c), NpgsqlDbType = NpgsqlDbType.Array | arrays.TypeOf(c)!.Value });
        await insert.ExecuteNonQueryAsync(ct);
    }

    private sealed class CopyRow(NpgsqlBinaryImporter copy) : IBulkRow
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

    /// <summary>Collects the values by column. The type of a column is that of its first value that is not null.</summary>
    private sealed class ArrayRow(int columns, int rows) : IBulkRow
    {
        private readonly System.Collections.IList?[] _lists = new System.Collections.IList?[columns];
        private readonly NpgsqlDbType?[] _types = new NpgsqlDbType?[columns];
        private readonly int[] _nulls = new int[columns];

        public int Column;

        public NpgsqlDbType? TypeOf(int column) => _types[column];

        public object ValuesOf(int column) => _lists[column]!;

        public void Text(string? value)
        {
            if (value is null) Null();
            else List<string?>(NpgsqlDbType.Text).Add(value);
        }

        public void Integer(long value) => List<long?>(NpgsqlDbType.Bigint).Add(value);

        public void Real(double value) => List<double?>(NpgsqlDbType.Double).Add(value);

        public void Bytes(byte[]? value)
        {
            if (value is null) Null();
            else List<byte[]?>(NpgsqlDbType.Bytea).Add(value);
        }

        public void Null()
        {
            if (_lists[Column] is { } list) list.Add(null);
            else _nulls[Column]++;
            Column++;
        }

        private List<T> List<T>(NpgsqlDbType type)
        {
            var column = Column++;
            if (_lists[column] is { } known) return (List<T>)known;
            var list = new List<T>(rows);
            for (var i = 0; i < _nulls[column]; i++) list.Add(default!);
            _lists[column] = list;
            _types[column] = type;
            return list;
        }
    }
}
