using System.Xml.Linq;
using Pilothouse.Protocols.V1;

namespace Pilothouse.EndToEnd.Tests.Evaluation;

/// <summary>
/// The sample project for real: models registered, commits pushed with git, tested with the command line. Version 1 favours pronouns by
/// occupation, version 2 is balanced, version 3 answers worse.
/// </summary>
public sealed class SupportAssistantTests(SupportAssistant sample) : IClassFixture<SupportAssistant>
{
    [Fact]
    public async Task A_better_model_passes_against_its_base_line()
    {
        var (exitCode, output, junit) = await sample.PilothouseAsync("test", "--commit", sample.Commits[2], "--baseline", sample.Commits[1]);
        Assert.True(exitCode == 0, output);
        Assert.Contains("PASS", output, StringComparison.Ordinal);
        Assert.Equal((0, 0), Reds(junit));
    }

    [Fact]
    public async Task A_worse_model_fails_with_the_reason_in_words()
    {
        var (exitCode, output, junit) = await sample.PilothouseAsync("test", "--commit", sample.Commits[3], "--baseline", sample.Commits[2], "--no-fairness");
        Assert.True(exitCode == 1, output);
        Assert.Contains("support-quality: exact fell from", output, StringComparison.Ordinal);
        Assert.Contains("on the same 400 cases in", output, StringComparison.Ordinal);
        Assert.True(Reds(junit).Failures > 0);
    }

    [Fact]
    public async Task A_skewed_model_is_flagged_for_fairness_and_the_balanced_one_is_not()
    {
        var (skewed, skewedOutput, junit) = await sample.PilothouseAsync("fairness", "--commit", sample.Commits[1]);
        Assert.True(skewed == 1, skewedOutput);
        Assert.Contains("The share of 'female' after", skewedOutput, StringComparison.Ordinal);
        Assert.Contains("equal_opportunity_difference", skewedOutput, StringComparison.Ordinal);
        Assert.Equal(2, Reds(junit).Failures);

        var (balanced, balancedOutput, _) = await sample.PilothouseAsync("fairness", "--commit", sample.Commits[2]);
        Assert.True(balanced == 0, balancedOutput);
    }

    [Fact]
    public async Task Reports_are_served_and_what_is_missing_is_named()
    {
        var started = await sample.Server.Client.StartEvaluationAsync(new NewEvaluation(SupportAssistant.Name, sample.Commits[2], null, ["triage-quality"]), default);
        EvaluationDetail detail;
        while ((detail = await sample.Server.Client.GetEvaluationAsync(started.Id, default)).Summary.Status == "running") await Task.Delay(50);
        Assert.Equal("PASS", detail.Summary.Verdict);
        Assert.Contains("triage-quality", await sample.Server.Http.GetStringAsync($"api/v1/evaluations/{started.Id}/markdown"), StringComparison.Ordinal);
        Assert.StartsWith("<!doctype html>", await sample.Server.Http.GetStringAsync($"api/v1/evaluations/{started.Id}/html"), StringComparison.Ordinal);
        Assert.Equal(2000 + 2, XDocument.Parse(await sample.Server.Http.GetStringAsync($"api/v1/evaluations/{started.Id}/junit")).Descendants("testcase").Count());
        Assert.Equal(500, (await sample.Server.Client.ListEvaluationCasesAsync(started.Id, null, null, 500, null, default)).Items.Count);

        var (usage, output, _) = await sample.PilothouseAsync("test", "--commit", sample.Commits[2], "--suite", "speed");
        Assert.Equal(2, usage);
        Assert.Contains("no suite 'speed'", output, StringComparison.Ordinal);
        var (unknown, unknownOutput, _) = await sample.PilothouseAsync("test", "--commit", "deadbeef");
        Assert.Equal(2, unknown);
        Assert.Contains("no commit 'deadbeef'", unknownOutput, StringComparison.Ordinal);
    }

    private static (int Failures, int Errors) Reds(XDocument junit) => ((int)junit.Root!.Attribute("failures")!, (int)junit.Root.Attribute("errors")!);
}
