using System.CommandLine;
using Pilothouse.Client;
using Pilothouse.Protocols.Reports;
using Pilothouse.Protocols.V1;

namespace Pilothouse.Commands;

/// <summary><c>pilothouse test</c>: suites, gates and fairness of a commit, with an exit code that says the same as the reports.</summary>
internal static class TestCommand
{
    private static readonly TimeSpan PollEvery = TimeSpan.FromMilliseconds(250);

    /// <summary>Cases fetched for the files.</summary>
    private const int MaxCases = 1_000_000;

    public static Command Create()
    {
        var server = Cli.ServerOption();
        var (project, commit) = ProjectContext.Options();
        var baseline = new Option<string>("--baseline") { Description = "What to compare with: a revision, an environment such as 'production', or 'auto': the merge base with the default branch (or its nearest ancestor that was evaluated), else the release in production; 'none': nothing (default: what a suite's own baseline: says, else no comparison, only floors)." };
        var suites = new Option<string[]>("--suite") { Description = "Run only this suite (may be repeated)." };
        var junit = new Option<FileInfo>("--junit") { Description = "Write JUnit XML here." };
        var markdown = new Option<FileInfo>("--markdown") { Description = "Write a Markdown report here." };
        var html = new Option<FileInfo>("--html") { Description = "Write a self-contained HTML report here." };
        var maxCost = new Option<double?>("--max-cost") { Description = "Stop with verdict BUDGET when the answers have cost this much (by price: of the models)." };
        var maxTokens = new Option<long?>("--max-tokens") { Description = "Stop with verdict BUDGET after this many tokens." };
        var maxSeconds = new Option<int?>("--max-seconds") { Description = "Stop with verdict BUDGET after this time." };
        var fairness = new Option<bool>("--fairness") { Description = "Run the fairness checks too (default: when the project has any and no --suite is given)." };
        var noFairness = new Option<bool>("--no-fairness") { Description = "Leave the fairness checks out." };
        var changed = new Option<bool>("--allow-changed-data") { Description = "Compare even when data or scorers differ from the base line's: both models run on the candidate's cases." };
        var stale = new Option<bool>("--allow-stale-lock") { Description = "Test although pilothouse.lock is missing or stale; the report says so." };
        var record = new Option<DirectoryInfo>("--record") { Description = "Write everything that models answer to DIR/recording.jsonl, for --replay." };
        var replay = new Option<DirectoryInfo>("--replay") { Description = "Answer from DIR/recording.jsonl and ask no model, as for forks without secrets; what is missing there is a case without an answer." };
        var estimate = new Option<bool>("--estimate") { Description = "Say how many calls, tokens and money it would take at most, and run nothing." };
        var promptfoo = new Option<string>("--promptfoo") { Description = "Run this promptfoo configuration of the commit (path in the repository) instead of the suites of pilothouse.yaml." };
        var json = new Option<FileInfo>("--json") { Description = "Write results and all cases as JSON here." };
        var command = new Command("test", "Run suites, gates and fairness checks. Exit code 0 pass, 1 fail, 2 usage, 3 inconclusive or not comparable, 4 infrastructure, 5 stale pilothouse.lock, 6 stopped by its budget.")
            { project, commit, baseline, suites, junit, markdown, html, fairness, noFairness, json, changed, stale, maxCost, maxTokens, maxSeconds, record, replay, estimate, promptfoo, server, TestFlakesCommand.Create() };
        command.SetAction(async (result, ct) =>
        {
            if (result.GetValue(fairness) && result.GetValue(noFairness)) throw new UsageException("--fairness and --no-fairness exclude each other.");
            using var client = Cli.Connect(result, server);
            var context = await ProjectContext.FindAsync(result, project, commit, ct);
            var names = result.GetValue(suites) ?? [];
            var baseCommit = await BaselineAsync(client, context.Project, result.GetValue(baseline), ct);
            var request = new NewEvaluation(context.Project, context.Commit, baseCommit, names.Length == 0 ? null : names, result.GetValue(changed), result.GetValue(stale),
                Budget: Caps(result.GetValue(maxCost), result.GetValue(maxTokens), result.GetValue(maxSeconds)), Promptfoo: result.GetValue(promptfoo), Record: result.GetValue(record) is not null, Replay: await Recordings.UploadAsync(client, result.GetValue(replay), ct));
            if (result.GetValue(estimate))
            {
                Print(await client.EstimateEvaluationAsync(request, ct));
                return ExitCode.Ok;
            }
            var evaluation = await EvaluateAsync(client, request, ct);
            Print(evaluation);
            await Recordings.SaveAsync(client, evaluation, result.GetValue(record), ct);
            var wantsFairness = !result.GetValue(noFairness) && result.GetValue(promptfoo) is null && evaluation.Summary.Status == "finished" && (result.GetValue(fairness) || names.Length == 0);
            var report = wantsFairness ? await FairnessAsync(client, context, isRequired: result.GetValue(fairness), ct) : null;
            if (report is not null) FairnessCommand.Print(report);
            var cases = result.GetValue(junit) is null && result.GetValue(json) is null && result.GetValue(html) is null ? [] : await CasesAsync(client, evaluation.Summary.Id, ct);
            await ReportFiles.WriteAsync(result.GetValue(junit), () => JUnitReport.Write(evaluation, cases, report), ct);
            await ReportFiles.WriteAsync(result.GetValue(json), () => JsonReport.Write(evaluation, cases, report), ct);
            await ReportFiles.WriteAsync(result.GetValue(markdown), () => MarkdownReport.Write(evaluation, report), ct);
            await ReportFiles.WriteAsync(result.GetValue(html), () => HtmlReport.Write(evaluation, cases, report), ct);
            return ExitCodeOf(evaluation.Summary, report);
        }, guarded: true);
        return command;
    }

