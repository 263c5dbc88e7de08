using CsCheck;
using Pilothouse.Datasets.Compare;
using Pilothouse.Protocols;

namespace Pilothouse.Datasets.Tests.Compare;

public class RowDifferTests
{
    private static RowDifferences Diff(string from, string to, string? key = null, int kept = 100) =>
        RowDiffer.Compare([TestData.File("a.jsonl", from)], [TestData.File("b.jsonl", to)], key, kept, TestData.Temporary, default);

    [Fact]
    public void With_a_key_rows_are_added_removed_and_changed_field_by_field()
    {
        var diff = Diff("{\"id\":1,\"q\":\"a\",\"l\":0}\n{\"id\":2,\"q\":\"b\",\"l\":0}\n{\"id\":3,\"q\":\"c\",\"l\":0}\n", "{\"id\":3,\"q\":\"c\",\"l\":1,\"new\":true}\n{\"id\":1,\"q\":\"a\",\"l\":0.0}\n{\"id\":4,\"q\":\"d\"}\n", "id");
        Assert.Equal((1L, 1L, 1L, 1L), (diff.Added, diff.Removed, diff.Changed, diff.Unchanged));
        Assert.Equal(["l", "new"], diff.ChangedRows.Single().Fields);
        Assert.Equal((2, 0), (diff.ChangedRows.Single().From, diff.ChangedRows.Single().To));
        Assert.Equal(1, diff.RemovedRows.Single().From);
        Assert.Equal(2, diff.AddedRows.Single().To);
        Assert.Equal(["l", "new"], diff.ChangedFields.Select(f => f.Value));
    }

    [Fact]
    public void Without_a_key_a_data_set_is_a_multiset()
    {
        var diff = Diff("{\"a\":1}\n{\"a\":1}\n{\"a\":2}\n", "{\"a\":2}\n{\"a\":1}\n{\"a\":3}\n");
        Assert.Equal((1L, 1L, 0L, 2L), (diff.Added, diff.Removed, diff.Changed, diff.Unchanged));
    }

    [Fact]
    public void Doubled_and_missing_keys_are_told()
    {
        var diff = Diff("{\"id\":1,\"a\":1}\n{\"id\":1,\"a\":2}\n{\"a\":9}\n", "{\"id\":1,\"a\":2}\n{\"id\":1,\"a\":3}\n{\"a\":9}\n", "id");
        Assert.Equal((1L, 2L, 1L, 2L), (diff.Changed, diff.Unchanged, diff.DuplicateKeys, diff.WithoutKey));
        Assert.Contains("No row has the key 'nr'", Assert.Throws<ProtocolFormatException>(() => Diff("{\"a\":1}\n", "{\"a\":1}\n", "nr")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_row_that_changes_its_split_has_moved()
    {
        var diff = RowDiffer.Compare([TestData.File("train.jsonl", "{\"a\":1}\n{\"a\":2}\n")], [TestData.File("train.jsonl", "{\"a\":1}\n"), TestData.File("test.jsonl", "{\"a\":2}\n")], null, 10, TestData.Temporary, default);
        Assert.Equal((0L, 0L, 2L, 1L), (diff.Added, diff.Removed, diff.Unchanged, diff.Moved));
    }

    [Fact]
    public void Only_the_first_differences_are_kept_and_all_are_counted()
    {
        var diff = Diff(TestData.Lines(0, 500), TestData.Lines(0, 1), "id", kept: 3);
        Assert.Equal(499, diff.Removed);
        Assert.Equal([1, 2, 3], diff.RemovedRows.Select(r => r.From));
    }

    [Fact]
    public void Every_row_is_in_one_count_whatever_the_data() =>
        Gen.Select(Gen.Int[0, 6], Gen.Int[0, 3]).Array[0, 30].Select(Gen.Select(Gen.Int[0, 6], Gen.Int[0, 3]).Array[0, 30]).Sample((from, to) =>
        {
            static string Text((int, int)[] rows) => string.Concat(rows.Select(r => $"{{\"id\":{r.Item1},\"v\":{r.Item2}}}\n"));
            foreach (var key in (string?[])[from.Length > 0 && to.Length > 0 ? "id" : null, null])
            {
                var diff = Diff(Text(from), Text(to), key);
                Assert.Equal(from.Length, diff.Removed + diff.Changed + diff.Unchanged);
                Assert.Equal(to.Length, diff.Added + diff.Changed + diff.Unchanged);
                var same = from.GroupBy(r => r).Sum(g => Math.Min(g.Count(), to.Count(t => t == g.Key)));
                Assert.Equal(same, diff.Unchanged);
            }
        }, iter: 200);

    [Fact]
    public void Leaks_are_found_by_all_fields_or_some()
    {
        DataFile[] files = [TestData.File("train.jsonl", "{\"q\":\"a\",\"n\":1}\n{\"q\":\"b\",\"n\":2}\n"), TestData.File("test.jsonl", "{\"q\":\"b\",\"n\":2}\n{\"q\":\"a\",\"n\":9}\n")];
        var (whole, pairs) = LeakFinder.Find(files, [], 10, TestData.Temporary, default);
        Assert.Equal(1, whole.Single().Rows);
        Assert.Equal((1, 2), pairs.Single());
        Assert.Equal(2, LeakFinder.Find(files, ["q"], 10, TestData.Temporary, default).Leaks.Single().Rows);
        Assert.Throws<ProtocolFormatException>(() => LeakFinder.Find(files, ["nothing"], 10, TestData.Temporary, default));
    }
}
