using System.Globalization;
using CsCheck;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Evaluation;
using Pilothouse.Testing;

namespace Pilothouse.Server.Tests.Modules.Evaluation;

/// <summary>Cases whose verdict flips between evaluations of the same target.</summary>
public class FlakeTests
{
    private const string Yaml = """
        apiVersion: pilothouse/v1
        project: shop
        models: { remote: { kind: generative, engine: openai, url: "http://127.0.0.1:9/v1", model: gpt } }
        data: { heldout: { path: d.jsonl } }
        suites: { quality: { model: remote, data: heldout, scorers: [{ name: exact, type: exact }], gates: [{ scorer: exact, type: floor, min: 0.5 }] } }
        """;

    private static string Data(string last = "answer 9") => string.Concat(Enumerable.Range(0, 10).Select(i => $"{{\"id\":\"c{i}\",\"input\":\"question {i}\",\"expected\":\"{(i == 9 ? last : $"answer {i}")}\"}}\n"));

    private static string Packed(string key, string runs) => string.Concat(runs.Select(r => key + r));

    private static IReadOnlyList<FlakyCase> Find(string history) => FlakeRule.Find([.. history.Select(r => r == '.' ? "" : Packed("AAAAAAAA", $"{r}"))], [("AAAAAAAA", "c1")]);

    [Theory]
    [InlineData("++++", false)]
    [InlineData("++--", false)] // one change that stayed
    [InlineData("+-+", false)] // too few runs
    [InlineData("+-+-", true)]
    [InlineData("++-+", true)]
    [InlineData("+.-.+..+", true)] // not asked in between
    [InlineData("++++++++++++++++++-+", true)]
    public void Twice_flipped_is_flaky(string history, bool isFlaky) => Assert.Equal(isFlaky, Find(history).Count == 1);

    [Fact]
    public void A_case_flips_as_often_as_its_neighbours_differ() => Gen.Bool.List[4, 20].Sample(runs =>
    {
        var flips = runs.Zip(runs.Skip(1)).Count(p => p.First != p.Second);
        var found = Find(string.Concat(runs.Select(r => r ? '+' : '-')));
        var rate = (double)flips / (runs.Count - 1);
        return flips >= 2 && rate >= 0.1 ? found is [var one] && one == new FlakyCase("c1", runs.Count, runs.Count(r => r), flips, rate) : found.Count == 0;
    });

    [Theory, DatabaseData]
    public async Task A_case_that_flickers_is_named_counts_as_before_and_is_proposed_for_quarantine(string kind)
    {
        await using var database = await TestDatabase.CreateAsync(kind);
        var bench = new EvaluationBench(database);
        bench.Repositories.Commit("v1", ("pilothouse.yaml", Yaml), ("d.jsonl", Data()));
        bench.Repositories.Commit("v2", ("pilothouse.yaml", Yaml), ("d.jsonl", Data("something else")));
        var run = 0;
        bench.Inference.Generate = (_, text) => text == "question 3" && run % 2 == 1 ? "I do not know" : "answer " + int.Parse(text["question ".Length..], CultureInfo.InvariantCulture);

        EvaluationDetail result = null!;
        for (run = 0; run < 4; run++)
        {
            database.Time.Advance(TimeSpan.FromSeconds(1));
            result = await bench.RunAsync(new NewEvaluation("shop", "v1"));
            if (run < 3) Assert.Empty(result.Suites[0].Flaky ?? []);
        }

        Assert.Equal(new FlakyCase("c3", 4, 2, 3, 1), Assert.Single(result.Suites[0].Flaky!));
        Assert.Equal(0.9, result.Suites[0].Scorers[0].Candidate, 12); // it counts, right or wrong
        Assert.Null(result.Suites[0].Quarantined);
        Assert.Equal(["c3"], (await bench.Service().CasesAsync(result.Summary.Id, null, null, 100, null, default)).Items.Where(c => c.Flaky == true).Select(c => c.Id));
        var suite = Assert.Single(await bench.Service().FlakesAsync("shop", null, default));
        Assert.Equal(("quality", "c3"), (suite.Suite, Assert.Single(suite.Cases).Case));

        // Another case under the same id has no history; the others keep theirs.
        run = 4;
        database.Time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(new FlakyCase("c3", 5, 3, 4, 1), Assert.Single((await bench.RunAsync(new NewEvaluation("shop", "v2"))).Suites[0].Flaky!));
    }

    [Fact]
    public async Task Answers_from_the_cache_say_nothing_of_flicker()
    {
        await using var database = await TestDatabase.CreateAsync("sqlite");
        var bench = new EvaluationBench(database);
        bench.Repositories.Commit("v1", ("pilothouse.yaml", Yaml.Replace("model: gpt", "model: gpt, cache: 1d", StringComparison.Ordinal)), ("d.jsonl", Data()));
        var run = 0;
        bench.Inference.Generate = (_, text) => run % 2 == 1 ? "I do not know" : "answer " + text["question ".Length..];
        for (run = 0; run < 6; run++)
        {
            database.Time.Advance(TimeSpan.FromSeconds(1));
            Assert.Empty((await bench.RunAsync(new NewEvaluation("shop", "v1"))).Suites[0].Flaky ?? []);
        }
    }

    [Theory, DatabaseData]
    public async Task A_suite_that_no_evaluation_ran_is_named(string kind)
    {
        await using var database = await TestDatabase.CreateAsync(kind);
        var bench = new EvaluationBench(database);
        bench.Repositories.Commit("v1", ("pilothouse.yaml", Yaml), ("d.jsonl", Data()));
        bench.Inference.Generate = (_, _) => "x";
        var none = await Assert.ThrowsAsync<Pilothouse.Server.Platform.PilothouseException>(() => bench.Service().FlakesAsync("shop", "NOPE", default));
        Assert.Contains("No suite of 'shop' was evaluated yet", none.Message, StringComparison.Ordinal);
        var suite = (await bench.RunAsync(new NewEvaluation("shop", "v1"))).Suites[0].Name;

        var error = await Assert.ThrowsAsync<Pilothouse.Server.Platform.PilothouseException>(() => bench.Service().FlakesAsync("shop", "NOPE", default));

        Assert.Equal(Pilothouse.Server.Platform.ErrorCode.NotFound, error.Code);
        Assert.Equal($"No evaluation of 'shop' ran a suite 'NOPE'; there are: {suite}.", error.Message);
        Assert.Empty(await bench.Service().FlakesAsync("shop", suite, default));
    }
}
