using Microsoft.Extensions.Time.Testing;
using Npgsql;
using Pilothouse.Data;

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
        if (kind == "sqlite") return await CreateSqliteAsync(migrate);
        var (connectionString, drop) = await CreatePostgresDatabaseAsync(migrate);
        return new TestDatabase(Db.OpenPostgres(connectionString), drop);
    }

    /// <summary>Creates a PostgreSQL database and returns its connection string, with the way to drop it.</summary>
    /// <param name="migrate">False = an empty one.</param>
    public static async Task<(string ConnectionString, Func<ValueTask> Drop)> CreatePostgresDatabaseAsync(bool migrate = false)
    {
        var name = "test_" + Guid.NewGuid().ToString("N");
        await ExecuteAsync($"CREATE DATABASE {name}{(migrate ? $" TEMPLATE {await MigratedTemplate.PostgresAsync()}" : "")}");
        return (PostgresDatabase(name), () => new ValueTask(ExecuteAsync($"DROP DATABASE {name} WITH (FORCE)")));
    }

    public async ValueTask DisposeAsync()
    {
        await Db.DisposeAsync();
        await _drop();
    }

    private static async Task<TestDatabase> CreateSqliteAsync(bool migrate)
    {
        var directory = Directory.CreateTempSubdirectory("pilothouse-test-");
        var path = Path.Combine(directory.FullName, "test.db");
        if (migrate) await MigratedTemplate.CopySqliteAsync(path);
        return new TestDatabase(Db.OpenSqlite(path), () =>
        {
            directory.Delete(recursive: true);
            return ValueTask.CompletedTask;
        });
    }

    internal static string PostgresDatabase(string name) =>
        new NpgsqlConnectionStringBuilder(PostgresServer ?? throw new InvalidOperationException("PILOTHOUSE_TEST_POSTGRES is not set.")) { Database = name }.ToString();

    /// <summary>On the server, in no database of a test.</summary>
    internal static async Task ExecuteAsync(string sql)
    {
        await using var source = NpgsqlDataSource.Create(PostgresServer ?? throw new InvalidOperationException("PILOTHOUSE_TEST_POSTGRES is not set."));
        await using var command = source.CreateCommand(sql);
        await command.ExecuteNonQueryAsync();
    }
}
