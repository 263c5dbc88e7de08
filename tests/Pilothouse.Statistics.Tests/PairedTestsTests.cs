namespace Pilothouse.Statistics.Tests;

public sealed class PairedTestsTests
{
    [Fact]
    public void McNemar_matches_statsmodels() => Golden.Check("paired-tests", "mcnemar", v =>
    {
        var got = PairedTests.McNemar(v.Whole("b"), v.Whole("c"));
        v.Expect("exact_p", got.ExactP);
        v.Expect("mid_p", got.MidP);
        v.Expect("chi2", got.Chi2);
        v.Expect("chi2_p", got.Chi2P);
        v.Expect("chi2_corrected", got.Chi2Corrected);
        v.Expect("chi2_corrected_p", got.Chi2CorrectedP);
    });

    [Fact]
    public void Paired_t_matches_scipy() => Golden.Check("paired-tests", "paired-t", v =>
    {
        double[] a = v.Numbers("a"), b = v.Numbers("b");
        var got = PairedTests.PairedT(a, b);
        v.Expect("mean_difference", got.MeanDifference);
        v.Expect("standard_error", got.StandardError);
        v.Expect("t", got.T);
        v.Expect("degrees_of_freedom", got.DegreesOfFreedom);
        v.Expect("p_two_sided", got.PTwoSided);
        v.Expect("p_greater", got.PGreater);
        v.Expect("p_less", got.PLess);
        var interval = Intervals.MeanT(PairedTests.Differences(a, b)).Interval;
        v.Expect("lower_95", interval.Lower);
        v.Expect("upper_95", interval.Upper);
    });

    [Fact]
    public void Wilcoxon_matches_scipy() => Golden.Check("paired-tests", "wilcoxon-signed-rank", v =>
    {
        var got = PairedTests.Wilcoxon(v.Numbers("differences"));
        v.Expect("statistic", got.Statistic);
        v.Expect("p", got.PValue);
    });

    [Fact]
    public void Cluster_robust_error_matches_statsmodels() => Golden.Check("paired-tests", "cluster-robust-se", v =>
    {
        var got = ClusterRobust.Mean(v.Numbers("values"), v.Labels("clusters"));
        v.Expect("mean", got.Mean);
        v.Expect("clusters", got.Clusters);
        v.Expect("iid_standard_error", got.IidStandardError);
        v.Expect("cluster_standard_error", got.PlainStandardError);
        v.Expect("corrected_standard_error", got.StandardError);
        v.Expect("lower_95", got.Estimate().Interval.Lower);
        v.Expect("upper_95", got.Estimate().Interval.Upper);
    });

    [Fact]
    public void Sign_test_matches_scipy() => Golden.Check("paired-tests", "sign-test", v =>
    {
        var (two, greater, less) = PairedTests.BinomialTest(v.Whole("successes"), v.Whole("trials"), v.Number("p0"));
        v.Expect("p_two_sided", two);
        v.Expect("p_greater", greater);
        v.Expect("p_less", less);
    });

    [Fact]
    public void Cochran_q_matches_statsmodels() => Golden.Check("paired-tests", "cochran-q", v =>
    {
        var got = PairedTests.CochranQ([.. v.Table("table").Select(r => (IReadOnlyList<bool>)[.. r.Select(x => x != 0)])]);
        v.Expect("statistic", got.Statistic);
        v.Expect("p", got.PValue);
        v.Expect("degrees_of_freedom", got.DegreesOfFreedom);
    });

    [Fact]
    public void Sample_sizes_match_the_formula() => Golden.Check("paired-tests", "sample-size-paired", v =>
    {
        var (omega2, delta, alpha, power) = (v.Number("omega2"), v.Number("delta"), v.Number("alpha"), v.Number("power"));
        v.Expect("n_two_sided", Planning.PairedItems(omega2, delta, alpha, power));
        v.Expect("n_non_inferiority", Planning.NonInferiorityItems(omega2, delta, alpha, power));
        v.Expect("mde_at_n_500", Planning.MinimumDetectableDifference(omega2, 500, alpha, power));
    });

    [Fact]
    public void Pass_at_k_matches_exact_fractions() => Golden.Check("paired-tests", "pass-at-k", v =>
    {
        var (n, c, k) = ((int)v.Whole("n"), (int)v.Whole("c"), (int)v.Whole("k"));
        v.Expect("pass_at_k", Planning.PassAtK(n, c, k));
        v.Expect("pass_hat_k", Planning.PassHatK(n, c, k));
    });

    [Fact]
    public void McNemar_equals_published_values()
    {
        Assert.Equal(0.04138946533203125, PairedTests.McNemar(15, 5).ExactP, 14);
        Assert.Equal(0.026603698730468753, PairedTests.McNemar(15, 5).MidP, 14);
        Assert.Equal(0.0078125, PairedTests.McNemar(0, 8).ExactP, 14);
        Assert.Equal("McNemar exact", PairedTests.McNemar(15, 5).Chosen.Method);
        Assert.Equal("McNemar chi-squared", PairedTests.McNemar(15, 10).Chosen.Method);
    }

    // Miller's worked example: about 1,000 questions for three points at power 0.8 (variance 1/9)
    [Fact]
    public void Planning_equals_the_papers_example()
    {
        Assert.Equal(969, Planning.PairedItems(1.0 / 9, 0.03));
        Assert.Equal([59, 299, 598, 2995], new[] { 0.05, 0.01, 0.005, 0.001 }.Select(r => Planning.ZeroFailureItems(r)));
    }

    [Fact]
    public void Cluster_error_equals_the_papers_formula()
    {
        double[] s = [1, 1, 0, 1, 0, 0, 1, 1, 1, 0, 1, 0];
        string[] clusters = ["a", "a", "a", "b", "b", "b", "c", "c", "c", "d", "d", "d"];
        var got = ClusterRobust.Mean(s, clusters);
        Assert.Equal(0.1486470975026408, got.IidStandardError, 12);
        Assert.Equal(0.13819269959814165, got.PlainStandardError, 12);
        Assert.Equal(0.15957118462605632, got.StandardError, 12);
    }

    [Fact]
    public void Sign_flip_of_three_equal_differences_is_exact()
    {
        // Of the 8 flips only the two that keep all signs equal reach the observed sum.
        Assert.Equal(0.25, PairedTests.SignFlip([1, 1, 1]).PValue, 12);
        Assert.Equal(1, PairedTests.SignFlip([0, 0, 0]).PValue);
    }

    [Fact]
    public void Sign_flip_by_sampling_agrees_with_mcnemar()
    {
        double[] differences = [.. Enumerable.Repeat(1.0, 15), .. Enumerable.Repeat(-1.0, 5), .. Enumerable.Repeat(0.0, 80)];
        Assert.Equal(0.0414, PairedTests.SignFlip(differences, flips: 100_000).PValue, 2);
        Assert.Equal(PairedTests.SignFlip(differences), PairedTests.SignFlip(differences));
    }
}
