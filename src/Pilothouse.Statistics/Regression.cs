namespace Pilothouse.Statistics;

/// <summary>Errors of numeric predictions.</summary>
/// <param name="MeanAbsolute">Mean |error|.</param>
/// <param name="MeanSquared">Mean error^2.</param>
/// <param name="R2">1 - residual / total sum of squares; NaN for one item; 1 or 0 when the truth does not vary.</param>
/// <param name="MedianAbsolute">Median |error|.</param>
/// <param name="ExplainedVariance">1 - variance of errors / variance of truth; 1 or 0 when the truth does not vary.</param>
public sealed record RegressionScores(double MeanAbsolute, double MeanSquared, double R2, double MedianAbsolute, double ExplainedVariance)
{
    /// <summary>Square root of MeanSquared.</summary>
    public double RootMeanSquared => Math.Sqrt(MeanSquared);
}

/// <summary>Errors of numeric predictions, and correlations.</summary>
public static class Regression
{
    /// <summary>Scores of predictions against the truth.</summary>
    public static RegressionScores Scores(ReadOnlySpan<double> truth, ReadOnlySpan<double> predicted)
    {
        Check.NotEmpty(truth.Length, nameof(truth));
        var errors = PairedTests.Differences(truth, predicted);
        var squares = errors.Sum(e => e * e);
        var total = SumOfSquares(truth);
        double[] sizes = [.. errors.Select(Math.Abs).Order()];
        double Share(double part) => total > 0 ? 1 - part / total : part == 0 ? 1 : 0;
        return new RegressionScores(sizes.Average(), squares / errors.Length, truth.Length < 2 ? double.NaN : Share(squares),
            Moments.SortedQuantile(sizes, 0.5), Share(SumOfSquares(errors)));
    }

    /// <summary>Pearson correlation with its two-sided t p-value; NaN for a constant input.</summary>
    public static TestResult Pearson(ReadOnlySpan<double> x, ReadOnlySpan<double> y) => Correlation(x, y, "Pearson");

    /// <summary>Spearman rank correlation with its two-sided t p-value; NaN for a constant input.</summary>
    public static TestResult Spearman(ReadOnlySpan<double> x, ReadOnlySpan<double> y) =>
        Correlation(Ranks.Average(x, out _), Ranks.Average(y, out _), "Spearman");

    private static TestResult Correlation(ReadOnlySpan<double> x, ReadOnlySpan<double> y, string method)
    {
        Check.SameLength(x.Length, y.Length);
        double mx = Moments.MeanAndVariance(x).Mean, my = Moments.MeanAndVariance(y).Mean, cross = 0;
        for (var k = 0; k < x.Length; k++) cross += (x[k] - mx) * (y[k] - my);
        double sx = SumOfSquares(x), sy = SumOfSquares(y), df = x.Length - 2;
        if (sx == 0 || sy == 0) return new TestResult(double.NaN, double.NaN, df, method);
        var r = Math.Clamp(cross / Math.Sqrt(sx) / Math.Sqrt(sy), -1, 1);
        // 2 P(T > |t|) with t^2 = df r^2 / (1 - r^2) is the beta tail I_(1-r^2)(df/2, 1/2): no division by zero at r = 1
        var p = df < 1 ? 1 : SpecialFunctions.IncompleteBeta(df / 2, 0.5, (1 - r) * (1 + r), r * r).Lower;
        return new TestResult(r, p, df, method);
    }

    private static double SumOfSquares(ReadOnlySpan<double> values) =>
        values.Length < 2 ? 0 : Moments.MeanAndVariance(values).Variance * (values.Length - 1);
}
