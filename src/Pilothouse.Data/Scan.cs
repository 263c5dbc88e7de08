using System.Buffers;
using System.Globalization;
using System.Text;
using Microsoft.Data.Sqlite;
using Npgsql;
using SQLitePCL;

namespace Pilothouse.Data;

/// <summary>One row of a scan. Texts can be taken as UTF-8, without making strings of them.</summary>
public interface IScanRow
{
    long Integer(int column);
    double Real(int column);
    string Text(int column);

    /// <summary>Valid until the next call.</summary>
    ReadOnlySpan<byte> Utf8(int column);
    bool IsNull(int column);
}

/// <summary>
/// SQLite through its native API: what a page of runs shows is tens of thousands of small rows, for which the layers of ADO.NET and a mapper cost several times the read.
/// </summary>
internal static class SqliteScan
{
    public static void Run(SqliteConnection connection, string sql, IReadOnlyList<long> ids, Action<IScanRow> read, CancellationToken ct)
    {
        var db = connection.Handle ?? throw new InvalidOperationException("The connection is not open.");
        // Numbers stand in the text: parsing them is cheaper than binding each.
        var list = new StringBuilder(ids.Count * 8);
        foreach (var id in ids) list.Append(list.Length == 0 ? "" : ",").Append(id.ToString(CultureInfo.InvariantCulture));
        Check(db, raw.sqlite3_prepare_v2(db, string.Format(CultureInfo.InvariantCulture, sql, $"IN ({list})"), out var statement));
        using (statement)
        {
            var row = new Row(statement);
            int rc;
            while ((rc = raw.sqlite3_step(statement)) == raw.SQLITE_ROW)
            {
                ct.ThrowIfCancellationRequested();
                read(row);
            }
            Check(db, rc);
        }
    }

    private static void Check(sqlite3 db, int rc)
    {
        if (rc is raw.SQLITE_OK or raw.SQLITE_DONE) return;
        throw new SqliteException(raw.sqlite3_errmsg(db).utf8_to_string(), rc, raw.sqlite3_extended_errcode(db));
    }

    private sealed class Row(sqlite3_stmt statement) : IScanRow
    {
        public long Integer(int column) => raw.sqlite3_column_int64(statement, column);

        public double Real(int column) => raw.sqlite3_column_double(statement, column);

        public string Text(int column) => Encoding.UTF8.GetString(Utf8(column));

        // SQLite gives the same bytes for a text as for a blob; the blob call says how many.
        public ReadOnlySpan<byte> Utf8(int column) => raw.sqlite3_column_blob(statement, column);

        public bool IsNull(int column) => raw.sqlite3_column_type(statement, column) == raw.SQLITE_NULL;
    }
}

internal static class PostgresScan
{
    public static async Task RunAsync(NpgsqlConnection connection, string sql, IReadOnlyList<long> ids, Action<IScanRow> read, CancellationToken ct)
    {
        await using var command = new NpgsqlCommand(string.Format(CultureInfo.InvariantCulture, sql, "= ANY($1)"), connection);
        command.Parameters.Add(new NpgsqlParameter { Value = ids as long[] ?? [.. ids] });
        await using var reader = await command.ExecuteReaderAsync(ct);
        var row = new Row(reader);
        try
        {
            while (await reader.ReadAsync(ct)) read(row);
        }
        finally
        {
            row.Release();
        }
    }

    private sealed class Row(NpgsqlDataReader reader) : IScanRow
    {
        private byte[] _scratch = ArrayPool<byte>.Shared.Rent(1024);

        public long Integer(int column) => reader.GetInt64(column);

        public double Real(int column) => reader.GetDouble(column);

        public string Text(int column) => reader.GetString(column);

        public ReadOnlySpan<byte> Utf8(int column)
        {
            var text = reader.GetString(column);
            var max = Encoding.UTF8.GetMaxByteCount(text.Length);
            if (_scratch.Length < max)
            {
                ArrayPool<byte>.Shared.Return(_scratch);
                _scratch = ArrayPool<byte>.Shared.Rent(max);
            }
            return _scratch.AsSpan(0, Encoding.UTF8.GetBytes(text, _scratch));
        }

        public bool IsNull(int column) => reader.IsDBNull(column);

        public void Release() => ArrayPool<byte>.Shared.Return(_scratch);
    }
}
