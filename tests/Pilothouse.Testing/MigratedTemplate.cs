using Microsoft.Data.Sqlite;
using Npgsql;
using Pilothouse.Data;
using Pilothouse.Server.Platform;

namespace Pilothouse.Testing;

/// <summary>A migrated database of each kind, made once by a test process and copied for every test: a copy takes milliseconds, all migrations take a second.</summary>
internal static class MigratedTemplate
{
    private static readonly Lazy<Task<string>> SqliteFile = new(MakeSqliteAsync);
    private static readonly Lazy<Task<string>> PostgresName = new(MakePostgresAsync);

    /// <summary>Copies the embedded database to a path where none is.</summary>
    public static async Task CopySqliteAsync(string path) => File.Copy(await SqliteFile.Value, path);

    /// <summary>Name of the database to give as TEMPLATE; dropped when the process ends.</summary>
    public static Task<string> PostgresAsync() => PostgresName.Value;

    private static async Task<string> MakeSqliteAsync()
    {
        var directory = Directory.CreateTempSubdirectory("pilothouse-template-");
        AppDomain.CurrentDomain.ProcessExit += (_, _) => directory.Delete(recursive: true);
        var path = Path.Combine(directory.FullName, "template.db");
        await MigrateAsync(Db.OpenSqlite(path));
        // What still stands in the log belongs to the file before it is copied.
        await using var connection = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = path, Pooling = false }.ToString());
        await connection.OpenAsync();
        await using var checkpoint = connection.CreateCommand();
        checkpoint.CommandText = "PRAGMA wal_checkpoint(TRUNCATE)";
        await checkpoint.ExecuteNonQueryAsync();
        return path;
    }

    private static async Task<string> MakePostgresAsync()
    {
        var name = "template_" + Guid.NewGuid().ToString("N");
        await TestDatabase.ExecuteAsync($"CREATE DATABASE {name}");
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Drop(name);
        await MigrateAsync(Db.OpenPostgres(TestDatabase.PostgresDatabase(name)));
        return name;
    }

    private static async Task MigrateAsync(Db db)
    {
        await using (db) await new Migrator(db, TimeProvider.System).MigrateAsync(Migrations.For(db.Dialect), "test", CancellationToken.None);
    }

    private static void Drop(string name)
    {
        using var connection = new NpgsqlConnection(TestDatabase.PostgresServer);
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = $"DROP DATABASE IF EXISTS {name} WITH (FORCE)";
        command.ExecuteNonQuery();
    }
}
