using System.Data.Common;
using System.Security.Cryptography;
using System.Text;
using Dapper;
using Microsoft.Data.Sqlite;

namespace Pilothouse.Data;

/// <summary>One numbered script. <paramref name="Id"/> is <c>module/0001_name</c>.</summary>
public sealed record Migration(string Id, string Sql)
{
    /// <summary>SHA-256 of the script, lower-case hex: an applied script may never change.</summary>
    public string Checksum { get; } = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(Sql.ReplaceLineEndings("\n"))));
}

/// <summary>The database and the scripts of this version do not fit together; the message says what to do.</summary>
public sealed class MigrationException(string message) : Exception(message);

/// <summary>
/// Brings a database to the newest schema: forward only, each script once, in order, under a lock, so that four replicas
/// that start at once all come up.
/// </summary>
public sealed class Migrator(Db db, TimeProvider time)
{
    /// <summary>Any number; it only has to be the same in every replica.</summary>
    private const long AdvisoryLock = 7_700_001;

    private const string CreateTable = """
        CREATE TABLE IF NOT EXISTS schema_version (
            id TEXT PRIMARY KEY, sha256 TEXT NOT NULL, applied_ms BIGINT NOT NULL, product_version TEXT NOT NULL)
        """;

    /// <summary>Applies what is missing; returns the ids applied now.</summary>
    /// <exception cref="MigrationException">An applied script was changed, or the database is newer than this program.</exception>
    public async Task<IReadOnlyList<string>> MigrateAsync(IReadOnlyList<Migration> migrations, string productVersion, CancellationToken ct)
    {
        await using var connection = await db.OpenReaderAsync(ct);
        var sqlite = connection is SqliteConnection;
        await connection.ExecuteAsync(sqlite ? "PRAGMA busy_timeout=60000" : $"SELECT pg_advisory_lock({AdvisoryLock})");
        try
        {
            // On SQLite the immediate transaction is the lock.
            await using var transaction = sqlite ? ((SqliteConnection)connection).BeginTransaction(deferred: false) : await connection.BeginTransactionAsync(ct);
            var applied = await ApplyAsync(connection, transaction, migrations, productVersion);
            await transaction.CommitAsync(ct);
            return applied;
        }
        finally
        {
            if (!sqlite) await connection.ExecuteAsync($"SELECT pg_advisory_unlock({AdvisoryLock})");
        }
    }

    private async Task<List<string>> ApplyAsync(DbConnection connection, DbTransaction transaction, IReadOnlyList<Migration> migrations, string productVersion)
    {
        await connection.ExecuteAsync(CreateTable, transaction: transaction);
        var done = (await connection.QueryAsync<(string Id, string Sha256)>("SELECT id, sha256 FROM schema_version", transaction: transaction))
            .ToDictionary(row => row.Id, row => row.Sha256);

        Verify(migrations, done);
        var applied = new List<string>();
        foreach (var migration in migrations.Where(m => !done.ContainsKey(m.Id)))
        {
            await connection.ExecuteAsync(migration.Sql, transaction: transaction);
            await connection.ExecuteAsync("INSERT INTO schema_version (id, sha256, applied_ms, product_version) VALUES (@Id, @Checksum, @now, @productVersion)",
                new { migration.Id, migration.Checksum, now = time.GetUtcNow().ToUnixTimeMilliseconds(), productVersion }, transaction);
            applied.Add(migration.Id);
        }
        return applied;
    }

    private static void Verify(IReadOnlyList<Migration> migrations, Dictionary<string, string> done)
    {
        var known = migrations.ToDictionary(m => m.Id);
        foreach (var (id, sha256) in done)
        {
            if (!known.TryGetValue(id, out var migration))
                throw new MigrationException($"The database has migration '{id}', which this version does not know: it was made by a newer Pilothouse. Start that version, or restore the backup made before the upgrade.");
            if (migration.Checksum != sha256)
                throw new MigrationException($"Migration '{id}' was applied with another text (checksum {sha256[..12]}, now {migration.Checksum[..12]}). An applied script must not change: restore it and add a new one.");
        }
    }
}
