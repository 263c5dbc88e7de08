using Pilothouse.Testing;

namespace Pilothouse.Server.Tests.Data;

public class BulkTests
{
    [Theory, DatabaseData]
    public async Task Texts_of_any_length_and_script_come_back_as_they_were(string kind)
    {
        await using var database = await TestDatabase.CreateAsync(kind, migrate: false);
        await database.Db.WriteAsync(s => s.ExecuteAsync("CREATE TABLE t (id BIGINT PRIMARY KEY, text TEXT)"), default);
        string?[] texts = ["", null, "a", new string('x', 1024), new string('€', 1024), "", string.Concat(Enumerable.Repeat("𝄞", 5000)), "after the longest", "\u2028\t\"'"];

        await database.Db.WriteAsync(s => s.BulkInsertAsync("t", ["id", "text"], texts.Index().ToList(), (row, item) =>
        {
            row.Integer(item.Index);
            row.Text(item.Item);
        }, ignoreDuplicates: false), default);

        Assert.Equal(texts, await database.Db.ReadAsync(s => s.QueryAsync<string?>("SELECT text FROM t ORDER BY id LIMIT 100"), default));
    }
}
