namespace Pilothouse.Statistics;

/// <summary>
/// Intervals of a Bernoulli mean that all hold at once, however often one looks (Robbins 1970; Howard et al. 2021): inversion of the
/// Beta(1/2, 1/2) mixture likelihood ratio.
/// </summary>
public static class ConfidenceSequence
{
    /// <summary>The interval after `trials` samples of which `successes` succeeded; with probability `confidence` none of them misses.</summary>
    public static Estimate Bernoulli(long successes, long trials, double confidence = 0.95)
    {
        Check.Confidence(confidence);
        if (trials == 0) return new Estimate(double.NaN, new Interval(0, 1, confidence), Method);
        Check.Counts(successes, trials);
        double s = successes, f = trials - successes, value = s / trials;
        var mixture = SpecialFunctions.LogBeta(s + 0.5, f + 0.5) - SpecialFunctions.LogBeta(0.5, 0.5);
        var limit = mixture + Math.Log(1 - confidence);
        double LogLikelihood(double p) => (s == 0 ? 0 : s * Math.Log(p)) + (f == 0 ? 0 : f * double.LogP1(-p));
        double Edge(double inside, double outside)
        {
            for (var k = 0; k < 55; k++)
            {
                var middle = 0.5 * (inside + outside);
                if (LogLikelihood(middle) >= limit) inside = middle;
                else outside = middle;
            }
            return inside;
        }
        var lower = s == 0 ? 0 : Edge(value, 0);
        var upper = f == 0 ? 1 : Edge(value, 1);
        return new Estimate(value, new Interval(lower, upper, confidence), Method);
    }

    private const string Method = "beta-mixture confidence sequence";
}
