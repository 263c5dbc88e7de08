using Pilothouse.Data;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Audit;
using Pilothouse.Server.Modules.Registry;
using Pilothouse.Server.Platform;
using Pilothouse.Testing;

namespace Pilothouse.Server.Tests.Modules.Registry;

public sealed class RegistryMigrationTests
{
    [Theory, DatabaseData]
    public async Task What_was_registered_before_is_there_after(string kind)
    {
        await using var database = await TestDatabase.CreateAsync(kind, migrate: false);
        var all = Migrations.For(database.Db.Dialect);
        var migrator = new Migrator(database.Db, database.Time);
        await migrator.MigrateAsync([.. all.Where(m => !m.Id.StartsWith("registry/", StringComparison.Ordinal) || m.Id == "registry/0001_registry")], "before", default);
        await database.Db.WriteAsync(async session =>
        {
            await session.ExecuteAsync("INSERT INTO reg_object VALUES ('model', 'triage', 'classifier', 2, 10, 20), ('prompt', 'p', 'prompt', 1, 10, 20)");
            await session.ExecuteAsync("""
                INSERT INTO reg_model_version VALUES ('triage', 1, 'classifier', 'sha256:a', 3, '[{"path":"config.json","digest":"sha256:c","size":3}]', 'first', 'r1', 'shop', 'c1', '["datasets:/d/1"]', 'models:/b/1', 'ann', 11),
                    ('triage', 2, 'classifier', 'sha256:b', 3, '[]', NULL, NULL, NULL, NULL, '[]', NULL, 'bob', 12)
                """);
            await session.ExecuteAsync("INSERT INTO reg_alias VALUES ('triage', 'champion', 1, 13)");
            await session.ExecuteAsync("""INSERT INTO reg_prompt_version VALUES ('p', 1, 'sha256:p', '[{"role":"user","content":"{q}"}]', '["q"]', 'd', 'shop', 'c1', 'ann', 11)""");
        }, default);

        await migrator.MigrateAsync(all, "after", default);

        var store = new RegistryStore(database.Db, new AuditService(new AuditStore(database.Db), database.Time));
        var first = (await store.FindVersionAsync(ObjectType.Model, "triage", 1, default))!.ToModel();
        Assert.Equal(new ModelVersion("triage", 1, "classifier", "sha256:a", 3, first.Files, first.Aliases, "first", "r1", "shop", "c1", first.Datasets, "models:/b/1", "ann", 11) { UpdatedMs = 11, BaseRelation = "finetune" }, first);
        Assert.Equal(("config.json", "champion", "datasets:/d/1"), (Assert.Single(first.Files).Path, Assert.Single(first.Aliases), Assert.Single(first.Datasets)));
        var prompt = (await store.FindVersionAsync(ObjectType.Prompt, "p", null, default))!.ToPrompt();
        Assert.Equal(("user", "{q}", "q"), (prompt.Messages![0].Role, prompt.Messages[0].Content, prompt.Variables[0]));
        var edges = await database.Db.ReadAsync(session => RegistryEdges.FindAsync(session, [LineageNode.Version(LineageKind.Model, "triage", 1)]), default);
        Assert.Equal(["commit:shop/c1 code", "dataset:d/1 trained on", "model:b/1 base model", "run:r1 made by"], edges.Select(e => $"{e.From} {e.Relation}").Order(StringComparer.Ordinal));
        Assert.Equal(2, (await store.FindAsync(ObjectType.Model, "triage", default))!.Counter);
    }
}
