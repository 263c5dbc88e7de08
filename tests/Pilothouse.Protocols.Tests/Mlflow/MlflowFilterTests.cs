using CsCheck;
using Pilothouse.Protocols.Mlflow;

namespace Pilothouse.Protocols.Tests.Mlflow;

public sealed class MlflowFilterTests
{
    // A key may hold either a backtick or a double quote: one holding both cannot be written in the grammar.
    private static readonly Gen<string> Key = Gen.Char["ab.- `é%"].Array[0, 6].Select(c => new string(c));
    private static readonly Gen<string> Text = Gen.Char["ab'\"%_ \\é)("].Array[0, 8].Select(c => new string(c));
    private static readonly Gen<MlflowOperator> TextOperator = OneOf(MlflowOperator.Equal, MlflowOperator.NotEqual, MlflowOperator.Like, MlflowOperator.ILike);

    private static readonly Gen<MlflowOperator> NumberOperator = OneOf(
        MlflowOperator.Equal, MlflowOperator.NotEqual, MlflowOperator.Less, MlflowOperator.LessOrEqual, MlflowOperator.Greater, MlflowOperator.GreaterOrEqual);

    private static readonly Gen<MlflowComparison> Comparison = Gen.OneOf(
        Gen.Select(Key, NumberOperator, Gen.Double.Where(double.IsFinite)).Select((k, o, n) => new MlflowComparison(MlflowEntity.Metric, k, o) { Number = n }),
        Gen.Select(OneOf(MlflowEntity.Param, MlflowEntity.Tag), Key, TextOperator, Text).Select((e, k, o, t) => new MlflowComparison(e, k, o) { Text = t }),
        Gen.Select(Key, OneOf(MlflowOperator.IsNull, MlflowOperator.IsNotNull)).Select((k, o) => new MlflowComparison(MlflowEntity.Tag, k, o)),
        Gen.Select(OneOf("status", "run_name", "user_id", "artifact_uri"), TextOperator, Text).Select((k, o, t) => new MlflowComparison(MlflowEntity.Attribute, k, o) { Text = t }),
        Gen.Select(OneOf("start_time", "end_time"), NumberOperator, Gen.Long[0, 1L << 52]).Select((k, o, n) => new MlflowComparison(MlflowEntity.Attribute, k, o) { Number = n }),
        Gen.Select(OneOf(MlflowOperator.In, MlflowOperator.NotIn), Text.Array[1, 4]).Select((o, l) => new MlflowComparison(MlflowEntity.Attribute, "run_id", o) { List = l }),
        Gen.Select(OneOf("name", "digest", "context"), Text.Array[1, 4]).Select((k, l) => new MlflowComparison(MlflowEntity.Dataset, k, MlflowOperator.In) { List = l }));

    [Fact]
    public void Printed_filter_parses_to_itself() => Comparison.Array[0, 5].Sample(comparisons =>
        Assert.Equal(comparisons, MlflowFilter.Parse(new MlflowFilter(comparisons).ToString()).Comparisons));

    [Fact]
    public void Printed_order_parses_to_itself() =>
        Gen.Select(OneOf(MlflowEntity.Metric, MlflowEntity.Param, MlflowEntity.Tag), Key, Gen.Bool).Sample((entity, key, descending) =>
            Assert.Equal([new MlflowOrder(entity, key, descending)], MlflowOrder.Parse([new MlflowOrder(entity, key, descending).ToString()])));

    [Fact]
    public void Quotes_aliases_and_case_are_understood()
    {
        var filter = MlflowFilter.Parse("metrics.`val loss` >= -1.5e-3 and tags.mlflow.user = \"o'neil\" AND attributes.`Run name` Like 'it''s%' AND Created > 5");

        Assert.Equal(
            [
                new MlflowComparison(MlflowEntity.Metric, "val loss", MlflowOperator.GreaterOrEqual) { Number = -1.5e-3 },
                new MlflowComparison(MlflowEntity.Tag, "mlflow.user", MlflowOperator.Equal) { Text = "o'neil" },
                new MlflowComparison(MlflowEntity.Attribute, "run_name", MlflowOperator.Like) { Text = "it's%" },
                new MlflowComparison(MlflowEntity.Attribute, "start_time", MlflowOperator.Greater) { Number = 5 },
            ],
            filter.Comparisons);
    }

    [Theory]
    [InlineData("metrics.acc > abc", 14)]
    [InlineData("status = 'A' OR status = 'B'", 13)]
    [InlineData("status ~ 'A'", 7)]
    [InlineData("run_name = 'open", 11)]
    [InlineData("foo.bar = 'x'", 0)]
    [InlineData("run_id IN ('a', 2)", 16)]
    public void Error_says_where(string filter, int position) =>
        Assert.Equal(position, Assert.Throws<MlflowFilterException>(() => MlflowFilter.Parse(filter)).Position);

    [Fact]
    public void Key_to_order_by_twice_is_refused() =>
        Assert.Throws<MlflowFilterException>(() => MlflowOrder.Parse(["start_time", "Created DESC"]));

    [Fact]
    public void Limits_are_kept()
    {
        Assert.Throws<MlflowFilterException>(() => MlflowFilter.Parse(new string('a', MlflowFilter.MaxLength + 1)));
        Assert.Throws<MlflowFilterException>(() => MlflowFilter.Parse(string.Join(" AND ", Enumerable.Repeat("metrics.a > 1", MlflowFilter.MaxComparisons + 1))));
        Assert.Throws<MlflowFilterException>(() => MlflowFilter.Parse($"run_id IN ({string.Join(",", Enumerable.Repeat("'a'", MlflowFilter.MaxListItems + 1))})"));
        Assert.Throws<MlflowFilterException>(() => MlflowOrder.Parse([.. Enumerable.Range(0, MlflowOrder.MaxKeys + 1).Select(i => $"metrics.m{i}")]));
    }

    [Fact]
    public void Any_text_is_parsed_or_refused_by_name()
    {
        Mutations.OnlyNamedErrors("metrics.`a` > 1 AND tags.x IS NOT NULL and run_id IN ('a', \"b\")", text => MlflowFilter.Parse(text), 5_000);
        Gen.Char["mets.pra =<>!'\"`(),AND INOTlike0129-+eE;\n"].Array[0, 40].Select(c => new string(c)).Sample(text =>
        {
            if (Record.Exception(() => MlflowFilter.Parse(text)) is { } e)
                Assert.IsType<MlflowFilterException>(e);
        }, iter: 20_000);
    }

    private static Gen<T> OneOf<T>(params T[] values) => Gen.Int[0, values.Length - 1].Select(i => values[i]);
}
