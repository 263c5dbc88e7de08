using System.Text.Json;
using CsCheck;

namespace Pilothouse.Statistics.Tests;

public sealed class TextMetricTests
{
    [Fact]
    public void Corpus_bleu_matches_sacrebleu() => Golden.Check("text", "corpus-bleu", v =>
    {
        Dictionary<string, BleuOptions> variants = new()
        {
            ["13a"] = new(),
            ["none"] = new(BleuTokenizer.None),
            ["char"] = new(BleuTokenizer.Character),
            ["lowercase_13a"] = new(IsLowercase: true),
            ["no_smoothing_13a"] = new(Smoothing: BleuSmoothing.None),
            ["floor_0.1_13a"] = new(Smoothing: BleuSmoothing.Floor, SmoothingValue: 0.1),
            ["add_k_1_13a"] = new(Smoothing: BleuSmoothing.AddK, SmoothingValue: 1),
        };
        foreach (var (name, options) in variants)
        {
            if (!v.Expects(name)) continue;
            var got = Bleu.Corpus(v.Labels("hypotheses"), References(v), options);
            if (v.Expects(name + "/score")) v.Expect(name + "/score", got.Score);
            else if (v.Expected.GetProperty(name).ValueKind != JsonValueKind.Object) v.Expect(name, got.Score);
            if (v.Expects(name + "/precisions")) v.Expect(name + "/precisions", got.Precisions);
            if (v.Expects(name + "/counts")) v.Expect(name + "/counts", got.Counts);
            if (v.Expects(name + "/totals")) v.Expect(name + "/totals", got.Totals);
            v.ExpectIfGiven(name + "/brevity_penalty", got.BrevityPenalty);
            v.ExpectIfGiven(name + "/bp", got.BrevityPenalty);
            v.ExpectIfGiven(name + "/system_length", got.HypothesisLength);
            v.ExpectIfGiven(name + "/sys_len", got.HypothesisLength);
            v.ExpectIfGiven(name + "/reference_length", got.ReferenceLength);
            v.ExpectIfGiven(name + "/ref_len", got.ReferenceLength);
        }
    });

    [Fact]
    public void Sentence_bleu_matches_sacrebleu() => Golden.Check("text", "sentence-bleu", v =>
        v.Expect("score", Bleu.Sentence(v.Text("hypothesis"), v.Labels("references")).Score));

    [Fact]
    public void ChrF_matches_sacrebleu() => Golden.Check("text", "chrf", v =>
    {
        Dictionary<string, ChrFOptions> variants = new()
        {
            ["chrf2"] = new(),
            ["chrf_plus_plus"] = new(WordOrder: 2),
            ["chrf2_lowercase"] = new(IsLowercase: true),
            ["chrf2_with_whitespace"] = new(KeepsWhitespace: true),
            ["chrf_beta3"] = new(Beta: 3),
        };
        foreach (var (name, options) in variants) v.ExpectIfGiven(name, ChrF.Corpus(v.Labels("hypotheses"), References(v), options));
    });

    [Fact]
    public void Edit_distance_matches_its_definition() => Golden.Check("text", "edit-distance", v =>
    {
        v.Expect("distance", EditDistance.Distance(v.Text("a"), v.Text("b")));
        v.Expect("similarity", EditDistance.Similarity(v.Text("a"), v.Text("b")));
    });

    [Fact]
    public void Ter_matches_sacrebleu() => Golden.Check("text", "ter", v => v.Expect("ter", Ter.Corpus(v.Labels("hypotheses"), References(v))));

    // Examples of Lin 2004, section 3.1.
    [Fact]
    public void Rouge_equals_its_definition()
    {
        const string Reference = "police killed the gunman";
        Assert.Equal(0.75, Rouge.L("police kill the gunman", Reference).F1, 12);
        Assert.Equal(0.5, Rouge.L("the gunman kill police", Reference).F1, 12);
        Assert.Equal(0.75, Rouge.N("the gunman kill police", Reference, 1).F1, 12);
        Assert.Equal(1 / 3.0, Rouge.N("police kill the gunman", Reference, 2).F1, 12);
        Assert.Equal((0.5, 1.0), (Rouge.N("a b c d", "a b", 1).Precision, Rouge.N("a b c d", "a b", 1).Recall));
        Assert.Equal(1, Rouge.L("", "").F1);
        Assert.Equal(0, Rouge.L("", "x").F1);
    }

    [Fact]
    public void Summed_parts_give_the_corpus_figure()
    {
        string[] hypotheses = ["The dog bit the man.", "It wasn't surprising.", "The man had just bitten him."], references = ["The dog had bit the man.", "No one was surprised.", "The man had bitten the dog."];
        double[] Sum(Func<string, string, double[]> parts) => hypotheses.Zip(references, parts).Aggregate((a, b) => [.. a.Zip(b, (x, y) => x + y)]);
        Assert.Equal(Bleu.Corpus(hypotheses, [references]).Score, Bleu.OfParts(Sum((h, r) => Bleu.Parts(h, r))), 10);
        Assert.Equal(ChrF.Corpus(hypotheses, [references]), ChrF.OfParts(Sum((h, r) => ChrF.Parts(h, r))), 10);
    }

    // sacrebleu's own test: 48.530827
    [Fact]
    public void Bleu_equals_sacrebleus_example()
    {
        var got = Bleu.Corpus(["The dog bit the man.", "It wasn't surprising.", "The man had just bitten him."],
        [
            ["The dog bit the man.", "It was not unexpected.", "The man bit him first."],
            ["The dog had bit the man.", "No one was surprised.", "The man had bitten the dog."],
        ]);
        Assert.Equal(48.530827, got.Score, 6);
        Assert.Equal(3, EditDistance.Distance("kitten", "sitting"));
        Assert.Equal(1, EditDistance.Distance("a\U0001F600b", "ab"));
    }

    [Fact]
    public void Edit_distance_is_a_metric() =>
        Gen.Select(Gen.String[Gen.Char["abc"], 0, 8], Gen.String[Gen.Char["abc"], 0, 8], Gen.String[Gen.Char["abc"], 0, 8]).Sample((a, b, c) =>
            EditDistance.Distance(a, b) == EditDistance.Distance(b, a) && EditDistance.Distance(a, b) == 0 == (a == b)
            && EditDistance.Distance(a, c) <= EditDistance.Distance(a, b) + EditDistance.Distance(b, c));

    private static IReadOnlyList<string>[] References(GoldenVector v) =>
        [.. v.Input.GetProperty("references").EnumerateArray().Select(r => (IReadOnlyList<string>)[.. r.EnumerateArray().Select(s => s.GetString() ?? "")])];
}
