using CsCheck;

namespace Pilothouse.Statistics.Tests;

public sealed class IntervalTests
{
    [Theory]
    [InlineData("wilson")]
    [InlineData("clopper-pearson")]
    [InlineData("agresti-coull")]
    [InlineData("jeffreys")]
    public void Proportion_intervals_match_statsmodels(string family) => Golden.Check("intervals", family, v =>
    {
        var (k, n, c) = (v.Whole("successes"), v.Whole("trials"), 1 - v.Number("alpha"));
        Expect(v, family switch
        {
            "wilson" => Intervals.Wilson(k, n, c),
            "clopper-pearson" => Intervals.ClopperPearson(k, n, c),
            "agresti-coull" => Intervals.AgrestiCoull(k, n, c),
            _ => Intervals.Jeffreys(k, n, c),
        });
    });

    [Fact]
    public void One_sided_exact_bound_matches_scipy() => Golden.Check("intervals", "clopper-pearson-one-sided", v =>
        v.Expect("upper", Intervals.ClopperPearson(v.Whole("failures"), v.Whole("trials"), 1 - v.Number("alpha"), Side.Upper).Interval.Upper));

    [Fact]
    public void Mean_t_interval_matches_scipy() => Golden.Check("intervals", "mean-t-interval", v =>
    {
        var values = v.Numbers("values");
        var got = Intervals.MeanT(values, 1 - v.Number("alpha"));
        v.Expect("mean", got.Value);
        v.Expect("standard_error", Math.Sqrt(Moments.MeanAndVariance(values).Variance / values.Length));
        v.Expect("lower", got.Interval.Lower, 4e-9); // scipy 1.10's t quantile, see DistributionTests
        v.Expect("upper", got.Interval.Upper, 4e-9);
    });

    [Fact]
    public void Newcombe_independent_matches_statsmodels() => Golden.Check("intervals", "newcombe-independent", v =>
    {
        var got = Intervals.NewcombeIndependent(
            v.Whole("successes1"), v.Whole("trials1"), v.Whole("successes2"), v.Whole("trials2"), 1 - v.Number("alpha"));
        v.Expect("difference", got.Value);
        Expect(v, got);
    });

    [Fact]
    public void Newcombe_paired_matches_the_formula() => Golden.Check("intervals", "newcombe-paired", v =>
    {
        var (e, f, g, h, c) = (v.Whole("both"), v.Whole("only_first"), v.Whole("only_second"), v.Whole("neither"), 1 - v.Number("alpha"));
        var got = Intervals.NewcombePaired(e, f, g, h, c);
        v.Expect("difference", got.Value);
        Expect(v, got);
        v.Expect("phi", Intervals.Phi(e, f, g, h));
        var plain = Intervals.NewcombePaired(e, f, g, h, c, continuityCorrected: false);
        v.Expect("lower_without_correction", plain.Interval.Lower);
        v.Expect("upper_without_correction", plain.Interval.Upper);
        v.Expect("phi_without_correction", Intervals.Phi(e, f, g, h, continuityCorrected: false));
    });

    [Theory]
    [InlineData(0, 10, 0, 0.27753279986288926)]
    [InlineData(45, 50, 0.7863976856252034, 0.9565242350681095)]
    [InlineData(81, 263, 0.2552885198782742, 0.36620957698280004)]
    [InlineData(1, 29, 0.006113214292762667, 0.17175521879320294)]
    public void Wilson_equals_published_values(long k, long n, double lower, double upper)
    {
        var got = Intervals.Wilson(k, n).Interval;
        Assert.Equal(lower, got.Lower, 12);
        Assert.Equal(upper, got.Upper, 12);
    }

    // Newcombe 1998, the independent paper's example 56/70 against 48/80: 0.0524 to 0.3339
    [Fact]
    public void Newcombe_independent_equals_the_papers_example()
    {
        var got = Intervals.NewcombeIndependent(56, 70, 48, 80).Interval;
        Assert.Equal(0.0524, got.Lower, 4);
        Assert.Equal(0.3339, got.Upper, 4);
    }

