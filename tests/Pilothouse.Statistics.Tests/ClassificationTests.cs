using System.Text.Json;

namespace Pilothouse.Statistics.Tests;

public sealed class ClassificationTests
{
    [Fact]
    public void Labels_match_scikit_learn() => Golden.Check("classification", "labels", v =>
    {
        var got = Classification.Report(Labels(v, "truth"), Labels(v, "predicted"));
        v.Expect("labels", got.Labels.Select(double.Parse));
        v.Expect("accuracy", got.Accuracy);
        v.Expect("balanced_accuracy", got.BalancedAccuracy);
        v.Expect("precision", got.PerClass.Select(c => c.Precision));
        v.Expect("recall", got.PerClass.Select(c => c.Recall));
        v.Expect("f1", got.PerClass.Select(c => c.F1));
        v.Expect("support", got.Support.Select(s => (double)s));
        v.Expect("mcc", got.Mcc);
        v.Expect("f2_macro", got.MacroF(2));
        for (var k = 0; k < got.Labels.Length; k++) v.ExpectRow("confusion", k, [.. got.Confusion[k].Select(c => (double)c)]);
        foreach (var (name, scores) in new[] { ("macro", got.Macro), ("micro", got.Micro), ("weighted", got.Weighted) })
        {
            v.Expect(name + "/precision", scores.Precision);
            v.Expect(name + "/recall", scores.Recall);
            v.Expect(name + "/f1", scores.F1);
        }
    });

    [Fact]
    public void Scores_match_scikit_learn() => Golden.Check("classification", "scores", v =>
    {
        bool[] truth = [.. v.Numbers("truth").Select(t => t != 0)];
        var p = v.Numbers("probability");
        v.Expect("auroc", Classification.Auroc(truth, p));
        v.ExpectIfGiven("average_precision", Classification.AveragePrecision(truth, p));
        v.Expect("brier", Classification.Brier(truth, p));
        v.Expect("log_loss", Classification.LogLoss(truth, p));
        if (!v.Expects("roc")) return;
        var roc = Classification.Roc(truth, p);
        if (v.Expects("roc/points"))
        {
            v.LeaveOut("roc"); // only a count: of sklearn's own points, ties kept
            return;
        }
        v.Expect("roc/fpr", roc.Select(x => x.FalsePositiveRate));
        v.Expect("roc/tpr", roc.Select(x => x.TruePositiveRate));
    });

    [Fact]
    public void Multiclass_log_loss_matches_scikit_learn() => Golden.Check("classification", "multiclass-scores", v =>
    {
        int[] truth = [.. v.Numbers("truth").Select(t => (int)t)];
        var p = v.Table("probabilities");
        v.Expect("log_loss", Classification.LogLoss(truth, p));
        v.Expect("top_2_accuracy", truth.Select((t, k) => p[k].Count(x => x > p[k][t]) < 2 ? 1.0 : 0).Average());
        v.Expect("auroc_ovr_macro", Enumerable.Range(0, p[0].Length).Average(c =>
            Classification.Auroc([.. truth.Select(t => t == c)], p.Select(r => r[c]).ToArray())));
        v.LeaveOut("auroc_ovo_macro");
    });

    [Fact]
    public void Regression_scores_match_scikit_learn() => Golden.Check("classification", "regression", v =>
    {
        var got = Regression.Scores(v.Numbers("truth"), v.Numbers("predicted"));
        v.Expect("mae", got.MeanAbsolute);
        v.Expect("mse", got.MeanSquared);
        v.Expect("rmse", got.RootMeanSquared);
        v.Expect("r2", got.R2);
        v.Expect("median_absolute_error", got.MedianAbsolute);
        v.Expect("explained_variance", got.ExplainedVariance);
    });

