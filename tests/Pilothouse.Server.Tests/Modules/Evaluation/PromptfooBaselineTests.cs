using Pilothouse.Protocols.V1;
using Pilothouse.Server.Platform;
using Pilothouse.Testing;

namespace Pilothouse.Server.Tests.Modules.Evaluation;

/// <summary>Suites of promptfoo configurations beside a base line: it shows what changed and never decides.</summary>
public class PromptfooBaselineTests
{
    private const string Greets = "{ description: greets, vars: { name: Ann }, assert: [{ type: contains, value: Hello }] }";
    private const string Parts = "{ description: parts, vars: { name: Ann }, assert: [{ type: contains, value: Bye }, { type: contains, value: '{{name}}' }] }";

    private static string Config(string prompts, string tests, string providers = "[echo]") => $"prompts: [{prompts}]\nproviders: {providers}\ntests: [{tests}]\n";

    private static async Task<(EvaluationBench Bench, TestDatabase Database)> BenchAsync(string kind, params (string Commit, string Config)[] commits)
    {
        var database = await TestDatabase.CreateAsync(kind);
        var bench = new EvaluationBench(database);
        foreach (var (commit, config) in commits)
            bench.Repositories.Commit(commit, ("pilothouse.yaml", "apiVersion: pilothouse/v1\nproject: shop\nsuites: { regression: { promptfoo: evals/c.yaml } }\n"), ("evals/c.yaml", config));
        return (bench, database);
    }