    private static EvaluationBudget? Caps(double? cost, long? tokens, int? seconds) => cost is null && tokens is null && seconds is null ? null : new EvaluationBudget(cost, tokens, seconds);

    /// <summary>The worst news decides; a verdict of "no" outranks "cannot tell".</summary>
    internal static int ExitCodeOf(EvaluationSummary summary, FairnessReport? fairness)
    {
        if (summary.Status != "finished") return ExitCode.Infrastructure;
        string[] verdicts = fairness is null ? [summary.Verdict ?? ""] : [summary.Verdict ?? "", fairness.Verdict];
        if (verdicts.Contains("BUDGET")) return verdicts.Contains("FAIL") ? ExitCode.Failed : ExitCode.Budget;
        return verdicts.Contains("FAIL") ? ExitCode.Failed : verdicts.All(v => v == "PASS") ? ExitCode.Ok : ExitCode.Inconclusive;
    }

    private static async Task<string?> BaselineAsync(PilothouseClient client, string project, string? baseline, CancellationToken ct)
    {
        if (baseline is null or "auto" or "none") return baseline;
        if (await client.FindCustodyAsync(project, baseline, ct) is not { } custody) return baseline; // not an environment: a revision
        Console.WriteLine(custody.Release is { } release ? $"base line: {baseline} runs commit {Short(release.Commit)}" : $"base line: nothing runs in {baseline} yet, so there is none");
        return custody.Release?.Commit;
    }

    private static async Task<EvaluationDetail> EvaluateAsync(PilothouseClient client, NewEvaluation request, CancellationToken ct)
    {
        var started = await client.StartEvaluationAsync(request, ct);
        Console.WriteLine($"evaluation {started.Id}: {started.Project} at {Short(started.Commit)}{(started.BaselineCommit is { } b ? $" against {Short(b)}" : "")}, {started.Cases} model calls");
        for (var last = -1; ;)
        {
            var detail = await client.GetEvaluationAsync(started.Id, ct);
            if (detail.Summary.Status != "running")
            {
                if (!Console.IsErrorRedirected && last >= 0) await Console.Error.WriteLineAsync();
                return detail;
            }
            // Progress goes to stderr: on a terminal in place, in a log one line each tenth.
            var tenth = detail.Summary.Cases == 0 ? 0 : detail.Summary.Done * 10 / detail.Summary.Cases;
            if (!Console.IsErrorRedirected) await Console.Error.WriteAsync($"\r{detail.Summary.Done} of {detail.Summary.Cases}");
            else if (tenth != last) await Console.Error.WriteLineAsync($"{detail.Summary.Done} of {detail.Summary.Cases}");
            last = tenth;
            await Task.Delay(PollEvery, ct);
        }
    }

