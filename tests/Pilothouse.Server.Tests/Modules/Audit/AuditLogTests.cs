using Pilothouse.Data;
using Pilothouse.Server.Modules.Audit;
using Pilothouse.Server.Modules.Audit.Api;
using Pilothouse.Testing;

namespace Pilothouse.Server.Tests.Modules.Audit;

public class AuditLogTests
{
    [Theory, DatabaseData]
    public async Task Appends_form_one_chain_that_verifies(string kind)
    {
        await using var database = await TestDatabase.CreateAsync(kind);
        var audit = new AuditService(new AuditStore(database.Db), database.Time);

        await Task.WhenAll(Enumerable.Range(0, 20).Select(i => audit.AppendAsync(new AuditEvent("ann", "test.move", $"things/{i}", new { i }), default)));

        var verification = await audit.VerifyAsync(default);
        Assert.True(verification.Valid, verification.Fault);
        Assert.Equal(20, verification.Size);
        Assert.Equal(20, (await audit.ListAsync("things/", null, 100, default)).Count);
    }

    [Theory, DatabaseData]
    public async Task A_changed_entry_is_named(string kind)
    {
        await using var database = await TestDatabase.CreateAsync(kind);
        var audit = new AuditService(new AuditStore(database.Db), database.Time);
        for (var i = 0; i < 5; i++) await audit.AppendAsync(new AuditEvent("ann", "test.move", $"things/{i}", new { i }), default);

        await database.Db.WriteAsync(s => s.ExecuteAsync("UPDATE aud_entry SET actor = 'eve' WHERE idx = 3"), default);

        var verification = await audit.VerifyAsync(default);
        Assert.False(verification.Valid);
        Assert.Contains("entry 3 was changed", verification.Fault, StringComparison.Ordinal);
    }

    [Theory, DatabaseData]
    public async Task A_write_that_fails_leaves_no_entry(string kind)
    {
        await using var database = await TestDatabase.CreateAsync(kind);
        var audit = new AuditService(new AuditStore(database.Db), database.Time);

        await Assert.ThrowsAsync<InvalidOperationException>(() => database.Db.WriteAsync<bool>(async session =>
        {
            await audit.AppendAsync(session, new AuditEvent("ann", "test.move", "things/1", new { }));
            throw new InvalidOperationException("the move failed");
        }, default));

        Assert.Empty(await audit.ListAsync(null, null, 10, default));
    }
}
