using System.Text;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Platform;
using Pilothouse.Testing;

namespace Pilothouse.Server.Tests.Modules.Registry;

public class DatasetAndPromptTests
{
    [Theory, DatabaseData]
    public async Task Rows_and_columns_are_counted_once(string kind)
    {
        await using var registry = await RegistryFixture.CreateAsync(kind);

        var first = await RegisterAsync(registry, "heldout", "{\"prompt\":\"a\",\"expected\":\"b\"}\n\n{\"prompt\":\"c\",\"group\":\"x\"}", "jsonl");
        var again = await RegisterAsync(registry, "heldout", "{\"prompt\":\"a\",\"expected\":\"b\"}\n\n{\"prompt\":\"c\",\"group\":\"x\"}", "jsonl");
        var second = await RegisterAsync(registry, "heldout", "prompt,expected\n\"a, or \"\"b\"\"\nand c\",d\n", "csv");

        Assert.Equal((1, 2L), (first.Version, first.Rows));
        Assert.Equal(["prompt", "expected", "group"], first.Columns);
        Assert.Equal(1, again.Version);
        Assert.Equal((2, 1L), (second.Version, second.Rows));
        Assert.Equal(["heldout/2", "heldout/1"], (await registry.Datasets.ListAsync(default)).Select(d => $"{d.Name}/{d.Version}"));
        Assert.Equal(2, (await registry.Datasets.GetAsync("heldout", null, default)).Version);
        Assert.Equal(2, (await registry.AuditAsync("datasets/heldout")).Count);
    }

    [Theory]
    [InlineData("{\"a\":1}\n{\"a\":\n", "jsonl", "line 2")]
    [InlineData("{\"a\":1}\n\n[1]\n", "jsonl", "line 3")]
    [InlineData("{\"a\":1}{\"a\":2}\n", "jsonl", "line 1")]
    [InlineData("a,b\n1,2\n1\n", "csv", "line 3")]
    [InlineData("a,b\n\"1,2\n", "csv", "a quote is not closed")]
    [InlineData("\n\n", "jsonl", "no rows")]
    [InlineData("a,b\n", "csv", "no rows")]
    public async Task A_bad_row_is_named_and_nothing_is_registered(string content, string format, string says)
    {
        await using var registry = await RegistryFixture.CreateAsync();

        await ModelRegistryTests.AssertFails(ErrorCode.InvalidArgument, says, () => RegisterAsync(registry, "heldout", content, format));

        Assert.Empty(await registry.Datasets.ListAsync(default));
    }

    [Theory, DatabaseData]
    public async Task A_prompts_variables_are_found_and_its_text_numbered_once(string kind)
    {
        await using var registry = await RegistryFixture.CreateAsync(kind);

        var first = await registry.Prompts.RegisterAsync("support", new NewPromptVersion("Answer {question} like {{persona}} as {\"json\": 1}."), "ann", default);
        var again = await registry.Prompts.RegisterAsync("support", new NewPromptVersion("Answer {question} like {{persona}} as {\"json\": 1}."), "bob", default);
        var second = await registry.Prompts.RegisterAsync("support", new NewPromptVersion("Answer {question}."), "ann", default);

        Assert.Equal(["question", "persona"], first.Variables);
        Assert.Equal((1, 1, 2), (first.Version, again.Version, second.Version));
        Assert.Equal("Answer {question}.", (await registry.Prompts.GetAsync("support", null, default)).Template);
        await ModelRegistryTests.AssertFails(ErrorCode.NotFound, "it has 2, 1", () => registry.Prompts.GetAsync("support", 3, default));
    }

    private static async Task<DatasetVersion> RegisterAsync(RegistryFixture registry, string name, string content, string format)
    {
        var blob = await registry.Blobs.PutAsync(Encoding.UTF8.GetBytes(content).AsStream(), null, default);
        return await registry.Datasets.RegisterAsync(name, new NewDatasetVersion(blob.Digest, format), "ann", default);
    }
}