    private static async Task<FairnessReport?> FairnessAsync(PilothouseClient client, ProjectContext context, bool isRequired, CancellationToken ct)
    {
        try
        {
            return await client.RunFairnessAsync(new NewFairnessReport(context.Project, context.Commit), ct);
        }
        catch (PilothouseApiException e) when (!isRequired && e.Code == "FAILED_PRECONDITION")
        {
            return null; // the project has no fairness checks
        }
    }

    private static async Task<IReadOnlyList<EvaluationCase>> CasesAsync(PilothouseClient client, string id, CancellationToken ct)
    {
        var cases = new List<EvaluationCase>();
        string? token = null;
        do
        {
            var page = await client.ListEvaluationCasesAsync(id, null, null, 1_000, token, ct);
            cases.AddRange(page.Items);
            token = page.NextPageToken;
        }
        while (token is not null && cases.Count < MaxCases);
        return cases;
    }

    private static void Print(EvaluationDetail evaluation)
    {
        foreach (var suite in evaluation.Suites)
        {
            Console.WriteLine();
            Console.WriteLine($"{suite.Name}: {suite.Model}{(suite.BaselineModel is { } b ? $" against {b}" : "")}, {suite.Cases} cases of {suite.Dataset}{(suite.Clusters is { } c ? $" in {c} clusters" : "")} ({suite.Cached} answers from earlier runs)");
            foreach (var score in suite.Scorers)
                Console.WriteLine($"  {score.Name,-24} {F(score.Candidate)} [{F(score.CandidateLower)}, {F(score.CandidateUpper)}]{(score.Difference is { } d ? $"   base line {F(score.Baseline)}   difference {F(d)} [{F(score.DifferenceLower)}, {F(score.DifferenceUpper)}]" : "")}");
            foreach (var gate in suite.Gates)
            {
                Console.WriteLine($"  {gate.Verdict,-12} {gate.Name,-24} {F(gate.Value),7}  [{F(gate.Lower)}, {F(gate.Upper)}]  limit {F(gate.Threshold)}{(gate.Role == GateRoles.Primary ? "" : gate.Decides ? "  must" : "  for information")}");
                if (gate.Verdict != "PASS") Console.WriteLine($"               {gate.Reason}");
            }
            foreach (var sentence in SuiteSentences.Of(suite)) Console.WriteLine($"  {sentence}");
            foreach (var note in suite.Notes ?? []) Console.WriteLine($"  note: {note}");
        }
        Console.WriteLine();
        Console.WriteLine($"{evaluation.Summary.Verdict ?? evaluation.Summary.Status.ToUpperInvariant()}: {evaluation.Summary.Reason}");
        if (evaluation.Summary.Digest is { } digest) Console.WriteLine($"evidence: {digest}");
    }

    private static void Print(EvaluationEstimate estimate)
    {
        string N(long value) => value.ToString("N0", System.Globalization.CultureInfo.InvariantCulture);
        foreach (var suite in estimate.Suites)
            Console.WriteLine($"{suite.Name}: {suite.Model}: {N(suite.Open)} of {N(suite.Calls)} calls to make, about {N(suite.PromptTokens)} tokens to read and at most {N(suite.CompletionTokens)} to write{(suite.Cost is { } cost ? FormattableString.Invariant($", at most {cost:0.######}") : "")}");
        Console.WriteLine(FormattableString.Invariant($"in all {estimate.Open} of {estimate.Calls} calls, {estimate.PromptTokens + estimate.CompletionTokens} tokens{(estimate.Cost is { } all ? $", at most {all:0.######}" : "; the cost is not known (price: of the models)")}. Judges and embeddings are not counted."));
    }

    private static string F(double? value) => value is null ? "-" : value.Value.ToString("0.000", System.Globalization.CultureInfo.InvariantCulture);

    private static string Short(string commit) => commit.Length > 10 ? commit[..10] : commit;
}
