using System.Data.Common;
using Microsoft.Data.Sqlite;
using Npgsql;

namespace Pilothouse.Data;

/// <summary>What went wrong in the database, in words both databases share.</summary>
public enum DbErrorKind
{
    /// <summary>Not a fault this layer knows.</summary>
    Other,
    /// <summary>A unique or primary key already holds that value.</summary>
    UniqueViolation,
    /// <summary>Another writer held the lock too long, or the transaction lost a race: the same call may succeed later.</summary>
    Busy,
    /// <summary>The server could not be reached or closed the connection.</summary>
    Connection,
    /// <summary>The disk (or quota) under the database is full.</summary>
    DiskFull,
    /// <summary>A text that this database cannot hold: PostgreSQL has no NUL character.</summary>
    InvalidText,
}

/// <summary>
/// The real differences between SQLite and PostgreSQL, and nothing else: everything that both understand is plain SQL in the stores.
/// </summary>
public abstract class SqlDialect
{
    private protected SqlDialect() { }

    /// <summary>Name used in migration file names and in options: <c>sqlite</c> or <c>postgres</c>.</summary>
    public abstract string Name { get; }

    /// <summary><c>column IN (values)</c> for a Dapper list parameter. PostgreSQL gets an array (DapperLib/Dapper issue 1324).</summary>
    public abstract string In(string column, string parameter);

    /// <summary>Case-sensitive LIKE with % and _ and no escape character, as MLflow's LIKE.</summary>
    public abstract string Like(string left, string right);

    /// <summary>Case-insensitive LIKE, as MLflow's ILIKE.</summary>
    public abstract string ILike(string left, string right);

    /// <summary>Suffix that compares a text by its bytes, whatever the database's language: what SQLite does by itself.</summary>
    public abstract string Binary { get; }

    /// <summary>Text of one top-level member of a JSON text column.</summary>
    public abstract string JsonText(string column, string member);

    /// <summary>Suffix that makes a SELECT lock the rows it claims. SQLite has one writer, so it needs none.</summary>
    public abstract string ForUpdateSkipLocked { get; }

    /// <summary>Suffix that serialises writers on the row read (e.g. the head of the audit chain).</summary>
    public abstract string ForUpdate { get; }

    /// <summary>Sorts the driver's exception into the kinds callers can act on.</summary>
    public abstract DbErrorKind Classify(DbException error);

    internal static SqlDialect Sqlite { get; } = new SqliteDialect();
    internal static SqlDialect Postgres { get; } = new PostgresDialect();

    private sealed class SqliteDialect : SqlDialect
    {
        public override string Name => "sqlite";
        public override string In(string column, string parameter) => $"{column} IN {parameter}";
        // SQLite's LIKE ignores case; GLOB does not, with * and ? as wildcards and [ as a class.
        public override string Like(string left, string right) =>
            $"{left} GLOB replace(replace(replace(replace(replace({right}, '[', '[[]'), '*', '[*]'), '?', '[?]'), '%', '*'), '_', '?')";
        public override string ILike(string left, string right) => $"lower({left}) LIKE lower({right})";
        public override string Binary => "";
        public override string JsonText(string column, string member) => $"json_extract({column}, '$.\"{member}\"')";
        public override string ForUpdateSkipLocked => "";
        public override string ForUpdate => "";

        public override DbErrorKind Classify(DbException error) => error is not SqliteException e ? DbErrorKind.Other : e.SqliteErrorCode switch
        {
            19 => e.SqliteExtendedErrorCode is 1555 or 2067 ? DbErrorKind.UniqueViolation : DbErrorKind.Other, // SQLITE_CONSTRAINT_PRIMARYKEY, _UNIQUE
            5 or 6 => DbErrorKind.Busy,       // SQLITE_BUSY, SQLITE_LOCKED
            13 => DbErrorKind.DiskFull,       // SQLITE_FULL
            10 => DbErrorKind.DiskFull,       // SQLITE_IOERR: in practice a write that the disk refused
            _ => DbErrorKind.Other,
        };
    }

    private sealed class PostgresDialect : SqlDialect
    {
        public override string Name => "postgres";
        public override string In(string column, string parameter) => $"{column} = ANY({parameter})";
        public override string Like(string left, string right) => $"{left} LIKE {right} ESCAPE ''";
        public override string ILike(string left, string right) => $"{left} ILIKE {right} ESCAPE ''";
        public override string Binary => " COLLATE \"C\"";
        public override string JsonText(string column, string member) => $"({column}::jsonb ->> '{member}')";
        public override string ForUpdateSkipLocked => " FOR UPDATE SKIP LOCKED";
        public override string ForUpdate => " FOR UPDATE";

        public override DbErrorKind Classify(DbException error) => error switch
        {
            PostgresException { SqlState: "23505" } => DbErrorKind.UniqueViolation,
            PostgresException { SqlState: "40001" or "40P01" or "55P03" } => DbErrorKind.Busy,
            PostgresException { SqlState: "53100" } => DbErrorKind.DiskFull,
            PostgresException { SqlState: "22021" or "22P05" } => DbErrorKind.InvalidText,
            PostgresException { SqlState: "57P01" or "57P03" or "53300" } => DbErrorKind.Connection,
            PostgresException => DbErrorKind.Other,
            NpgsqlException => DbErrorKind.Connection,
            _ => DbErrorKind.Other,
        };
    }
}
