using CsCheck;

namespace Pilothouse.Statistics.Tests;

public sealed class MultipleTestingTests
{
    [Theory]
    [InlineData("bonferroni")]
    [InlineData("holm")]
    [InlineData("hommel")]
    [InlineData("simes-hochberg")]
    [InlineData("holm-sidak")]
    [InlineData("fdr_bh")]
    [InlineData("fdr_by")]
    public void Adjusted_p_values_match_statsmodels(string family) => Golden.Check("multiple-testing", family, v =>
    {
        var p = v.Numbers("p");
        var got = family switch
        {
            "bonferroni" => MultipleTesting.Bonferroni(p),
            "holm" => MultipleTesting.Holm(p),
            "hommel" => MultipleTesting.Hommel(p),
            "simes-hochberg" => MultipleTesting.Hochberg(p),
            "holm-sidak" => MultipleTesting.HolmSidak(p),
            "fdr_bh" => MultipleTesting.BenjaminiHochberg(p),
            _ => MultipleTesting.BenjaminiYekutieli(p),
        };
        v.Expect("adjusted", got);
        v.Expect("rejected", got.Select(a => a <= v.Number("alpha") ? 1.0 : 0));
    });

    [Fact]
    public void Holm_and_benjamini_hochberg_equal_a_worked_example()
    {
        double[] p = [0.01, 0.02, 0.03, 0.04, 0.05, 0.20];
        Assert.Equal([0.06, 0.10, 0.12, 0.12, 0.12, 0.20], MultipleTesting.Holm(p).Select(x => Math.Round(x, 10)));
        Assert.Equal([0.06, 0.06, 0.06, 0.06, 0.06, 0.20], MultipleTesting.BenjaminiHochberg(p).Select(x => Math.Round(x, 10)));
    }

    [Fact]
    public void Methods_are_ordered_by_strictness() =>
        Gen.Double[0, 1].Array[1, 30].Sample(p =>
        {
            double[] bonferroni = MultipleTesting.Bonferroni(p), holm = MultipleTesting.Holm(p), hommel = MultipleTesting.Hommel(p),
                hochberg = MultipleTesting.Hochberg(p), bh = MultipleTesting.BenjaminiHochberg(p);
            return Enumerable.Range(0, p.Length).All(k => bonferroni[k] >= holm[k] - 1e-12 && holm[k] >= hochberg[k] - 1e-12
                && hochberg[k] >= hommel[k] - 1e-12 && hommel[k] >= bh[k] - 1e-12 && bh[k] >= p[k] - 1e-12);
        });
}
