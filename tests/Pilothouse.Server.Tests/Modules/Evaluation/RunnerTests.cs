using System.Text;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Evaluation;
using Pilothouse.Server.Platform;
using Pilothouse.Testing;

namespace Pilothouse.Server.Tests.Modules.Evaluation;

/// <summary>Record and replay, going on after a stop, estimates, secrets, base lines, quarantine, slices, looks.</summary>
public class RunnerTests
{
    private const string Remote = "{ kind: generative, engine: openai, url: 'http://127.0.0.1:9/v1', model: m, price: { input: 1, output: 2 } }";

    private static string Project(string extra = "", string model = "{ kind: generative, engine: onnx, version: 2 }", string gates = "[{ scorer: exact, type: floor, min: 0.8 }]") => $$"""
        apiVersion: pilothouse/v1
        project: shop
        models:
          assistant: {{model}}
        data:
          heldout: { path: data.jsonl }
        suites:
          quality: { model: assistant, data: heldout, scorers: [{ name: exact, type: exact }], gates: {{gates}}{{extra}} }
        """;

    private static string Data(int rows) => string.Concat(Enumerable.Range(0, rows).Select(i => $"{{\"id\":\"c{i:000}\",\"input\":\"q{i}\",\"expected\":\"a{i}\",\"language\":\"{(i % 4 == 0 ? "de" : "en")}\"}}\n"));

    private static EvaluationBench Bench(TestDatabase database, string project, int rows = 100, params string[] commits)
    {
        var bench = new EvaluationBench(database);
        foreach (var commit in commits.Length == 0 ? ["v1"] : commits) bench.Repositories.Commit(commit, ("pilothouse.yaml", project), ("data.jsonl", Data(rows)));
        bench.Inference.Generate = (_, text) => "a" + text[1..];
        return bench;
    }

    [Theory, DatabaseData]
    public async Task A_recording_is_replayed_without_any_call_and_what_is_missing_is_invalid(string kind)
    {
        await using var database = await TestDatabase.CreateAsync(kind);
        var bench = Bench(database, Project(model: Remote));
        var recorded = await bench.RunAsync(new NewEvaluation("shop", "v1", Record: true));
        Assert.NotNull(recorded.Recording);
        var calls = bench.Inference.Calls;

        var replayed = await bench.RunAsync(new NewEvaluation("shop", "v1", Replay: recorded.Recording));

        Assert.Equal(("PASS", recorded.Recording), (replayed.Summary.Verdict, replayed.Summary.Replay));
        Assert.Equal(calls, bench.Inference.Calls);
        Assert.Contains(replayed.Suites[0].Notes!, n => n.StartsWith("Replayed from the recording", StringComparison.Ordinal));

        var lines = Encoding.UTF8.GetString(await ReadAsync(bench, recorded.Recording!)).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(100, lines.Length);
        Assert.Equal(lines.Order(StringComparer.Ordinal), lines);
        var part = (await bench.Blobs.PutAsync(new MemoryStream(Encoding.UTF8.GetBytes(string.Join('\n', lines.Take(90)))), null, default)).Digest;
        var missing = await bench.RunAsync(new NewEvaluation("shop", "v1", Replay: part));
        Assert.Equal("INVALID", missing.Summary.Verdict);
        Assert.Contains("The recording has no answer of m to this request", missing.Summary.Reason, StringComparison.Ordinal);
        Assert.Equal(calls, bench.Inference.Calls);
    }

    [Theory, DatabaseData]
    public async Task A_replayed_answer_never_enters_the_cache(string kind)
    {
        await using var database = await TestDatabase.CreateAsync(kind);
        var bench = Bench(database, Project());
        var recorded = await bench.RunAsync(new NewEvaluation("shop", "v1", Record: true));
        bench.Repositories.Commit("v2", ("pilothouse.yaml", Project(model: "{ kind: generative, engine: onnx, version: 3 }")), ("data.jsonl", Data(100)));
        var calls = bench.Inference.Calls;
        await bench.RunAsync(new NewEvaluation("shop", "v1", Replay: recorded.Recording));
        Assert.Equal("INVALID", (await bench.RunAsync(new NewEvaluation("shop", "v2", Replay: recorded.Recording))).Summary.Verdict); // another model
        Assert.Equal(calls, bench.Inference.Calls);

        await bench.RunAsync(new NewEvaluation("shop", "v2"));
        Assert.Equal(calls + 100, bench.Inference.Calls);
    }

