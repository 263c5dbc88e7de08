using System.Text;
using Microsoft.Extensions.Logging;
using Pilothouse.Data;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Blobs.Api;
using Pilothouse.Server.Modules.Evaluation.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Evaluation;

/// <summary>Starts evaluations, runs them in the background, stores their report as evidence.</summary>
internal sealed partial class EvaluationService(EvaluationPlanner planner, SuiteRegistration suites, AnswerSource source, EvaluationStore store, ResponseCache cache, IBlobStore blobs, IBackgroundWork work, IEventBus events,
    EvaluationOptions options, Ids ids, TimeProvider time, ILogger<EvaluationService> logger) : IEvaluations
{
    private const int MaxReportBytes = 64 * 1024 * 1024;

    private const int MaxPage = 1_000;

    /// <summary>Changed when a scorer's meaning changes, so that evaluations by different rules are not compared.</summary>
    private const string ScorersVersion = "2";

    internal const string CutShort = "The server stopped while the evaluation ran. Start it again: the answers so far are kept and will not be asked for again.";

    /// <inheritdoc/>
    /// <exception cref="PilothouseException">NotFound (project, commit, suite, model, data file), InvalidArgument (a row that is no case, by its line).</exception>
    public async Task<EvaluationSummary> StartAsync(NewEvaluation request, string actor, CancellationToken ct)
    {
        var plan = await planner.PlanAsync(request, ct);
        if (request.Budget is { } budget) CheckBudget(budget, plan);
        plan = await suites.RegisterAsync(plan, actor, ct);
        var summary = new EvaluationSummary(ids.New(), plan.Project, plan.Commit, plan.BaselineCommit, "running", null, null, plan.Calls, 0, actor, time.NowMs(), null, null);
        await store.AddAsync(summary, WireJson.Write(request), Uses(plan), ct);
        try
        {
            work.Enqueue($"evaluation {summary.Id}", stop => RunAsync(summary, plan, request.Budget, stop));
        }
        catch (PilothouseException e)
        {
            await store.FailAsync(summary with { Status = "failed", Reason = e.Message }, ct);
            throw;
        }
        return summary;
    }

    public async Task<EvaluationDetail> GetAsync(string id, CancellationToken ct)
    {
        var summary = await store.GetAsync(id, ct);
        if (summary.Digest is null) return new EvaluationDetail(summary, []);
        var report = WireJson.Read<EvaluationReport>(Encoding.UTF8.GetString(await blobs.ReadAsync(summary.Digest, MaxReportBytes, ct)));
        return new EvaluationDetail(summary, report.Suites);
    }

    public Task<Page<EvaluationSummary>> ListAsync(string? project, string? commit, int limit, string? pageToken, CancellationToken ct) =>
        store.ListAsync(project, commit, Math.Clamp(limit, 1, MaxPage), Token<string>(pageToken), ct);

    /// <summary>All cases in order.</summary>
    /// <param name="outcome">worsened, improved, same or new; null = all.</param>
    public async Task<Page<EvaluationCase>> CasesAsync(string id, string? suite, string? outcome, int limit, string? pageToken, CancellationToken ct)
    {
        await store.GetAsync(id, ct);
        return await store.CasesAsync(id, suite, outcome, pageToken is null ? -1 : Token<long>(pageToken), Math.Clamp(limit, 1, MaxPage), ct);
    }

    private static void CheckBudget(EvaluationBudget budget, EvaluationPlan plan)
    {
        if (budget is { MaxCost: not > 0 and not null } or { MaxTokens: not > 0 and not null } or { MaxSeconds: not > 0 and not null }) throw new PilothouseException(ErrorCode.InvalidArgument, "A budget must be above 0: max_cost, max_tokens, max_seconds.");
        if (budget.MaxCost is null) return;
        foreach (var model in plan.Suites.SelectMany(s => s.ComparesBaseline ? new[] { s.Candidate, s.Baseline! } : [s.Candidate]))
            if (model.Entry is { Kind: Protocols.ProjectFiles.ModelKind.Generative, Price: null }) throw new PilothouseException(ErrorCode.InvalidArgument, $"max_cost needs to know what {model.Reference} costs. Add price: {{ input: ..., output: ... }} (a million tokens) to the model, or use max_tokens.");
    }

    private static List<(LineageNode From, string Relation)> Uses(EvaluationPlan plan)
    {
        var uses = new List<(LineageNode, string)>();
        foreach (var suite in plan.Suites)
        {
            if (LineageNode.FromReference(suite.Candidate.Reference) is { } candidate) uses.Add((candidate, "evaluated"));
            if (LineageNode.FromReference(suite.Baseline?.Reference) is { } baseline) uses.Add((baseline, "base line"));
            if (LineageNode.FromReference(suite.Data.Reference) is { } data) uses.Add((data, "tested on"));
            if (LineageNode.FromReference(suite.Candidate.Entry.RegisteredPrompt) is { } prompt) uses.Add((prompt, "prompt"));
            if (LineageNode.FromReference(suite.Registered) is { } registered) uses.Add((registered, "suite"));
        }
        return uses;
    }

    private async Task RunAsync(EvaluationSummary summary, EvaluationPlan plan, EvaluationBudget? budget, CancellationToken ct)
    {
        var run = new EvaluationRun(plan, summary.Id, new RunBudget(budget, time), source, store, options, time);
        EvaluationSummary ended;
        try
        {
            var (verdict, reason, suites, cases) = await run.RunAsync(ct);
            ended = summary with { Status = "finished", Verdict = verdict, Reason = reason, Done = run.Done, FinishedMs = time.NowMs() };
            ended = ended with { Digest = await StoreReportAsync(ended, suites, cases, ct) };
            await store.FinishAsync(ended, cases, ct);
            await cache.RemoveOldAsync(ct);
        }
        catch (OperationCanceledException) when (ct.IsCancellationRequested)
        {
            await store.FailAsync(summary with { Status = "failed", Reason = CutShort, Done = run.Done }, CancellationToken.None);
            throw;
        }
        catch (BudgetSpentException e)
        {
            ended = summary with { Status = "finished", Verdict = VerdictRules.Budget, Done = run.Done, FinishedMs = time.NowMs(), Reason = $"Nothing was decided: {e.Message} {run.Done} of {plan.Calls} answers are there and are kept: with a larger budget only the rest is asked for." };
            ended = ended with { Digest = await StoreReportAsync(ended, [], [], ct) };
            await store.FinishAsync(ended, [], ct);
        }
        catch (Exception e)
        {
            Failed(e, summary.Id);
            var reason = e is PilothouseException or Protocols.ProtocolFormatException ? e.Message : "The server failed; its log has the details.";
            ended = summary with { Status = "failed", Reason = reason, Done = run.Done, FinishedMs = time.NowMs() };
            await store.FailAsync(ended, ct);
        }
        await events.PublishAsync(new EvaluationFinished(ended), ct);
    }

    /// <summary>The evidence: the report names the blob with all cases, so that one digest stands for everything.</summary>
    private async Task<string> StoreReportAsync(EvaluationSummary summary, IReadOnlyList<SuiteResult> suites, IReadOnlyList<EvaluationCase> cases, CancellationToken ct)
    {
        var lines = new MemoryStream();
        foreach (var one in cases) lines.Write(Encoding.UTF8.GetBytes(WireJson.Write(one) + "\n"));
        lines.Position = 0;
        var casesBlob = await blobs.PutAsync(lines, null, ct);
        var report = new EvaluationReport("pilothouse.evaluation/v1", summary, suites, casesBlob.Digest, ScorersVersion);
        return (await blobs.PutAsync(Encoding.UTF8.GetBytes(WireJson.Write(report)), ct)).Digest;
    }

    private static T? Token<T>(string? pageToken)
    {
        if (pageToken is null) return default;
        return PageToken.TryDecode<T>(pageToken, out var key) ? key : throw new PilothouseException(ErrorCode.InvalidArgument, "page_token is not one that this list gave out.");
    }

    [LoggerMessage(700, LogLevel.Error, "Evaluation {Id} failed")]
    private partial void Failed(Exception error, string id);
}

/// <summary>The stored evidence.</summary>
/// <param name="CasesDigest">Blob with all cases as JSON lines.</param>
internal sealed record EvaluationReport(string Type, EvaluationSummary Summary, IReadOnlyList<SuiteResult> Suites, string CasesDigest, string Scorers);
