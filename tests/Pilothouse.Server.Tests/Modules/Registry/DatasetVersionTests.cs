using System.Text;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Blobs.Api;
using Pilothouse.Server.Modules.Registry.Api;
using Pilothouse.Server.Platform;
using Pilothouse.Testing;

namespace Pilothouse.Server.Tests.Modules.Registry;

public class DatasetVersionTests
{
    private static readonly Dictionary<string, double> Shares = new() { ["train"] = 0.8, ["test"] = 0.2 };

    [Theory, DatabaseData]
    public async Task Shards_and_splits_are_one_version_with_a_profile(string kind)
    {
        await using var registry = await RegistryFixture.CreateAsync(kind);
        var version = await RegisterAsync(registry, "faq", ("train-00000-of-00002.jsonl", Lines(0, 3)), ("train-00001-of-00002.jsonl", Lines(3, 2)), ("test.csv", "id,text\n9,nine\n"), ("README.md", "# FAQ"));

        Assert.Equal((6L, "mixed", 1), (version.Rows, version.Format, version.Version));
        Assert.Equal([("train", 5L, 2), ("test", 1L, 1)], version.Splits.Select(s => (s.Name, s.Rows, s.Files)));
        Assert.Equal(4, version.Files.Count);
        var listed = Encoding.UTF8.GetString(await registry.Blobs.ReadAsync(version.Digest, 10_000, default));
        Assert.Contains("  README.md\n", listed, StringComparison.Ordinal);
        var profile = await registry.Content.ProfileAsync(await registry.Datasets.GetAsync("faq", 1, default), default);
        Assert.Equal(["id", "text"], profile.Columns.Select(c => c.Name));
        Assert.Equal(6, profile.Columns[0].Count);

        var page = await registry.Content.RowsAsync(version, "train", 2, 2, default);
        Assert.Equal(["train-00000-of-00002.jsonl:3", "train-00001-of-00002.jsonl:1"], page.Rows.Select(r => $"{r.File}:{r.Line}"));
        Assert.True(page.More);
        Assert.False((await registry.Content.RowsAsync(version, null, 5, 10, default)).More);
        Assert.Equal(6, (await registry.Blobs.ReadRowsAsync(version, 1_000_000, default)).Count);
        await ModelRegistryTests.AssertFails(ErrorCode.NotFound, "it has train, test", () => registry.Content.RowsAsync(version, "dev", 0, 10, default));
    }

    [Theory, DatabaseData]
    public async Task A_split_keeps_its_rows_when_the_data_grow_and_names_its_parent(string kind)
    {
        await using var registry = await RegistryFixture.CreateAsync(kind);
        var small = await RegisterAsync(registry, "faq", ("data.jsonl", Lines(0, 300)));
        var first = await registry.Maker.SplitAsync(small, new SplitRequest(Shares, "id", "label"), "ann", default);
        var large = await RegisterAsync(registry, "faq", ("data.jsonl", Lines(0, 900)));
        var second = await registry.Maker.SplitAsync(large, new SplitRequest(Shares, "id", "label"), "ann", default);

        Assert.Equal((2, 4), (first.Version, second.Version));
        Assert.Equal([("train", 240L), ("test", 60L)], first.Splits.Select(s => (s.Name, s.Rows)));
        Assert.Equal([("train", 720L), ("test", 180L)], second.Splits.Select(s => (s.Name, s.Rows)));
        Assert.Equal(["datasets:/faq/3"], second.Parents);
        Assert.Equal(("split", "label", 0.8), (second.Derivation!.Operation, second.Derivation.Stratify, second.Derivation.Shares!["train"]));
        var diff = (await registry.Content.DiffAsync(first, second, "id", "added", 0, 5, default)).Diff;
        Assert.Equal((600L, 0L, 0L, 300L, 0L), (diff.Added, diff.Removed, diff.Changed, diff.Unchanged, diff.Moved));
        Assert.Empty((await registry.Content.LeaksAsync(second, [], default)).Leaks);
        var again = await registry.Maker.SplitAsync(large, new SplitRequest(Shares, "id", "label"), "ann", default);
        Assert.Equal(4, again.Version);
    }

    [Fact]
    public async Task A_sample_of_csv_is_csv_and_its_rows_are_of_the_parent()
    {
        await using var registry = await RegistryFixture.CreateAsync();
        var source = await RegisterAsync(registry, "faq", ("data.csv", "id,text\n" + string.Concat(Enumerable.Range(0, 100).Select(i => $"{i},\"a, \"\"{i}\"\"\"\n"))));
        var sample = await registry.Maker.SampleAsync(source, new SampleRequest(10, To: "faq-small"), "ann", default);
        Assert.Equal(("faq-small", 1, 10L, "csv"), (sample.Name, sample.Version, sample.Rows, sample.Format));
        var diff = (await registry.Content.DiffAsync(source, sample, null, "removed", 0, 100, default)).Diff;
        Assert.Equal((0L, 90L, 10L), (diff.Added, diff.Removed, diff.Unchanged));
        await ModelRegistryTests.AssertFails(ErrorCode.InvalidArgument, "fewer than the 200", () => registry.Maker.SampleAsync(source, new SampleRequest(200), "ann", default));
        Assert.Single(await registry.Datasets.VersionsAsync("faq-small", default));
    }