    [Theory, DatabaseData]
    public async Task A_changed_prompt_is_compared_on_the_same_tests(string kind)
    {
        var (bench, database) = await BenchAsync(kind, ("old", Config("'Hello {{name}}'", $"{Greets}, {Parts}")), ("new", Config("'Bye {{name}}'", $"{Greets}, {Parts}")));
        await using var _ = database;

        var result = await bench.RunAsync(new NewEvaluation("shop", "new", "old", Promptfoo: "evals/c.yaml"));

        var suite = result.Suites[0];
        Assert.Equal(("FAIL", "old"), (result.Summary.Verdict, result.Summary.BaselineCommit));
        Assert.Contains("pass, since the base line: 1 cases fail that passed (greets), 1 pass that failed (parts).", suite.Notes!);
        Assert.DoesNotContain(suite.Notes!, n => n.Contains("tests changed", StringComparison.Ordinal));
        Assert.Equal([("pass", 0.5, 0.5), ("score", 0.5, 0.75)], suite.Scorers.Select(s => (s.Name, s.Candidate, s.Baseline!.Value)));
        var cases = (await bench.Service().CasesAsync(result.Summary.Id, null, null, 10, null, default)).Items;
        Assert.Equal([("greets", "worsened", "Bye Ann", "Hello Ann"), ("parts", "improved", "Bye Ann", "Hello Ann")], cases.Select(c => (c.Id, c.Outcome, c.Candidate, c.Baseline!)));
        // The same through the project file, and with the base line found.
        bench.Repositories.Main.Add("old");
        await bench.RunAsync(new NewEvaluation("shop", "old"));
        var found = await bench.RunAsync(new NewEvaluation("shop", "new", "auto"));
        Assert.Equal(("FAIL", "old", "regression"), (found.Summary.Verdict, found.Summary.BaselineCommit, found.Suites[0].Name));
        Assert.Contains(found.Suites[0].Notes!, n => n.Contains("1 cases fail that passed (greets)", StringComparison.Ordinal));
        Assert.Contains(found.Suites[0].Notes!, n => n.Contains("where this commit left the default branch", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Changed_tests_are_named_and_the_verdict_stays_promptfoos()
    {
        const string Before = "{ description: goes, assert: [{ type: contains, value: x }] }";
        var (bench, database) = await BenchAsync("sqlite", ("old", Config("'Hello {{name}}'", $"{Greets.Replace("value: Hello", "value: Hell", StringComparison.Ordinal)}, {Before}")),
            ("new", Config("'Hello {{name}}'", $"{Greets}, {{ description: comes, vars: {{ name: Bob }}, assert: [{{ type: contains, value: Bob }}] }}")));
        await using var _ = database;

        var result = await bench.RunAsync(new NewEvaluation("shop", "new", "old"));

        Assert.Equal("PASS", result.Summary.Verdict);
        Assert.Contains(result.Suites[0].Notes!, n => n == "The tests changed since the base line old: 1 changed (greets); 1 new (comes); 1 gone (goes). Both models were run on the tests as they are now.");
    }

    [Theory]
    [InlineData("prompts: [", "cannot be run as it was at the base line old")]
    [InlineData("prompts: ['a', 'b']\nproviders: [{ id: echo, label: other }, { id: echo, label: third }]\n", "has no provider 'echo'")]
    public async Task What_cannot_be_compared_is_said_and_takes_nothing_from_the_verdict(string before, string expected)
    {
        var (bench, database) = await BenchAsync("sqlite", ("old", before), ("new", Config("'Hello {{name}}'", Greets)));
        await using var _ = database;

        var result = await bench.RunAsync(new NewEvaluation("shop", "new", "old"));

        Assert.Equal("PASS", result.Summary.Verdict);
        Assert.Contains(result.Suites[0].Notes!, n => n.Contains("Nothing is compared", StringComparison.Ordinal) && n.Contains(expected, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Another_model_in_the_only_providers_place_is_compared_and_its_stored_run_is_not_asked_again()
    {
        static string Openai(string model) => Config("'Hi {{name}}'", Greets, $"[{{ id: 'openai:{model}', label: bot, config: {{ apiBaseUrl: 'http://127.0.0.1:9/v1' }} }}]");
        var (bench, database) = await BenchAsync("sqlite", ("old", Openai("good")), ("new", Openai("bad")));
        await using var _ = database;
        bench.Inference.Generate = (model, _) => model == "good" ? "Hello!" : "Go away.";

        var asked = await bench.RunAsync(new NewEvaluation("shop", "new", "old"));
        Assert.Equal(("FAIL", 2), (asked.Summary.Verdict, bench.Inference.Calls));
        Assert.Contains(asked.Suites[0].Notes!, n => n.Contains("1 cases fail that passed (greets)", StringComparison.Ordinal));
        await bench.RunAsync(new NewEvaluation("shop", "old"));
        var stored = await bench.RunAsync(new NewEvaluation("shop", "new", "old"));
        Assert.Equal(4, bench.Inference.Calls);
        Assert.Contains(stored.Suites[0].Notes!, n => n.Contains("stored run", StringComparison.Ordinal));
        Assert.Equal(1, stored.Suites[0].Scorers[0].Baseline);
    }

    [Theory, DatabaseData]
    public async Task A_configuration_with_several_prompts_is_several_suites_each_registered_and_run_by_its_name(string kind)
    {
        var (bench, database) = await BenchAsync(kind, ("v1", Config("'Hello {{name}}', 'Bye {{name}}'", Greets)));
        await using var _ = database;

        var declared = await bench.Suites.RegisterAsync("shop", "v1", "regression", "ann", default);
        Assert.Equal([("regression.echo-p1", "shop.regression.echo-p1"), ("regression.echo-p2", "shop.regression.echo-p2")], declared.Select(d => (d.Name, d.Version.Name)));

        var one = await bench.RunAsync(new NewEvaluation("shop", "v1", Suites: ["regression.echo-p1"]));
        Assert.Equal(("PASS", "regression.echo-p1"), (one.Summary.Verdict, Assert.Single(one.Suites).Name));
        Assert.Equal(2, (await bench.RunAsync(new NewEvaluation("shop", "v1", Suites: ["regression"]))).Suites.Count);
        var error = await Assert.ThrowsAsync<PilothouseException>(() => bench.RunAsync(new NewEvaluation("shop", "v1", Suites: ["regression.echo-p3"])));
        Assert.Contains("it gives: regression.echo-p1, regression.echo-p2", error.Message, StringComparison.Ordinal);
    }
}
