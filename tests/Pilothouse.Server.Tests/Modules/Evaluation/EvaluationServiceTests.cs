using System.Globalization;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Evaluation;
using Pilothouse.Server.Modules.Evaluation.Api;
using Pilothouse.Server.Platform;
using Pilothouse.Testing;

namespace Pilothouse.Server.Tests.Modules.Evaluation;

public class EvaluationServiceTests
{
    private const int Rows = 400;

    private static string Project(int version, string gates = "[{ scorer: exact, type: non_inferiority, margin: 0.03 }, { scorer: exact, type: floor, min: 0.8 }]", string data = "data/heldout.jsonl", string suite = "quality") => $$"""
        apiVersion: pilothouse/v1
        project: shop
        models:
          assistant: { kind: generative, engine: onnx, version: {{version}}, prompt: prompts/p.yaml, parameters: { temperature: 0, max_tokens: 8 } }
        data:
          heldout: { path: {{data}} }
        suites:
          {{suite}}:
            model: assistant
            data: heldout
            scorers: [{ name: exact, type: exact }]
            gates: {{gates}}
        """;

    private static string Data(int rows = Rows) => string.Concat(Enumerable.Range(0, rows).Select(i => $"{{\"id\":\"c{i:000}\",\"input\":\"question {i}\",\"expected\":\"answer {i}\"}}\n"));

    private static (string, string)[] Files(string project, string? data = null) => [("pilothouse.yaml", project), ("prompts/p.yaml", "template: 'Q: {input}'"), ("data/heldout.jsonl", data ?? Data())];

    /// <summary>Right on the first N of the questions.</summary>
    private static string RightOn(int n, string text)
    {
        var i = int.Parse(text["Q: question ".Length..], CultureInfo.InvariantCulture);
        return i < n ? $" answer {i}\n" : "I do not know";
    }

    /// <summary>Model 2 has 388 of 400 right, model 3 164, model 4 390.</summary>
    private static EvaluationBench Bench(TestDatabase database)
    {
        var bench = new EvaluationBench(database);
        bench.Inference.Generate = (model, text) => RightOn(model switch { "models:/assistant/2" => 388, "models:/assistant/3" => 164, _ => 390 }, text);
        foreach (var version in (int[])[2, 3, 4]) bench.Repositories.Commit($"v{version}", Files(Project(version)));
        return bench;
    }

    [Theory, DatabaseData]
    public async Task A_worse_model_fails_with_the_figures(string kind)
    {
        await using var database = await TestDatabase.CreateAsync(kind);
        var bench = Bench(database);

        var result = await bench.RunAsync(new NewEvaluation("shop", "v3", "v2"));

        Assert.Equal(("finished", "FAIL"), (result.Summary.Status, result.Summary.Verdict));
        Assert.Contains("quality: exact fell from 0.97 to 0.41 on the same 400 cases: difference -0.56", result.Summary.Reason, StringComparison.Ordinal);
        Assert.Contains("margin -0.03 (McNemar", result.Summary.Reason, StringComparison.Ordinal);
        Assert.Contains("p < 0.001", result.Summary.Reason, StringComparison.Ordinal);
        var gate = result.Suites[0].Gates[0];
        Assert.True(gate.Upper < -0.5 && gate.Lower > -0.62);
        Assert.Equal(100, result.Suites[0].Differences.Count);
        Assert.Equal(800, result.Summary.Done);
        var finished = Assert.IsType<EvaluationFinished>(Assert.Single(bench.Events.Published));
        Assert.Equal("FAIL", finished.Evaluation.Verdict);
        Assert.NotNull(await bench.Blobs.FindAsync(result.Summary.Digest!, default));
        Assert.Equal(["evaluation.finish", "evaluation.start"], (await bench.Audit.ListAsync("projects/shop/evaluations/", null, 10, default)).Select(e => e.Action));
    }

    [Theory, DatabaseData]
    public async Task An_equal_model_passes_and_known_answers_are_not_asked_for_again(string kind)
    {
        await using var database = await TestDatabase.CreateAsync(kind);
        var bench = Bench(database);

        var first = await bench.RunAsync(new NewEvaluation("shop", "v4", "v2"));
        var calls = bench.Inference.Calls;
        var second = await bench.RunAsync(new NewEvaluation("shop", "v3", "v2"));

        Assert.Equal("PASS", first.Summary.Verdict);
        Assert.StartsWith("All 2 gates hold.", first.Summary.Reason, StringComparison.Ordinal);
        Assert.Equal(800, calls);
        Assert.Equal(1200, bench.Inference.Calls);
        Assert.Equal(400, second.Suites[0].Cached);
    }

