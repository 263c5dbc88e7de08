namespace Pilothouse.Datasets.Tests;

public class DataProfilerTests
{
    [Fact]
    public void Counts_types_missing_and_duplicates()
    {
        var profile = DataProfiler.Profile(RowReaderTests.Jsonl("{\"id\":\"1\",\"a\":\"x\",\"b\":1}\n{\"id\":\"2\",\"a\":\"x\",\"b\":1}\n{\"id\":\"3\",\"a\":\"\",\"b\":\"2\"}"), null, null);
        Assert.Equal((3, 1), (profile.Rows, profile.Duplicates));
        Assert.Equal((1, 1), (profile.Columns[1].Missing, profile.Columns[1].Distinct));
        Assert.Equal(["number", "string"], profile.Columns[2].Types);
        Assert.Contains(profile.Warnings, w => w.Contains("'a' is missing in 1 of 3 rows", StringComparison.Ordinal));
        Assert.Contains(profile.Warnings, w => w.Contains("number and string", StringComparison.Ordinal));
        Assert.Contains(profile.Warnings, w => w.StartsWith("1 rows repeat", StringComparison.Ordinal));
    }

    [Fact]
    public void A_label_that_depends_on_the_group_is_a_warning()
    {
        DataRow[] rows = [.. Enumerable.Range(0, 200).Select(i => new DataRow(i + 1, []).With("id", $"{i}").With("text", $"t{i}").With("group", i < 100 ? "a" : "b").With("label", i % 100 < (i < 100 ? 60 : 20) ? "urgent" : "normal"))];
        var profile = DataProfiler.Profile(rows, "label", "group");
        Assert.Equal(60, profile.Cells.Single(c => c is { Group: "a", Label: "urgent" }).Count);
        Assert.Contains(profile.Warnings, w => w.Contains("'urgent' is 60 % of group 'a' but 20 % of group 'b'", StringComparison.Ordinal));
        Assert.Contains(profile.Warnings, w => w.Contains("Group 'b' has 20 rows labelled 'urgent'", StringComparison.Ordinal));
    }

    [Fact]
    public void An_unknown_field_is_named() =>
        Assert.Contains("there are: a", Assert.Throws<Protocols.ProtocolFormatException>(() => DataProfiler.Profile(RowReaderTests.Jsonl("{\"a\":1}"), "label", null)).Message, StringComparison.Ordinal);
}
