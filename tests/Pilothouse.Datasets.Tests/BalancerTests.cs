using Pilothouse.Protocols;

namespace Pilothouse.Datasets.Tests;

public class BalancerTests
{
    /// <summary>40 urgent of 100 in group a, 5 urgent of 20 in group b.</summary>
    private static DataRow[] Tickets() =>
    [
        .. Enumerable.Range(0, 100).Select(i => Row(i, "a", i < 40 ? "urgent" : "normal")),
        .. Enumerable.Range(100, 20).Select(i => Row(i, "b", i < 105 ? "urgent" : "normal")),
    ];

    private static DataRow Row(int i, string group, string label) => new DataRow(i + 1, []).With("id", $"t{i}").With("group", group).With("label", label);

    [Fact]
    public void Oversampling_fills_every_cell_and_marks_the_copies()
    {
        var rows = Tickets();
        var balanced = Balancer.Balance(rows, "label", "group", BalanceMethod.Oversample, seed: 7);

        Assert.All(balanced.GroupBy(r => (r.Text("group"), r.Text("label"))), cell => Assert.Equal(60, cell.Count()));
        Assert.Equal(rows, balanced.Take(rows.Length));
        Assert.All(balanced.Skip(rows.Length), copy =>
        {
            Assert.Equal("oversample", copy.Text("operator"));
            Assert.Equal("7", copy.Text("operator_seed"));
            Assert.Contains(rows, r => r.Text("id") == copy.Text("parent_id"));
        });
        Assert.Equal(balanced.Count, balanced.Select(r => r.Text("id")).Distinct().Count());
        var used = balanced.Skip(rows.Length).Where(r => r.Text("group") == "b" && r.Text("label") == "urgent").GroupBy(r => r.Text("parent_id")).Select(g => g.Count()).ToArray();
        Assert.Equal(5, used.Length);
        Assert.True(used.Max() - used.Min() <= 1, "rows are repeated evenly");
    }

    [Fact]
    public void Equal_seeds_give_equal_rows()
    {
        string Ids(ulong seed) => string.Join(',', Balancer.Balance(Tickets(), "label", "group", BalanceMethod.Oversample, seed).Select(r => r.Text("id")));
        Assert.Equal(Ids(3), Ids(3));
        Assert.NotEqual(Ids(3), Ids(4));
    }

    [Fact]
    public void Weights_make_label_and_group_independent()
    {
        var rows = Balancer.Balance(Tickets(), "label", "group", BalanceMethod.Weight, seed: 0);
        double Weight(string group, string label) => rows.Where(r => r.Text("group") == group && r.Text("label") == label).Sum(r => double.Parse(r.Text("weight")!, System.Globalization.CultureInfo.InvariantCulture));
        Assert.Equal(Weight("a", "urgent") / (Weight("a", "urgent") + Weight("a", "normal")), Weight("b", "urgent") / (Weight("b", "urgent") + Weight("b", "normal")), 9);
        Assert.Equal(120, Weight("a", "urgent") + Weight("a", "normal") + Weight("b", "urgent") + Weight("b", "normal"), 6);
    }

    [Theory]
    [InlineData("heldout")]
    [InlineData("test")]
    public void Held_out_rows_are_refused(string split)
    {
        var rows = new[] { Row(1, "a", "x").With("split", split) };
        Assert.Contains("only training data", Assert.Throws<ProtocolFormatException>(() => Balancer.Balance(rows, "label", null, BalanceMethod.Oversample, 1)).Message, StringComparison.Ordinal);
        Assert.Throws<ProtocolFormatException>(() => Augmenter.Augment(rows, "typos", ["label"], 1));
    }

    [Fact]
    public void A_row_without_label_is_named() =>
        Assert.Contains("Line 9 has no 'label'", Assert.Throws<ProtocolFormatException>(() => Balancer.Balance([new DataRow(9, [])], "label", null, BalanceMethod.Oversample, 1)).Message, StringComparison.Ordinal);
}
