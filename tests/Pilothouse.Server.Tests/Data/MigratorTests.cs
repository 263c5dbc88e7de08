using Pilothouse.Data;
using Pilothouse.Server.Platform;
using Pilothouse.Testing;

namespace Pilothouse.Server.Tests.Data;

public class MigratorTests
{
    [Theory, DatabaseData]
    public async Task Four_servers_that_start_at_once_all_come_up(string kind)
    {
        await using var database = await TestDatabase.CreateAsync(kind, migrate: false);
        var migrations = Migrations.For(database.Db.Dialect);

        var applied = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(() =>
            new Migrator(database.Db, database.Time).MigrateAsync(migrations, "test", CancellationToken.None))));

        Assert.Equal(migrations.Count, applied.Sum(a => a.Count)); // each script ran exactly once
    }

    [Theory, DatabaseData]
    public async Task A_changed_script_is_refused(string kind)
    {
        await using var database = await TestDatabase.CreateAsync(kind);
        var changed = Migrations.For(database.Db.Dialect).Select((m, i) => i == 0 ? new Migration(m.Id, m.Sql + "\n-- changed") : m).ToList();

        var error = await Assert.ThrowsAsync<MigrationException>(() => new Migrator(database.Db, database.Time).MigrateAsync(changed, "test", default));

        Assert.Contains(changed[0].Id, error.Message, StringComparison.Ordinal);
    }

    [Theory, DatabaseData]
    public async Task A_newer_database_is_refused(string kind)
    {
        await using var database = await TestDatabase.CreateAsync(kind);
        var older = Migrations.For(database.Db.Dialect).SkipLast(1).ToList();

        var error = await Assert.ThrowsAsync<MigrationException>(() => new Migrator(database.Db, database.Time).MigrateAsync(older, "test", default));

        Assert.Contains("newer Pilothouse", error.Message, StringComparison.Ordinal);
    }
}