    [Fact]
    public async Task A_broken_recording_is_refused_with_its_line()
    {
        await using var database = await TestDatabase.CreateAsync("sqlite");
        var bench = Bench(database, Project());
        var digest = (await bench.Blobs.PutAsync(new MemoryStream("{\"key\":\"a\",\"value\":\"b\"}\nnonsense\n"u8.ToArray()), null, default)).Digest;

        var error = await Assert.ThrowsAsync<PilothouseException>(() => bench.RunAsync(new NewEvaluation("shop", "v1", Replay: digest)));

        Assert.Equal(ErrorCode.InvalidArgument, error.Code);
        Assert.Contains("Line 2 of the recording", error.Message, StringComparison.Ordinal);
    }

    [Theory, DatabaseData]
    public async Task An_evaluation_cut_short_goes_on_and_asks_only_for_the_rest(string kind)
    {
        await using var database = await TestDatabase.CreateAsync(kind);
        var bench = Bench(database, Project(model: Remote));
        bench.Options.RemoteConcurrency = 1;
        using var stop = new CancellationTokenSource();
        bench.Inference.Asked = (_, _) =>
        {
            if (bench.Inference.Calls == 40) stop.Cancel();
        };
        var started = await bench.Service().StartAsync(new NewEvaluation("shop", "v1"), "ann", default);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => bench.Work.RunAllAsync(stop.Token));
        Assert.Equal("running", (await bench.Store.GetAsync(started.Id, default)).Status);

        await new EvaluationRecovery(bench.Store, bench.Service()).StartAsync(default);
        await bench.Work.RunAllAsync(default);