    [Theory, DatabaseData]
    public async Task Cases_are_paged_and_filtered(string kind)
    {
        await using var database = await TestDatabase.CreateAsync(kind);
        var bench = Bench(database);
        var result = await bench.RunAsync(new NewEvaluation("shop", "v3", "v2"));
        var service = bench.Service();

        var worsened = new List<EvaluationCase>();
        string? token = null;
        do
        {
            var page = await service.CasesAsync(result.Summary.Id, "quality", "worsened", 100, token, default);
            worsened.AddRange(page.Items);
            token = page.NextPageToken;
        }
        while (token is not null);

        Assert.Equal(388 - 164, worsened.Count);
        Assert.Equal("c164", worsened[0].Id);
        Assert.Equal((0.0, 1.0), (worsened[0].Scores["exact"], worsened[0].BaselineScores!["exact"]));
        Assert.Single((await service.ListAsync("shop", "v3", 10, null, default)).Items);
        var error = await Assert.ThrowsAsync<PilothouseException>(() => service.CasesAsync(result.Summary.Id, null, null, 10, "nonsense", default));
        Assert.Equal(ErrorCode.InvalidArgument, error.Code);
    }

    [Fact]
    public async Task Without_base_line_only_floors_are_judged()
    {
        await using var database = await TestDatabase.CreateAsync("sqlite");
        var result = await Bench(database).RunAsync(new NewEvaluation("shop", "v2"));
        Assert.Equal(["SKIPPED", "PASS"], result.Suites[0].Gates.Select(g => g.Verdict));
        Assert.Equal("PASS", result.Summary.Verdict);
        Assert.Contains("1 skipped without a base line", result.Summary.Reason, StringComparison.Ordinal);
        Assert.Contains(result.Suites[0].Notes!, n => n.Contains("only floors are judged", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Nothing_judged_is_no_pass()
    {
        await using var database = await TestDatabase.CreateAsync("sqlite");
        var bench = Bench(database);
        bench.Repositories.Commit("only-comparison", Files(Project(2, "[{ scorer: exact, type: non_inferiority, margin: 0.03 }]")));
        var result = await bench.RunAsync(new NewEvaluation("shop", "only-comparison"));
        Assert.Equal("INCONCLUSIVE", result.Summary.Verdict);
    }

    [Fact]
    public async Task Secondary_gates_are_reported_and_never_decide_unless_they_must()
    {
        await using var database = await TestDatabase.CreateAsync("sqlite");
        var bench = Bench(database);
        const string Gates = "[{ scorer: exact, type: floor, min: 0.8 }, { scorer: exact, type: floor, min: 0.99, ROLE }]";
        bench.Repositories.Commit("aside", Files(Project(4, Gates.Replace("ROLE", "primary: false", StringComparison.Ordinal))));
        bench.Repositories.Commit("must", Files(Project(4, Gates.Replace("scorer: exact, type: floor, min: 0.8 ", "scorer: exact, type: non_inferiority, margin: 0.03 ", StringComparison.Ordinal).Replace("ROLE", "must: true", StringComparison.Ordinal))));
        bench.Repositories.Commit("only", Files(Project(4, "[{ scorer: exact, type: floor, min: 0.8, primary: false }]")));

        var aside = await bench.RunAsync(new NewEvaluation("shop", "aside", "v2"));
        Assert.Equal("PASS", aside.Summary.Verdict);
        Assert.Equal([("floor:exact", "PASS", "primary"), ("secondary:floor:exact", "FAIL", "secondary")], aside.Suites[0].Gates.Select(g => (g.Name, g.Verdict, g.Role)));
        Assert.EndsWith("Secondary gates that do not hold, for information: quality/floor:exact.", aside.Summary.Reason, StringComparison.Ordinal);

        var must = await bench.RunAsync(new NewEvaluation("shop", "must", "v2"));
        Assert.Equal(("FAIL", "must"), (must.Summary.Verdict, must.Suites[0].Gates[1].Role));

        var only = await bench.RunAsync(new NewEvaluation("shop", "only", "v2"));
        Assert.Equal(("INCONCLUSIVE", "Nothing was decided: the suites have no gates that decide."), (only.Summary.Verdict, only.Summary.Reason));
        Assert.Contains(only.Suites[0].Notes!, n => n.Contains("floor:exact of the base line is secondary now", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_suite_names_its_own_base_line_and_the_call_goes_before_it()
    {
        await using var database = await TestDatabase.CreateAsync("sqlite");
        var bench = Bench(database);
        (string, string)[] With(int version, string baseline) => Files(Project(version).Replace("    data: heldout\n", $"    data: heldout\n    baseline: {baseline}\n", StringComparison.Ordinal));
        bench.Repositories.Commit("by-commit", With(3, "{ commit: v2 }"));
        bench.Repositories.Commit("by-environment", With(3, "{ environment: production }"));
        bench.Repositories.Commit("by-release", With(3, "{ release: latest }"));
        bench.Repositories.Commit("alone", With(4, "none"));

        var byCommit = await bench.RunAsync(new NewEvaluation("shop", "by-commit"));
        Assert.Equal(("FAIL", null, "v2"), (byCommit.Summary.Verdict, byCommit.Summary.BaselineCommit, byCommit.Suites[0].BaselineCommit));
        Assert.Contains(byCommit.Suites[0].Notes!, n => n.StartsWith("The suite's own base line is v2", StringComparison.Ordinal));

        var empty = await bench.RunAsync(new NewEvaluation("shop", "by-environment"));
        Assert.Contains(empty.Suites[0].Notes!, n => n.Contains("the environment production, where nothing runs yet", StringComparison.Ordinal));
        bench.Served.Release = "sha256:0123456789abcdef";
        foreach (var commit in (string[])["by-environment", "by-release"])
            Assert.Equal("v2", (await bench.RunAsync(new NewEvaluation("shop", commit))).Suites[0].BaselineCommit);

        Assert.Equal("SKIPPED", (await bench.RunAsync(new NewEvaluation("shop", "alone", "auto"))).Suites[0].Gates[0].Verdict);
        var named = await bench.RunAsync(new NewEvaluation("shop", "alone", "v2"));
        Assert.Equal("PASS", named.Suites[0].Gates[0].Verdict);
        Assert.Contains(named.Suites[0].Notes!, n => n.Contains("(none) was not used: the call names another", StringComparison.Ordinal));
        Assert.Equal("SKIPPED", (await bench.RunAsync(new NewEvaluation("shop", "by-commit", "none"))).Suites[0].Gates[0].Verdict);
    }

    [Fact]
    public async Task Tools_are_refused_for_the_engine_in_process_before_anything_runs()
    {
        await using var database = await TestDatabase.CreateAsync("sqlite");
        var bench = Bench(database);
        bench.Repositories.Commit("tools", Files(Project(2).Replace("    data: heldout\n", "    data: heldout\n    tools: [{ name: get_order, parameters: { type: object } }]\n", StringComparison.Ordinal)));

        var error = await Assert.ThrowsAsync<PilothouseException>(() => bench.Service().StartAsync(new NewEvaluation("shop", "tools"), "ann", default));

        Assert.Equal(ErrorCode.Unsupported, error.Code);
        Assert.Contains("suites.quality: the engine 'onnx' offers no tools to a model", error.Message, StringComparison.Ordinal);
        Assert.Equal(0, bench.Inference.Calls);
    }

    [Fact]
    public async Task Too_few_cases_are_inconclusive_and_say_how_many_more()
    {
        await using var database = await TestDatabase.CreateAsync("sqlite");
        var bench = Bench(database);
        bench.Repositories.Commit("small2", Files(Project(2), Data(30)));
        bench.Repositories.Commit("small4", Files(Project(4), Data(30)));
        var result = await bench.RunAsync(new NewEvaluation("shop", "small4", "small2"));
        var gate = result.Suites[0].Gates[0];
        Assert.Equal("INCONCLUSIVE", gate.Verdict);
        Assert.True(gate.MoreItemsNeeded > 0);
        Assert.Contains("more cases like these would decide", gate.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Changed_data_are_not_comparable_unless_allowed()
    {
        await using var database = await TestDatabase.CreateAsync("sqlite");
        var bench = Bench(database);
        bench.Repositories.Commit("easier", Files(Project(4), Data(150)));

        var refused = await bench.RunAsync(new NewEvaluation("shop", "easier", "v2"));
        Assert.Equal("INVALID", refused.Summary.Verdict);
        Assert.Contains("400 rows", refused.Summary.Reason, StringComparison.Ordinal);
        Assert.Contains("became 150 rows", refused.Summary.Reason, StringComparison.Ordinal);

        var allowed = await bench.RunAsync(new NewEvaluation("shop", "easier", "v2", AllowChangedData: true));
        Assert.Equal("PASS", allowed.Summary.Verdict);
        Assert.Contains(allowed.Suites[0].Notes!, n => n.StartsWith("Not the base line's own test", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_suite_that_vanished_is_not_a_pass_and_a_loosened_gate_is_said()
    {
        await using var database = await TestDatabase.CreateAsync("sqlite");
        var bench = Bench(database);
        bench.Repositories.Commit("renamed", Files(Project(4, suite: "other")));
        var gone = await bench.RunAsync(new NewEvaluation("shop", "renamed", "v2"));
        Assert.Equal("INVALID", gone.Summary.Verdict);
        Assert.Contains("the suite 'quality' of the base line is gone", gone.Summary.Reason, StringComparison.Ordinal);

        bench.Repositories.Commit("loose", Files(Project(4, "[{ scorer: exact, type: non_inferiority, margin: 0.5 }]")));
        var loose = await bench.RunAsync(new NewEvaluation("shop", "loose", "v2"));
        Assert.Contains(loose.Suites[0].Notes!, n => n.Contains("non_inferiority:exact was loosened: margin 0.03", StringComparison.Ordinal));
        Assert.Contains(loose.Suites[0].Notes!, n => n.Contains("floor:exact of the base line is gone", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Cases_without_an_answer_count_as_wrong_and_too_many_make_the_suite_invalid()
    {
        await using var database = await TestDatabase.CreateAsync("sqlite");
        var bench = Bench(database);
        var answer = bench.Inference.Generate;
        var failing = 5;
        bench.Inference.Generate = (model, text) => model == "models:/assistant/4" && int.Parse(text["Q: question ".Length..], CultureInfo.InvariantCulture) < failing
            ? throw new PilothouseException(ErrorCode.UpstreamFailed, "the engine fell over") : answer(model, text);

        var few = await bench.RunAsync(new NewEvaluation("shop", "v4", "v2"));
        Assert.Equal(5, few.Suites[0].Failed);
        Assert.Equal(385.0 / 400, few.Suites[0].Scorers[0].Candidate, 9);

        failing = 400;
        bench.Repositories.Commit("again", Files(Project(4), Data(399)));
        bench.Repositories.Commit("again2", Files(Project(2), Data(399)));
        bench.Inference.Generate = (model, text) => model == "models:/assistant/4" ? throw new PilothouseException(ErrorCode.UpstreamFailed, "the engine fell over") : answer(model, text);
        bench.Repositories.Commit("again", ("prompts/p.yaml", "template: 'Q: {input} '"));
        var many = await bench.RunAsync(new NewEvaluation("shop", "again", "again2"));
        Assert.Equal("INVALID", many.Summary.Verdict);
        Assert.Contains("First error: the engine fell over", many.Summary.Reason, StringComparison.Ordinal);
        Assert.True(bench.Inference.Calls < 800 + 399 + 100, "asking stops once the suite is lost");
    }

    [Theory]
    [InlineData("nosuch", null, null, ErrorCode.NotFound, "no commit 'nosuch'")]
    [InlineData("v2", "nosuch", null, ErrorCode.NotFound, "no commit 'nosuch'")]
    [InlineData("v2", null, "speed", ErrorCode.NotFound, "no suite 'speed' at v2; there are: quality")]
    [InlineData("no-file", null, null, ErrorCode.NotFound, "data.heldout: data/gone.jsonl is not in commit no-file")]
    [InlineData("no-field", null, null, ErrorCode.InvalidArgument, "data/heldout.jsonl, line 2: no field 'input'")]
    [InlineData("twice", null, null, ErrorCode.InvalidArgument, "line 2: the id 'a' stands on line 1 already")]
    [InlineData("empty", null, null, ErrorCode.InvalidArgument, "has no rows")]
    public async Task Bad_requests_are_named_before_anything_runs(string commit, string? baseline, string? suite, ErrorCode code, string message)
    {
        await using var database = await TestDatabase.CreateAsync("sqlite");
        var bench = Bench(database);
        bench.Repositories.Commit("no-file", Files(Project(2, data: "data/gone.jsonl")));
        bench.Repositories.Commit("no-field", Files(Project(2), "{\"input\":\"x\",\"expected\":\"y\"}\n{\"question\":\"x\",\"expected\":\"y\"}\n"));
        bench.Repositories.Commit("twice", Files(Project(2), "{\"id\":\"a\",\"input\":\"x\",\"expected\":\"y\"}\n{\"id\":\"a\",\"input\":\"z\",\"expected\":\"y\"}\n"));
        bench.Repositories.Commit("empty", Files(Project(2), ""));

        var error = await Assert.ThrowsAsync<PilothouseException>(() => bench.Service().StartAsync(new NewEvaluation("shop", commit, baseline, suite is null ? null : [suite]), "ann", default));

        Assert.Equal(code, error.Code);
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
        Assert.Empty((await bench.Service().ListAsync(null, null, 10, null, default)).Items);
    }

    [Theory, DatabaseData]
    public async Task What_stops_cut_short_again_and_again_is_given_up_with_the_reason(string kind)
    {
        await using var database = await TestDatabase.CreateAsync(kind);
        var bench = Bench(database);
        var stopped = await bench.Service().StartAsync(new NewEvaluation("shop", "v2"), "ann", default);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => bench.Work.RunAllAsync(new CancellationToken(canceled: true)));
        var crashed = await bench.Service().StartAsync(new NewEvaluation("shop", "v3"), "ann", default);
        Assert.Equal("running", (await bench.Store.GetAsync(crashed.Id, default)).Status);

        for (var start = 0; start < 3; start++)
        {
            await new EvaluationRecovery(bench.Store, bench.Service()).StartAsync(default);
            bench.Work.Clear(); // the server stops again
            foreach (var id in (string[])[stopped.Id, crashed.Id]) await bench.Store.ResumeAsync(id, default);
        }
        await new EvaluationRecovery(bench.Store, bench.Service()).StartAsync(default);
        await bench.Work.RunAllAsync(default);

        foreach (var id in (string[])[stopped.Id, crashed.Id])
        {
            var summary = await bench.Store.GetAsync(id, default);
            Assert.Equal("failed", summary.Status);
            Assert.Contains("The server stopped 4 times", summary.Reason, StringComparison.Ordinal);
        }
        Assert.Equal("PASS", (await bench.RunAsync(new NewEvaluation("shop", "v2"))).Summary.Verdict);
    }

    [Fact]
    public async Task A_classifier_is_judged_by_its_label()
    {
        await using var database = await TestDatabase.CreateAsync("sqlite");
        var bench = Bench(database);
        bench.Inference.Classify = (_, text) => text.Contains("now", StringComparison.Ordinal) ? new Dictionary<string, double> { ["normal"] = 0.4, ["urgent"] = 0.6 } : new Dictionary<string, double> { ["normal"] = 0.9, ["urgent"] = 0.1 };
        string Yaml(double threshold) => FormattableString.Invariant($$"""
            apiVersion: pilothouse/v1
            project: shop
            models: { triage: { kind: classifier, engine: onnx, version: 1, threshold: {{threshold}} } }
            data: { heldout: { path: data/heldout.jsonl } }
            suites: { triage: { model: triage, data: heldout, input: text, expected: label, scorers: [{ name: accuracy, type: accuracy }], gates: [{ scorer: accuracy, type: floor, min: 0.9 }] } }
            """);
        var data = string.Concat(Enumerable.Range(0, 100).Select(i => $"{{\"text\":\"{(i % 2 == 0 ? "now" : "later")} {i}\",\"label\":\"{(i % 2 == 0 ? "urgent" : "normal")}\"}}\n"));
        bench.Repositories.Commit("half", ("pilothouse.yaml", Yaml(0.5)), ("data/heldout.jsonl", data));
        bench.Repositories.Commit("strict", ("pilothouse.yaml", Yaml(0.7)), ("data/heldout.jsonl", data));

        Assert.Equal("PASS", (await bench.RunAsync(new NewEvaluation("shop", "half"))).Summary.Verdict);
        var calls = bench.Inference.Calls;
        Assert.Equal("FAIL", (await bench.RunAsync(new NewEvaluation("shop", "strict"))).Summary.Verdict);
        Assert.Equal(calls, bench.Inference.Calls);
    }
}