    // Without discordant items the score equation solves by hand: z^2 = n d / (1 - d)
    [Fact]
    public void Tango_without_discordant_items_equals_the_closed_form()
    {
        var got = Tango.Interval(0, 0, 100).Interval;
        var z = Normal.Quantile(0.975);
        Assert.Equal(z * z / (100 + z * z), got.Upper, 12);
        Assert.Equal(-got.Upper, got.Lower, 12);
    }

    [Fact]
    public void Tango_at_no_difference_is_mcnemar() =>
        Gen.Select(Gen.Int[0, 40], Gen.Int[0, 40]).Where((b, c) => b + c > 0).Sample((b, c) =>
            Math.Abs(Tango.Score(b, c, 200, 0) - (b - c) / Math.Sqrt(b + c)) < 1e-9);

    [Fact]
    public void Tango_bounds_are_where_the_score_is_z() =>
        Gen.Select(Gen.Int[0, 40], Gen.Int[0, 40], Gen.Int[81, 500]).Sample((b, c, n) =>
        {
            var got = Tango.Interval(b, c, n, 0.9).Interval;
            var z = Normal.Quantile(0.95);
            return Math.Abs(Tango.Score(b, c, n, got.Lower) - z) < 1e-6 && Math.Abs(Tango.Score(b, c, n, got.Upper) + z) < 1e-6;
        });

    [Fact]
    public void Tango_covers_the_truth()
    {
        // 60 items, 10 % only first, 5 % only second: exact coverage by enumeration of all outcomes
        const int n = 60;
        double covered = 0;
        for (var b = 0; b <= n; b++)
        {
            for (var c = 0; b + c <= n; c++)
            {
                var probability = Binomial.Pmf(b, n, 0.10) * Binomial.Pmf(c, n - b, 0.05 / 0.90);
                if (probability > 1e-12 && Tango.Interval(b, c, n).Interval.Contains(0.05)) covered += probability;
            }
        }
        Assert.InRange(covered, 0.935, 0.975);
    }

    [Fact]
    public void Clopper_pearson_covers_at_least_its_confidence() =>
        Gen.Select(Gen.Int[1, 80], Gen.Double[0.01, 0.99]).Sample((n, p) =>
        {
            var covered = 0.0;
            for (var k = 0; k <= n; k++)
                if (Intervals.ClopperPearson(k, n).Interval.Contains(p)) covered += Binomial.Pmf(k, n, p);
            return covered >= 0.95 - 1e-9;
        }, iter: 200);

    [Fact]
    public void Ratio_interval_contains_the_ratio_and_mirrors_itself() =>
        Gen.Select(Gen.Int[1, 50], Gen.Int[1, 50], Gen.Int[50, 200]).Sample((a, b, n) =>
        {
            var there = Intervals.RatioIndependent(a, n, b, n);
            var back = Intervals.RatioIndependent(b, n, a, n).Interval;
            return there.Interval.Contains(there.Value) && Math.Abs(there.Interval.Lower * back.Upper - 1) < 1e-6;
        });

    [Fact]
    public void One_sided_bounds_equal_the_two_sided_ends_at_twice_the_error()
    {
        var two = Intervals.Wilson(45, 50, 0.90).Interval;
        Assert.Equal(two.Lower, Intervals.Wilson(45, 50, 0.95, Side.Lower).Interval.Lower, 12);
        Assert.Equal(two.Upper, Intervals.Wilson(45, 50, 0.95, Side.Upper).Interval.Upper, 12);
        Assert.Equal(1, Intervals.Wilson(45, 50, 0.95, Side.Lower).Interval.Upper);
    }

    private static void Expect(GoldenVector v, Estimate got)
    {
        v.Expect("lower", got.Interval.Lower);
        v.Expect("upper", got.Interval.Upper);
    }
}