    [Theory, DatabaseData]
    public async Task A_difference_shows_rows_side_by_side_and_what_became_of_columns(string kind)
    {
        await using var registry = await RegistryFixture.CreateAsync(kind);
        var one = await RegisterAsync(registry, "faq", ("data.jsonl", "{\"id\":1,\"q\":\"a\"}\n{\"id\":2,\"q\":\"b\"}\n"));
        var two = await RegisterAsync(registry, "faq", ("data.jsonl", "{\"id\":1,\"q\":\"a!\",\"lang\":\"en\"}\n{\"id\":3,\"q\":null}\n"));
        var page = await registry.Content.DiffAsync(one, two, "id", "changed", 0, 10, default);
        Assert.Equal((1L, 1L, 1L, 1L), (page.Diff.Added, page.Diff.Removed, page.Diff.Changed, page.Total));
        var row = page.Rows.Single();
        Assert.Equal(["q", "lang"], row.Fields);
        Assert.Equal(("a", "a!"), (row.From!.Fields.GetProperty("q").GetString(), row.To!.Fields.GetProperty("q").GetString()));
        Assert.Contains(page.Diff.Columns, c => c is { Name: "lang", Change: "added", To: "string" });
        Assert.Contains(page.Diff.Columns, c => c is { Name: "q", Change: "nullable" });
        Assert.Equal(page.Diff.Added, (await registry.Content.DiffAsync(one, two, "id", "added", 0, 10, default)).Rows.Count); // from the kept one
        await ModelRegistryTests.AssertFails(ErrorCode.InvalidArgument, "No row has the key 'nr'", () => registry.Content.DiffAsync(one, two, "nr", "added", 0, 10, default));
        await ModelRegistryTests.AssertFails(ErrorCode.InvalidArgument, "not a kind", () => registry.Content.DiffAsync(one, two, null, "other", 0, 10, default));
    }

    [Theory]
    [InlineData("../x.jsonl", "cannot be the path")]
    [InlineData("/abs.jsonl", "cannot be the path")]
    [InlineData("a\\b.jsonl", "cannot be the path")]
    [InlineData("README.md", "None of the files holds rows")]
    public async Task Paths_that_lead_elsewhere_are_refused(string path, string says)
    {
        await using var registry = await RegistryFixture.CreateAsync();
        await ModelRegistryTests.AssertFails(ErrorCode.InvalidArgument, says, () => RegisterAsync(registry, "faq", (path, "{\"a\":1}\n")));
        Assert.Empty(await registry.Datasets.ListAsync(default));
    }

    [Fact]
    public async Task A_fault_in_any_shard_names_file_and_line_and_registers_nothing()
    {
        await using var registry = await RegistryFixture.CreateAsync();
        await ModelRegistryTests.AssertFails(ErrorCode.InvalidArgument, "test/b.csv, line 3", () => RegisterAsync(registry, "faq", ("train/a.jsonl", Lines(0, 2)), ("test/b.csv", "a,b\n1,2\n\"x,1\n")));
        await ModelRegistryTests.AssertFails(ErrorCode.InvalidArgument, "shard.parquet", () => RegisterAsync(registry, "faq", ("shard.parquet", "PAR1 this is none PAR1")));
        Assert.Empty(await registry.Datasets.ListAsync(default));
    }

    private static string Lines(int from, int count) => string.Concat(Enumerable.Range(from, count).Select(i => $"{{\"id\":{i},\"text\":\"row {i}\",\"label\":\"{(i % 3 == 0 ? "a" : "b")}\"}}\n")).Replace(count < 10 ? ",\"label\":\"a\"" : "\u0001", "", StringComparison.Ordinal).Replace(count < 10 ? ",\"label\":\"b\"" : "\u0001", "", StringComparison.Ordinal);

    private static async Task<DatasetVersion> RegisterAsync(RegistryFixture registry, string name, params (string Path, string Text)[] files)
    {
        var stored = new List<ArtifactFile>();
        foreach (var (path, text) in files)
        {
            var blob = await registry.Blobs.PutAsync(Encoding.UTF8.GetBytes(text), default);
            stored.Add(new ArtifactFile(path, blob.Digest, blob.Size));
        }
        return await registry.Datasets.RegisterAsync(name, new NewDatasetVersion { Files = stored }, "ann", default);
    }
}
