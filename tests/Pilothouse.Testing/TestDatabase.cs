using Microsoft.Extensions.Time.Testing;
using Npgsql;
using Pilothouse.Data;
using Pilothouse.Server.Platform;

namespace Pilothouse.Testing;

/// <summary>A new, migrated database of one kind, dropped at the end.</summary>
public sealed class TestDatabase : IAsyncDisposable
{
    private readonly Func<ValueTask> _drop;

    private TestDatabase(Db db, Func<ValueTask> drop)
    {
        Db = db;
        _drop = drop;
    }

    /// <summary>Connection string of a PostgreSQL server on which tests may create databases; null = none.</summary>
    public static string? PostgresServer => Environment.GetEnvironmentVariable("PILOTHOUSE_TEST_POSTGRES") is { Length: > 0 } value ? value : null;

    public Db Db { get; }

    public FakeTimeProvider Time { get; } = new(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));

    /// <param name="kind"><c>sqlite</c> or <c>postgres</c>.</param>
    /// <param name="migrate">False = an empty database.</param>
    public static async Task<TestDatabase> CreateAsync(string kind, bool migrate = true)
    {
        var database = kind == "sqlite" ? CreateSqlite() : await CreatePostgresAsync();
        if (migrate) await new Migrator(database.Db, database.Time).MigrateAsync(Migrations.For(database.Db.Dialect), "test", CancellationToken.None);
        return database;
    }

    /// <summary>Creates an empty PostgreSQL database and returns its connection string, with the way to drop it.</summary>
    public static async Task<(string ConnectionString, Func<ValueTask> Drop)> CreatePostgresDatabaseAsync()
    {
        var server = PostgresServer ?? throw new InvalidOperationException("PILOTHOUSE_TEST_POSTGRES is not set.");
        var name = "test_" + Guid.NewGuid().ToString("N");
        await ExecuteAsync(server, $"CREATE DATABASE {name}");
        return (new NpgsqlConnectionStringBuilder(server) { Database = name }.ToString(), () => new ValueTask(ExecuteAsync(server, $"DROP DATABASE {name} WITH (FORCE)")));
    }

    public async ValueTask DisposeAsync()
    {
        await Db.DisposeAsync();
        await _drop();
    }

    private static TestDatabase CreateSqlite()
    {
        var directory = Directory.CreateTempSubdirectory("pilothouse-test-");
        return new TestDatabase(Db.OpenSqlite(Path.Combine(directory.FullName, "test.db")), () =>
        {
            directory.Delete(recursive: true);
            return ValueTask.CompletedTask;
        });
    }

    private static async Task<TestDatabase> CreatePostgresAsync()
    {
        var (connectionString, drop) = await CreatePostgresDatabaseAsync();
        return new TestDatabase(Db.OpenPostgres(connectionString), drop);
    }

    private static async Task ExecuteAsync(string connectionString, string sql)
    {
        await using var source = NpgsqlDataSource.Create(connectionString);
        await using var command = source.CreateCommand(sql);
        await command.ExecuteNonQueryAsync();
    }
}
