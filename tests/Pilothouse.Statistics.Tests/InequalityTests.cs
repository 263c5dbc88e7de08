using System.Text.Json;

namespace Pilothouse.Statistics.Tests;

public sealed class InequalityTests
{
    [Fact]
    public void Entropy_indices_match_their_definition() => Golden.Check("inequality", "generalized-entropy", v =>
    {
        var b = v.Numbers("benefits");
        v.Expect("gei_2", Inequality.GeneralizedEntropy(b));
        v.Expect("theil", Inequality.Theil(b));
        v.Expect("mean_log_deviation", Inequality.GeneralizedEntropy(b, 0));
        v.ExpectIfGiven("gei_minus_1", Inequality.GeneralizedEntropy(b, -1));
        v.Expect("coefficient_of_variation", 2 * Math.Sqrt(Inequality.GeneralizedEntropy(b)));
        v.Expect("cv", Inequality.CoefficientOfVariation(b));
        v.Expect("gini", Inequality.Gini(b));
    });

    [Fact]
    public void Between_group_part_matches_its_definition() => Golden.Check("inequality", "between-group-entropy", v =>
    {
        var b = v.Numbers("benefits");
        v.Expect("gei_2", Inequality.BetweenGroups(b, v.Labels("groups")));
        v.Expect("theil", Inequality.BetweenGroups(b, v.Labels("groups"), 1));
        v.Expect("total_gei_2", Inequality.GeneralizedEntropy(b));
    });

    [Fact]
    public void Differential_fairness_matches_aif360() => Golden.Check("inequality", "differential-fairness", v =>
    {
        var concentration = v.Number("concentration");
        if (v.Has("data"))
        {
            var groups = SharedData.Adult("adult-test.csv").Where(r => !r.Contains("?")).GroupBy(r => v.Text("groups") switch
            {
                "race x sex" => $"{r[8]}|{r[9]}",
                "race x sex x native-country" => $"{r[8]}|{r[9]}|{r[13]}",
                _ => $"{r[8] == "White"}|{r[9]}|{r[13] == "United-States"}",
            });
            v.Expect("epsilon", GroupFairness.DifferentialFairness(
                [.. groups.Select(g => ((double)g.Count(SharedData.IsRich), (double)g.Count()))], concentration));
            return;
        }
        var n = v.Numbers("n");
        var labels = GroupFairness.DifferentialFairness([.. v.Numbers("positives").Zip(n)], concentration);
        var predictions = GroupFairness.DifferentialFairness([.. v.Numbers("predicted_positives").Zip(n)], concentration);
        v.Expect("epsilon", labels);
        v.Expect("epsilon_predictions", predictions);
        v.Expect("bias_amplification", predictions - labels);
    });

    [Fact]
    public void Impact_ratios_match_the_rule() => Golden.Check("inequality", "impact-ratio", v =>
    {
        var applicants = v.Input.GetProperty("applicants").EnumerateObject().ToDictionary(p => p.Name, p => p.Value.GetInt64());
        var selected = v.Input.GetProperty("selected");
        var share = v.ParameterOr("exclude_below_share", 0);
        foreach (var got in Inequality.ImpactRatios([.. applicants.Select(a => (a.Key, selected.GetProperty(a.Key).GetInt64(), a.Value))], share))
        {
            v.Expect(got.Category + "/rate", got.Rate);
            v.Expect(got.Category + "/impact_ratio", got.Ratio);
            v.Expect(got.Category + "/left_out", got.IsLeftOut ? 1 : 0);
            v.Expect(got.Category + "/four_fifths", got.IsBelowFourFifths ? 1 : 0);
        }
    });

    [Fact]
    public void Scoring_rates_match_the_rule() => Golden.Check("inequality", "scoring-rate-ratio", v =>
    {
        var (median, ratios) = Inequality.ScoringRates(v.Numbers("scores"), v.Labels("groups"));
        v.Expect("median", median);
        foreach (var got in ratios)
        {
            v.Expect("rates/" + got.Category, got.Rate);
            v.Expect("impact_ratios/" + got.Category, got.Ratio);
        }
    });

    [Fact]
    public void Icat_matches_the_published_scores() => Golden.Check("inequality", "icat", v =>
        v.Expect("icat", BiasBenchmarks.Icat(v.Number("lms"), v.Number("ss"))));

    [Fact]
    public void Bbq_scores_match_their_definition() => Golden.Check("bbq", "bbq-score", v =>
    {
        var (accuracy, score) = BiasBenchmarks.Bbq(
            v.Whole("matched"), v.Whole("correct"), v.Whole("non_unknown"), v.Whole("biased"), v.Input.GetProperty("ambiguous").GetBoolean());
        v.Expect("accuracy", accuracy);
        v.Expect("bias_score", score);
    });

    [Fact]
    public void Bbq_predictions_of_the_authors_give_the_published_scores() => Golden.Check("bbq", "bbq-unifiedqa", v =>
    {
        var rows = SharedData.Lines($"bbq/preds_{v.Text("category")}.jsonl.gz").Select(l => JsonDocument.Parse(l).RootElement).ToArray();
        foreach (var condition in new[] { "ambig", "disambig" })
        {
            var got = BiasBenchmarks.Bbq([.. rows.Where(r => r.GetProperty("context_condition").GetString() == condition)
                .Select(r => (Item(r), r.GetProperty(v.Text("prediction_column")).GetString()!))], condition == "ambig");
            v.Expect(condition + "/rows", got.Rows);
            v.Expect(condition + "/matched", got.Matched);
            v.Expect(condition + "/unmatched", got.Rows - got.Matched);
            v.Expect(condition + "/correct", got.Correct);
            v.Expect(condition + "/rows_without_unique_target", got.RowsWithoutUniqueTarget);
            v.Expect(condition + "/non_unknown", got.NonUnknown);
            v.Expect(condition + "/biased", got.Biased);
            v.Expect(condition + "/accuracy", got.Accuracy);
            v.Expect(condition + "/bias_score", got.BiasScore);
        }
    });

    // The example of 6 RCNY 5-300: female 555 of 1,181 against male 667 of 1,390 gives 0.979
    [Fact]
    public void Impact_ratio_equals_the_rules_example() =>
        Assert.Equal(0.979, Inequality.ImpactRatios([("Male", 667, 1390), ("Female", 555, 1181)])[1].Ratio, 3);

    private static BbqItem Item(JsonElement r)
    {
        var info = r.GetProperty("answer_info");
        string[] keys = ["ans0", "ans1", "ans2"];
        return new BbqItem([.. keys.Select(k => r.GetProperty(k).GetString()!)], [.. keys.Select(k => (info.GetProperty(k)[0].GetString()!, info.GetProperty(k)[1].GetString()!))],
            [.. r.GetProperty("additional_metadata").GetProperty("stereotyped_groups").EnumerateArray().Select(s => s.GetString()!)],
            r.GetProperty("label").GetInt32(), r.GetProperty("question_polarity").GetString() == "neg");
    }
}
