using Pilothouse.Protocols;

namespace Pilothouse.Datasets.Tests;

public class RowSplitterTests
{
    private static readonly Dictionary<string, double> Shares = new() { ["test"] = 0.1, ["train"] = 0.8, ["validation"] = 0.1 };

    private static Dictionary<string, string> Split(DataFile file, string? key, string? stratify = null, ulong seed = 1, IReadOnlyList<DataFile>? previous = null)
    {
        var splitter = RowSplitter.Create([file], Shares, key, stratify, seed, previous, default);
        return DataFiles.Rows([file], default).ToDictionary(p => p.Row.Text("id")!, splitter.SplitOf);
    }

    [Theory]
    [InlineData("id")]
    [InlineData(null)]
    public void A_row_keeps_its_split_when_the_data_grow(string? key)
    {
        var before = Split(TestData.File("a.jsonl", TestData.Lines(0, 2_000)), key);
        var after = Split(TestData.File("a.jsonl", TestData.Lines(-500, 6_000)), key);
        Assert.All(before, b => Assert.Equal(b.Value, after[b.Key]));
        Assert.InRange(before.Values.Count(v => v == "train"), 1_540, 1_660);
        Assert.InRange(before.Values.Count(v => v == "test"), 150, 250);
    }

    [Fact]
    public void Another_seed_gives_another_split() =>
        Assert.NotEqual(Split(TestData.File("a.jsonl", TestData.Lines(0, 200)), "id").Values, Split(TestData.File("a.jsonl", TestData.Lines(0, 200)), "id", seed: 2).Values);

    [Fact]
    public void Stratified_every_label_has_its_shares_to_a_row_and_keeps_them_when_it_grows()
    {
        var first = TestData.Lines(0, 300, "a", "a", "b");
        var before = Split(TestData.File("a.jsonl", first), "id", "label");
        Dictionary<string, string> Labels(int n) => Enumerable.Range(0, n).ToDictionary(i => $"{i}", i => i % 3 == 2 ? "b" : "a");
        foreach (var (label, rows) in new[] { ("a", 200), ("b", 100) })
            Assert.Equal((rows * 8 / 10, rows / 10, rows / 10), (Count(before, label, "train"), Count(before, label, "validation"), Count(before, label, "test")));

        var files = before.GroupBy(b => b.Value).Select(g => TestData.File(g.Key + ".jsonl", string.Concat(g.Select(b => $"{{\"id\":{b.Key},\"label\":\"{Labels(300)[b.Key]}\"}}\n")))).ToList();
        var after = Split(TestData.File("a.jsonl", TestData.Lines(0, 600, "a", "a", "b")), "id", "label", previous: files);
        Assert.All(before, b => Assert.Equal(b.Value, after[b.Key]));
        Assert.Equal(320, after.Count(r => r.Value == "train" && Labels(600)[r.Key] == "a"));

        int Count(Dictionary<string, string> split, string label, string name) => split.Count(r => r.Value == name && Labels(300)[r.Key] == label);
    }

    [Fact]
    public void A_copy_goes_with_the_row_it_was_made_from()
    {
        var rows = string.Concat(Enumerable.Range(0, 200).Select(i => $"{{\"id\":\"r{i}\"}}\n{{\"id\":\"r{i}~typos\",\"parent_id\":\"r{i}\"}}\n"));
        var split = Split(TestData.File("a.jsonl", rows), "id");
        Assert.All(Enumerable.Range(0, 200), i => Assert.Equal(split[$"r{i}"], split[$"r{i}~typos"]));
        Assert.Contains("made from another", Assert.Throws<ProtocolFormatException>(() => Split(TestData.File("a.jsonl", rows), null)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Shares_that_make_no_whole_and_rows_without_key_are_refused()
    {
        Assert.Throws<ProtocolFormatException>(() => RowSplitter.Check(new Dictionary<string, double> { ["train"] = 0.8, ["test"] = 0.1 }));
        Assert.Throws<ProtocolFormatException>(() => RowSplitter.Check(new Dictionary<string, double> { ["../x"] = 1 }));
        Assert.StartsWith("a.jsonl, line 1: the row has no 'nr'", Assert.Throws<ProtocolFormatException>(() => Split(TestData.File("a.jsonl", "{\"id\":1}\n"), "nr")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_sample_has_its_number_of_rows_and_a_stratified_one_its_shares()
    {
        var file = TestData.File("a.jsonl", TestData.Lines(0, 1_000, "a", "b", "b", "b"));
        var uniform = RowSampler.Draw([file], 100, null, 7, default);
        Assert.Equal(100, uniform.Distinct().Count());
        Assert.Equal(uniform, RowSampler.Draw([file], 100, null, 7, default));
        Assert.NotEqual(uniform, RowSampler.Draw([file], 100, null, 8, default));
        Assert.InRange(uniform.Average(), 400, 600);
        Assert.Equal(25, RowSampler.Draw([file], 100, "label", 7, default).Count(i => i % 4 == 0));
        Assert.Contains("fewer than", Assert.Throws<ProtocolFormatException>(() => RowSampler.Draw([file], 1_001, null, 7, default)).Message, StringComparison.Ordinal);
    }
}