    [Fact]
    public void Correlations_match_scipy() => Golden.Check("divergences", "correlation", v =>
    {
        double[] x = v.Numbers("x"), y = v.Numbers("y");
        var (pearson, spearman) = (Regression.Pearson(x, y), Regression.Spearman(x, y));
        v.Expect("pearson", pearson.Statistic);
        v.Expect("pearson_p", pearson.PValue);
        v.Expect("spearman", spearman.Statistic);
        v.Expect("spearman_p", spearman.PValue);
        v.LeaveOut("kendall_tau_b");
        v.LeaveOut("kendall_p");
    });

    [Fact]
    public void Calibration_matches_its_definition() => Golden.Check("calibration", "ece", v =>
    {
        bool[] truth = [.. v.Numbers("truth").Select(t => t != 0)];
        var p = v.Numbers("probability");
        var bins = (int)v.Whole("bins");
        var width = Calibration.EqualWidth(truth, p, bins);
        v.Expect("ece_equal_width", Calibration.Expected(width));
        v.Expect("mce_equal_width", Calibration.Largest(width));
        v.Expect("bin_counts", width.Select(b => (double)b.Count));
        v.Expect("ece_equal_mass", Calibration.Expected(Calibration.EqualMass(truth, p, bins)));
        v.Expect("brier", Classification.Brier(truth, p));
    });

    [Fact]
    public void Cohen_kappa_matches_scikit_learn() => Golden.Check("agreement", "cohen-kappa", v =>
    {
        double[] a = v.Numbers("a"), b = v.Numbers("b");
        v.Expect("kappa", Agreement.CohenKappa(a, b));
        v.Expect("kappa_linear", Agreement.CohenKappa(a, b, KappaWeights.Linear));
        v.Expect("kappa_quadratic", Agreement.CohenKappa(a, b, KappaWeights.Quadratic));
        v.Expect("agreement", a.Zip(b, (x, y) => x == y ? 1.0 : 0).Average());
    });

    [Fact]
    public void Fleiss_kappa_matches_statsmodels() => Golden.Check("agreement", "fleiss-kappa", v =>
    {
        v.Expect("kappa", Agreement.FleissKappa(v.Table("table")));
        v.Expect("randolph", Agreement.FleissKappa(v.Table("table"), isFreeMarginal: true));
    });

    [Fact]
    public void Krippendorff_alpha_matches_the_paper() => Golden.Check("agreement", "krippendorff-alpha", v =>
    {
        IReadOnlyList<double?>[] units = [.. v.Input.GetProperty("units").EnumerateArray().Select(u =>
            (IReadOnlyList<double?>)[.. u.EnumerateArray().Select(e => e.ValueKind == JsonValueKind.Null ? (double?)null : GoldenVector.ToDouble(e))])];
        foreach (var level in Enum.GetValues<MeasurementLevel>())
            v.ExpectIfGiven(level.ToString().ToLowerInvariant(), Agreement.KrippendorffAlpha(units, level));
    });

    [Fact]
    public void Krippendorff_alpha_equals_hand_worked_values()
    {
        Assert.Equal(1, Agreement.KrippendorffAlpha([[1, 1, 1], [0, 0, 0], [1, 1, 1]]));
        Assert.Equal(-0.75, Agreement.KrippendorffAlpha([[0, 1], [0, 1], [1, 0], [1, 0]]), 12);
        Assert.Equal(1 - 132.0 / 420, Agreement.KrippendorffAlpha([[1, 1, 1], [0, 0, 0], [1, 1, 1], [0, 0, 1]]), 12);
    }

    [Fact]
    public void A_perfect_and_a_useless_ranking()
    {
        Assert.Equal(1, Classification.Auroc([false, true], [0.1, 0.9]));
        Assert.Equal(0.5, Classification.Auroc([false, true], [0.4, 0.4]));
        Assert.True(double.IsNaN(Classification.Auroc([true, true], [0.4, 0.5])));
    }

    private static string[] Labels(GoldenVector v, string name) => v.Labels(name);
}