        var ended = await bench.Service().GetAsync(started.Id, default);
        Assert.Equal(("finished", "PASS"), (ended.Summary.Status, ended.Summary.Verdict));
        Assert.InRange(bench.Inference.Calls, 100, 102);
        // What was kept for this evaluation alone is forgotten: a remote engine is asked again.
        await bench.RunAsync(new NewEvaluation("shop", "v1"));
        Assert.InRange(bench.Inference.Calls, 200, 202);
    }

    [Theory]
    [InlineData("sqlite", ", baseline: { environment: production }", null)]
    [InlineData("postgres", ", baseline: { environment: production }", null)]
    [InlineData("sqlite", ", baseline: { release: latest }", null)]
    [InlineData("sqlite", "", "auto")]
    public async Task What_a_base_line_was_resolved_to_holds_after_a_restart(string kind, string own, string? baseline)
    {
        Assert.SkipWhen(kind == "postgres" && TestDatabase.PostgresServer is null, "PILOTHOUSE_TEST_POSTGRES is not set (./test starts a server and sets it).");
        await using var database = await TestDatabase.CreateAsync(kind);
        var bench = Bench(database, Project(own, Remote, "[{ scorer: exact, type: non_inferiority, margin: 0.05 }]"), 100, "branch", "before", "after");
        (bench.Served.Release, bench.Served.Commit) = ("sha256:before", "before");
        await RestartedAsync(bench, new NewEvaluation("shop", "branch", baseline), () => (bench.Served.Release, bench.Served.Commit) = ("sha256:after", "after"));

        var ended = await bench.Service().GetAsync(Assert.Single((await bench.Service().ListAsync("shop", null, 10, null, default)).Items).Id, default);
        Assert.Equal("before", ended.Suites[0].BaselineCommit ?? ended.Summary.BaselineCommit);
        Assert.Equal("PASS", ended.Summary.Verdict);
    }

    [Fact]
    public async Task No_base_line_stays_none_after_a_restart()
    {
        await using var database = await TestDatabase.CreateAsync("sqlite");
        var bench = Bench(database, Project(model: Remote), 100, "branch", "after");
        await RestartedAsync(bench, new NewEvaluation("shop", "branch", "auto"), () => (bench.Served.Release, bench.Served.Commit) = ("sha256:after", "after"));

        var ended = await bench.Service().GetAsync((await bench.Service().ListAsync("shop", null, 10, null, default)).Items[0].Id, default);
        Assert.Null(ended.Summary.BaselineCommit);
        Assert.Null(ended.Suites[0].BaselineModel);
        Assert.Contains(ended.Suites[0].Notes!, n => n.StartsWith("There is no base line: no commit", StringComparison.Ordinal));
    }

    [Fact]
    public async Task An_environment_that_is_asked_keeps_its_release_after_a_restart()
    {
        await using var database = await TestDatabase.CreateAsync("sqlite");
        var bench = Bench(database, Project(", target: { environment: production }"), 100);
        bench.Served.Release = "sha256:before";
        var releases = new HashSet<string?>();
        await RestartedAsync(bench, new NewEvaluation("shop", "v1"), () => bench.Served.Release = "sha256:after", target => { lock (releases) releases.Add(target.Release); });
        Assert.Equal(["sha256:before"], releases);
    }

    /// <summary>Starts, stops the server at the 40th call, lets the world change, and starts it again.</summary>
    private static async Task RestartedAsync(EvaluationBench bench, NewEvaluation request, Action meanwhile, Action<Pilothouse.Server.Platform.Inference.InferenceTarget>? asked = null)
    {
        (bench.Options.RemoteConcurrency, bench.Options.Concurrency) = (1, 1);
        using var stop = new CancellationTokenSource();
        bench.Inference.Asked = (target, _) =>
        {
            asked?.Invoke(target);
            if (bench.Inference.Calls == 40) stop.Cancel();
        };
        await bench.Service().StartAsync(request, "ann", default);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => bench.Work.RunAllAsync(stop.Token));
        meanwhile();
        await new EvaluationRecovery(bench.Store, bench.Service()).StartAsync(default);
        await bench.Work.RunAllAsync(default);
    }

    [Theory, DatabaseData]
    public async Task An_estimate_asks_nothing_and_leaves_out_what_is_known(string kind)
    {
        await using var database = await TestDatabase.CreateAsync(kind);
        var bench = Bench(database, Project());
        var before = await bench.Service().EstimateAsync(new NewEvaluation("shop", "v1"), default);
        Assert.Equal((100, 100, 0), (before.Calls, before.Open, bench.Inference.Calls));
        Assert.Null(before.Cost);

        await bench.RunAsync(new NewEvaluation("shop", "v1"));
        Assert.Equal(0, (await bench.Service().EstimateAsync(new NewEvaluation("shop", "v1"), default)).Open);

        var remote = Bench(database, Project(model: Remote));
        var cost = await remote.Service().EstimateAsync(new NewEvaluation("shop", "v1"), default);
        Assert.Equal((cost.PromptTokens + 2 * cost.CompletionTokens) / 1e6, cost.Cost!.Value, 12);
    }

    [Theory, DatabaseData]
    public async Task Secrets_are_masked_before_anything_is_stored(string kind)
    {
        const string Key = "sk-proj-abcdefghijklmnopqrstuvwxyz0123";
        await using var database = await TestDatabase.CreateAsync(kind);
        var bench = Bench(database, Project());
        bench.Mask = new SecretMask(["the-servers-own-password"]);
        bench.Inference.Generate = (_, text) => text == "q7" ? $"The key is {Key}." : text == "q8" ? "It is the-servers-own-password, really." : "a" + text[1..];

        var result = await bench.RunAsync(new NewEvaluation("shop", "v1"));

        Assert.Contains(result.Suites[0].Notes!, n => n.Contains("2 cases held secrets", StringComparison.Ordinal) && n.Contains("c007, c008", StringComparison.Ordinal));
        var cases = (await bench.Service().CasesAsync(result.Summary.Id, null, null, 1000, null, default)).Items;
        Assert.Equal("The key is [masked secret].", cases[7].Candidate);
        Assert.Equal("It is [masked secret], really.", cases[8].Candidate);
        var stored = await database.Db.ReadAsync(session => session.ScalarAsync<long>("SELECT COUNT(*) FROM evl_response WHERE output LIKE '%sk-proj%' OR output LIKE '%own-password%'", new { }), default);
        Assert.Equal(0, stored);
    }

    [Theory, DatabaseData]
    public async Task The_base_line_is_where_the_commit_left_the_default_branch_else_production(string kind)
    {
        await using var database = await TestDatabase.CreateAsync(kind);
        var bench = Bench(database, Project(gates: "[{ scorer: exact, type: non_inferiority, margin: 0.05 }]"), 100, "old", "main", "branch");
        bench.Repositories.Main.AddRange(["main", "old"]);

        var none = await bench.RunAsync(new NewEvaluation("shop", "branch", "auto"));
        Assert.Null(none.Summary.BaselineCommit);
        Assert.Contains(none.Suites[0].Notes!, n => n.StartsWith("There is no base line", StringComparison.Ordinal));

        (bench.Served.Release, bench.Served.Commit) = ("sha256:r", "old");
        Assert.Equal("old", (await bench.RunAsync(new NewEvaluation("shop", "branch", "auto"))).Summary.BaselineCommit);

        await bench.RunAsync(new NewEvaluation("shop", "old"));
        var stale = await bench.RunAsync(new NewEvaluation("shop", "branch", "auto"));
        Assert.Contains(stale.Suites[0].Notes!, n => n.Contains("1 commits before the merge base", StringComparison.Ordinal));

        await bench.RunAsync(new NewEvaluation("shop", "main"));
        var exact = await bench.RunAsync(new NewEvaluation("shop", "branch", "auto"));
        Assert.Equal(("main", "PASS"), (exact.Summary.BaselineCommit, exact.Summary.Verdict));
    }

    [Theory, DatabaseData]
    public async Task The_stored_run_of_a_remote_base_line_is_not_asked_again(string kind)
    {
        await using var database = await TestDatabase.CreateAsync(kind);
        var bench = Bench(database, Project(model: Remote, gates: "[{ scorer: exact, type: non_inferiority, margin: 0.05 }]"), 100, "main", "branch");
        await bench.RunAsync(new NewEvaluation("shop", "main"));
        Assert.Equal(100, bench.Inference.Calls);

        var result = await bench.RunAsync(new NewEvaluation("shop", "branch", "main"));

        Assert.Equal("PASS", result.Summary.Verdict);
        Assert.Equal(200, bench.Inference.Calls);
        Assert.Equal(1.0, result.Suites[0].Scorers[0].Baseline);
        Assert.Contains(result.Suites[0].Notes!, n => n.Contains("stored run", StringComparison.Ordinal));
    }

    [Theory, DatabaseData]
    public async Task Quarantined_cases_are_named_and_do_not_count_until_their_day(string kind)
    {
        await using var database = await TestDatabase.CreateAsync(kind);
        string With(string until, int count = 1) => Project($", quarantine: [{string.Join(", ", Enumerable.Range(0, count).Select(i => $"{{ case: c{i:000}, until: {until}, owner: ann }}"))}]", gates: "[{ scorer: exact, type: every }]");
        var bench = Bench(database, With("2999-01-31"));
        bench.Inference.Generate = (_, text) => text == "q0" ? "wrong" : "a" + text[1..];

        var held = await bench.RunAsync(new NewEvaluation("shop", "v1"));
        Assert.Equal("PASS", held.Summary.Verdict);
        Assert.Equal(["c000"], held.Suites[0].Quarantined!);
        Assert.Equal(1.0, held.Suites[0].Scorers[0].Candidate);
        Assert.True((await bench.Service().CasesAsync(held.Summary.Id, null, null, 1, null, default)).Items[0].Quarantined);

        bench.Repositories.Commit("v2", ("pilothouse.yaml", With("2001-01-31")), ("data.jsonl", Data(100)));
        var over = await bench.RunAsync(new NewEvaluation("shop", "v2"));
        Assert.Equal("FAIL", over.Summary.Verdict);
        Assert.Contains("below 1.0 on 1 of 100 cases: c000", over.Summary.Reason, StringComparison.Ordinal);
        Assert.Contains(over.Suites[0].Notes!, n => n.StartsWith("The quarantine of c000 ended on 2001-01-31", StringComparison.Ordinal));

        bench.Repositories.Commit("v3", ("pilothouse.yaml", With("2999-01-31", 11)), ("data.jsonl", Data(100)));
        var many = await bench.RunAsync(new NewEvaluation("shop", "v3"));
        Assert.Equal("INVALID", many.Summary.Verdict);
        Assert.Contains("11 of 100 cases are in quarantine", many.Summary.Reason, StringComparison.Ordinal);
    }

    [Theory, DatabaseData]
    public async Task A_slice_that_got_worse_is_marked_and_does_not_block(string kind)
    {
        await using var database = await TestDatabase.CreateAsync(kind);
        var bench = Bench(database, Project(", slices: [language]", gates: "[{ scorer: exact, type: non_inferiority, margin: 0.3 }]"), 400, "v2", "v1");
        bench.Repositories.Commit("v1", ("pilothouse.yaml", Project(", slices: [language]", "{ kind: generative, engine: onnx, version: 3 }", "[{ scorer: exact, type: non_inferiority, margin: 0.3 }]")));
        // The new model loses half of the German cases, a quarter of all.
        bench.Inference.Generate = (model, text) => model == "models:/assistant/3" && int.Parse(text[1..], System.Globalization.CultureInfo.InvariantCulture) % 8 == 0 ? "?" : "a" + text[1..];

        var result = await bench.RunAsync(new NewEvaluation("shop", "v1", "v2"));

        Assert.Equal("PASS", result.Summary.Verdict);
        var (german, english) = (result.Suites[0].Slices!.Single(s => s.Value == "de"), result.Suites[0].Slices!.Single(s => s.Value == "en"));
        Assert.Equal(("worse", 100), (german.Mark, german.Cases));
        Assert.True(german.AdjustedPValue >= german.PValue && german.AdjustedPValue < 0.001);
        Assert.Equal("", english.Mark);
    }

    [Theory, DatabaseData]
    public async Task A_suite_with_looks_stops_when_it_knows(string kind)
    {
        await using var database = await TestDatabase.CreateAsync(kind);
        var bench = Bench(database, Project(", looks: [0.25, 0.5, 0.75, 1]"), 400);

        var early = await bench.RunAsync(new NewEvaluation("shop", "v1"));

        Assert.Equal("PASS", early.Summary.Verdict);
        Assert.Equal((1, 4, 100, 400, "every gate holds"), (early.Suites[0].Looks!.Look, early.Suites[0].Looks!.Looks, early.Suites[0].Looks!.Asked, early.Suites[0].Looks!.Cases, early.Suites[0].Looks!.Reason));
        Assert.Equal(100, bench.Inference.Calls);
        Assert.Contains("O'Brien-Fleming", early.Suites[0].Gates[0].Method, StringComparison.Ordinal);
        // The same cases are asked again: nothing is drawn anew.
        await bench.RunAsync(new NewEvaluation("shop", "v1"));
        Assert.Equal(100, bench.Inference.Calls);

        bench.Repositories.Commit("v2", ("pilothouse.yaml", Project(", looks: [0.25, 0.5, 0.75, 1]", "{ kind: generative, engine: onnx, version: 4 }")), ("data.jsonl", Data(400)));
        bench.Inference.Generate = (_, text) => int.Parse(text[1..], System.Globalization.CultureInfo.InvariantCulture) % 2 == 0 ? "?" : "a" + text[1..];
        var bad = await bench.RunAsync(new NewEvaluation("shop", "v2"));
        Assert.Equal("FAIL", bad.Summary.Verdict);
        Assert.Equal("floor:exact failed", bad.Suites[0].Looks!.Reason);
        Assert.True(bad.Suites[0].Looks!.Asked < 400);
    }

    [Theory, DatabaseData]
    public async Task One_case_has_a_history_over_the_evaluations(string kind)
    {
        await using var database = await TestDatabase.CreateAsync(kind);
        var bench = Bench(database, Project(), 100, "v1", "v2");
        await bench.RunAsync(new NewEvaluation("shop", "v1"));
        database.Time.Advance(TimeSpan.FromSeconds(1));
        await bench.RunAsync(new NewEvaluation("shop", "v2"));

        var history = await bench.Service().HistoryAsync("shop", "quality", "c007", 10, default);

        Assert.Equal(["v2", "v1"], history.Select(h => h.Commit));
        Assert.All(history, h => Assert.Equal(("c007", 1.0), (h.Case.Id, h.Case.Scores["exact"])));
    }

    private static async Task<byte[]> ReadAsync(EvaluationBench bench, string digest)
    {
        await using var stream = await bench.Blobs.OpenReadAsync(digest, default);
        using var copy = new MemoryStream();
        await stream.CopyToAsync(copy);
        return copy.ToArray();
    }
}
