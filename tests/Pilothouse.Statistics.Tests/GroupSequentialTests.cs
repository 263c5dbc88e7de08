namespace Pilothouse.Statistics.Tests;

public sealed class GroupSequentialTests
{
    /// <summary>Tables of Lan and DeMets' O'Brien-Fleming type bounds (one-sided 0.025), as in Jennison and Turnbull 2000 and Reboussin et al. 2000.</summary>
    [Theory]
    [InlineData(new[] { 0.5, 1.0 }, new[] { 2.963, 1.969 })]
    [InlineData(new[] { 0.25, 0.5, 0.75, 1.0 }, new[] { 4.333, 2.963, 2.359, 2.014 })]
    [InlineData(new[] { 0.2, 0.4, 0.6, 0.8, 1.0 }, new[] { 4.877, 3.357, 2.680, 2.290, 2.031 })]
    public void Bounds_are_those_of_the_tables(double[] looks, double[] z)
    {
        var levels = GroupSequential.Levels(looks, 0.025);
        for (var k = 0; k < z.Length; k++) Assert.Equal(z[k], Normal.Quantile(1 - levels[k]), 0.003);
    }

    [Fact]
    public void One_look_is_the_plain_test() => Assert.Equal(0.05, GroupSequential.Levels([1.0], 0.05)[0], 6);

    [Fact]
    public void A_look_too_early_to_decide_anything_has_level_0()
    {
        var levels = GroupSequential.Levels([0.01, 1], 0.05);
        Assert.Equal(0, levels[0]);
        Assert.Equal(0.05, levels[1], 6);
    }

    [Theory]
    [InlineData(new[] { 0.5, 0.4, 1.0 })]
    [InlineData(new[] { 0.0, 1.0 })]
    [InlineData(new[] { 0.5, 1.1 })]
    public void Shares_that_do_not_ascend_are_refused(double[] looks) => Assert.Throws<ArgumentOutOfRangeException>(() => GroupSequential.Levels(looks, 0.05));

    /// <summary>Scores of a true null hypothesis: over all looks together 5 % are rejected, not the 12 % of four looks at 5 % each.</summary>
    [Fact]
    public void Looking_four_times_spends_alpha_once()
    {
        const int Rounds = 200_000;
        double[] looks = [0.25, 0.5, 0.75, 1];
        var levels = GroupSequential.Levels(looks, 0.05);
        double[] bounds = [.. levels.Select(l => Normal.Quantile(1 - l))];
        var random = new Xoshiro256(20_261_126);
        int spent = 0, naive = 0;
        for (var round = 0; round < Rounds; round++)
        {
            double sum = 0, before = 0;
            bool rejected = false, peeked = false;
            for (var k = 0; k < looks.Length; k++)
            {
                sum += random.NextNormal() * Math.Sqrt(looks[k] - before);
                before = looks[k];
                var z = sum / Math.Sqrt(looks[k]);
                rejected |= z > bounds[k];
                peeked |= z > 1.6448536269514722;
            }
            if (rejected) spent++;
            if (peeked) naive++;
        }
        var width = 4 * Math.Sqrt(0.05 * 0.95 / Rounds);
        Assert.InRange((double)spent / Rounds, 0.05 - width, 0.05 + width);
        Assert.InRange((double)naive / Rounds, 0.10, 0.14);
    }

    /// <summary>The gate itself at each look: right/wrong pairs whose true loss is exactly the margin must not pass more often than 5 %.</summary>
    [Fact]
    public void A_loss_of_the_margin_passes_at_any_look_in_at_most_5_percent()
    {
        const int Rounds = 3_000, Items = 400;
        const double Margin = 0.05, Worse = 0.10, Better = 0.05;
        double[] looks = [0.25, 0.5, 0.75, 1];
        var levels = GroupSequential.Levels(looks, 0.05);
        var random = new Xoshiro256(7);
        var passed = 0;
        for (var round = 0; round < Rounds; round++)
        {
            var (candidate, baseline) = (new double[Items], new double[Items]);
            for (var i = 0; i < Items; i++)
            {
                var u = random.NextDouble();
                (candidate[i], baseline[i]) = u < Worse ? (0, 1) : u < Worse + Better ? (1, 0) : (1.0, 1.0);
            }
            for (var k = 0; k < looks.Length; k++)
            {
                var n = (int)(looks[k] * Items);
                if (Gates.NonInferiority(candidate.AsSpan(0, n), baseline.AsSpan(0, n), Margin, 1 - levels[k]).Verdict != GateVerdict.Pass) continue;
                passed++;
                break;
            }
        }
        // Upper limit of a binomial count with p = 0.05 at 99.99 %.
        Assert.True(passed <= Rounds * 0.05 + 3.72 * Math.Sqrt(Rounds * 0.05 * 0.95), $"{passed} of {Rounds}");
        Assert.True(passed >= Rounds * 0.02, $"{passed} of {Rounds}: far too strict");
    }

    /// <summary>Slices as reports have them: 20 paired McNemar tests, half of them of no difference; among what is marked at most 5 % is wrong on average.</summary>
    [Fact]
    public void Of_marked_slices_at_most_5_percent_are_wrong_on_average()
    {
        const int Rounds = 1_000, Slices = 20, Items = 60;
        var random = new Xoshiro256(11);
        double wrong = 0;
        var found = 0;
        for (var round = 0; round < Rounds; round++)
        {
            var p = new double[Slices];
            for (var s = 0; s < Slices; s++)
            {
                var (worse, better) = (0, 0);
                var loss = s < Slices / 2 ? 0.12 : 0.32;
                for (var i = 0; i < Items; i++)
                {
                    var u = random.NextDouble();
                    if (u < loss) worse++;
                    else if (u < loss + 0.12) better++;
                }
                p[s] = PairedTests.McNemar(better, worse).Chosen.PValue;
            }
            var adjusted = MultipleTesting.BenjaminiHochberg(p);
            int marked = adjusted.Count(a => a <= 0.05), falsely = adjusted.Take(Slices / 2).Count(a => a <= 0.05);
            if (marked > 0) wrong += (double)falsely / marked;
            found += marked - falsely;
        }
        Assert.True(wrong / Rounds <= 0.05, $"{wrong / Rounds}");
        Assert.True(found > Rounds, "nothing is found");
    }

    [Fact]
    public void Conditional_power_follows_the_trend()
    {
        Assert.True(GroupSequential.ConditionalPower(-1, 0.5, 0.05) < 0.01);
        Assert.True(GroupSequential.ConditionalPower(2.5, 0.5, 0.05) > 0.95);
        // With all but nothing left the present score decides.
        Assert.Equal(0.5, GroupSequential.ConditionalPower(1.6448536269514722, 0.999999, 0.05), 0.01);
    }
}
