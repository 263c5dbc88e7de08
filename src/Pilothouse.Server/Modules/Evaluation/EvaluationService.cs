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
    EvaluationOptions options, Ids ids, TimeProvider time, ILogger<EvaluationService> logger) : IEvaluations, IEvaluationCases
{
    private const int MaxReportBytes = 64 * 1024 * 1024;

    private const int MaxPage = 1_000;

    /// <summary>Changed when a scorer's meaning changes, so that evaluations by different rules are not compared.</summary>
    private const string ScorersVersion = "2";

    /// <summary>Starts of the server after which an evaluation is given up: it may be what stops the server.</summary>
    private const int MaxResumes = 3;

    /// <summary>Suites named in an error.</summary>
    private const int MaxNamed = 20;

    /// <summary>Largest recording.</summary>
    private const int MaxRecordingBytes = 256 * 1024 * 1024;

    /// <inheritdoc/>
    /// <exception cref="PilothouseException">NotFound (project, commit, suite, model, data file), InvalidArgument (a row that is no case, by its line).</exception>
    public async Task<EvaluationSummary> StartAsync(NewEvaluation request, string actor, CancellationToken ct)
    {
        if (request is { Record: true, Replay: not null }) throw new PilothouseException(ErrorCode.InvalidArgument, "What is replayed is a recording already: leave record or replay out.");
        if (request.Replay is not null) await ReplayAsync(request, ct); // a broken recording is refused at once
        var plan = await planner.PlanAsync(request, GetAsync, ct);
        if (request.Budget is { } budget) CheckBudget(budget, plan);
        plan = await suites.RegisterAsync(plan, actor, ct);
        var summary = new EvaluationSummary(ids.New(), plan.Project, plan.Commit, plan.BaselineCommit, "running", null, null, plan.Calls, 0, actor, time.NowMs(), null, null, request.Replay);
        await store.AddAsync(summary, WireJson.Write(request), WireJson.Write(plan.Pins), Uses(plan), ct);
        try
        {
            work.Enqueue($"evaluation {summary.Id}", stop => RunAsync(summary, plan, request, stop));
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
        return new EvaluationDetail(summary, report.Suites, report.Recording);
    }

    /// <summary>What an evaluation would take. Nothing is asked and nothing stored.</summary>
    public async Task<EvaluationEstimate> EstimateAsync(NewEvaluation request, CancellationToken ct)
    {
        var plan = await planner.PlanAsync(request, GetAsync, ct);
        var suites = new List<SuiteEstimate>();
        foreach (var suite in plan.Suites.Where(s => s.NeedsAnswers))
            foreach (var model in suite.ComparesBaseline && suite.StoredBaseline is null ? new[] { suite.Candidate, suite.Baseline! } : [suite.Candidate])
            {
                var calls = await source.EstimateAsync(ReferenceEquals(model, suite.Baseline) ? suite.AsBaseline : suite, model, plan.IsFresh, ct);
                suites.Add(new SuiteEstimate(suite.Name, model.Reference, calls.Calls, calls.Open, calls.PromptTokens, calls.CompletionTokens, calls.Cost));
            }
        return new EvaluationEstimate(suites, suites.Sum(s => s.Calls), suites.Sum(s => s.Open), suites.Sum(s => s.PromptTokens), suites.Sum(s => s.CompletionTokens), suites.All(s => s.Cost is not null) ? suites.Sum(s => s.Cost) : null);
    }

    /// <summary>Goes on with an evaluation that a stop of the server cut short: answers that it has are not asked for again.</summary>
    public void Resume(EvaluationSummary summary) => work.Enqueue($"evaluation {summary.Id}", async ct =>
    {
        var (text, pinned, resumed) = await store.ResumeAsync(summary.Id, ct);
        try
        {
            if (resumed > MaxResumes) throw new PilothouseException(ErrorCode.Internal, $"The server stopped {resumed} times while this evaluation ran. Start it again: the answers so far are kept.");
            var request = WireJson.Read<NewEvaluation>(text) with { Commit = summary.Commit };
            if (request.Baseline is not (null or BaselineFinder.Auto)) request = request with { Baseline = summary.BaselineCommit };
            var pins = pinned is null ? new EvaluationPins() : WireJson.Read<EvaluationPins>(pinned);
            // Runs from before pins were stored know at least this much.
            if (pinned is null && request.Baseline == BaselineFinder.Auto && summary.BaselineCommit is not null) pins.Baselines[BaselineFinder.Auto] = new BaselinePin(summary.BaselineCommit, null);
            var plan = await suites.RegisterAsync(await planner.PlanAsync(request, GetAsync, ct, pins), summary.CreatedBy, ct);
            await RunAsync(summary, plan, request, ct);
        }
        catch (Exception e) when (e is PilothouseException or Protocols.ProtocolFormatException)
        {
            await store.FailAsync(summary with { Status = "failed", Reason = e.Message }, ct);
        }
    });

    public Task<IReadOnlyList<CaseHistoryEntry>> HistoryAsync(string project, string suite, string caseId, int limit, CancellationToken ct) => store.HistoryAsync(project, suite, caseId, Math.Clamp(limit, 1, MaxPage), ct);

    /// <summary>Cases of a project that flicker, as the latest evaluation of each suite found them.</summary>
    /// <exception cref="PilothouseException">NotFound: no evaluation of the project ran this suite; names those that were run.</exception>
    public async Task<IReadOnlyList<FlakySuite>> FlakesAsync(string project, string? suite, CancellationToken ct)
    {
        var found = new List<FlakySuite>();
        var latest = await store.LatestAsync(project, ct);
        if (suite is not null && latest.All(l => l.Suite != suite) && !await store.HasRunAsync(project, suite, ct))
        {
            var known = await store.SuitesAsync(project, MaxNamed + 1, ct);
            throw new PilothouseException(ErrorCode.NotFound, known.Count == 0 ? $"No suite of '{project}' was evaluated yet, so there is no '{suite}'. Run pilothouse test first."
                : $"No evaluation of '{project}' ran a suite '{suite}'; there are: {string.Join(", ", known.Take(MaxNamed))}{(known.Count > MaxNamed ? ", ..." : "")}.");
        }
        foreach (var (name, id) in latest)
        {
            if (suite is not null && name != suite) continue;
            var detail = await GetAsync(id, ct);
            if (detail.Suites.FirstOrDefault(s => s.Name == name) is { Flaky: { Count: > 0 } cases } result) found.Add(new FlakySuite(project, name, id, detail.Summary.Commit, result.Model, cases));
        }
        return found;
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

    private async Task RunAsync(EvaluationSummary summary, EvaluationPlan plan, NewEvaluation request, CancellationToken ct)
    {
        var run = new EvaluationRun(plan, summary.Id, new RunBudget(request.Budget, time), source, store, options, time);
        EvaluationSummary ended;
        try
        {
            var log = request.Replay is not null ? await ReplayAsync(request, ct) : request.Record ? new CallLog(isReplay: false) : null;
            new EvaluationScope(summary.Id, log).Enter();
            var (verdict, reason, suites, cases, verdicts) = await run.RunAsync(ct);
            ended = summary with { Status = "finished", Verdict = verdict, Reason = reason, Done = run.Done, FinishedMs = time.NowMs() };
            ended = ended with { Digest = await StoreReportAsync(ended, suites, cases, log, ct) };
            await store.FinishAsync(ended, cases, verdicts, ct);
            await cache.RemoveOldAsync(ct);
            await cache.ForgetAsync(summary.Id, ct);
        }
        catch (OperationCanceledException) when (ct.IsCancellationRequested)
        {
            throw; // it stays as it is, and goes on when the server starts again
        }
        catch (BudgetSpentException e)
        {
            ended = summary with { Status = "finished", Verdict = VerdictRules.Budget, Done = run.Done, FinishedMs = time.NowMs(), Reason = $"Nothing was decided: {e.Message} {run.Done} of {plan.Calls} answers are there and are kept: with a larger budget only the rest is asked for." };
            ended = ended with { Digest = await StoreReportAsync(ended, [], [], null, ct) };
            await store.FinishAsync(ended, [], [], ct);
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
    private async Task<string> StoreReportAsync(EvaluationSummary summary, IReadOnlyList<SuiteResult> suites, IReadOnlyList<EvaluationCase> cases, CallLog? log, CancellationToken ct)
    {
        var lines = new MemoryStream();
        foreach (var one in cases) lines.Write(Encoding.UTF8.GetBytes(WireJson.Write(one) + "\n"));
        lines.Position = 0;
        var casesBlob = await blobs.PutAsync(lines, null, ct);
        var report = new EvaluationReport("pilothouse.evaluation/v1", summary, suites, casesBlob.Digest, ScorersVersion, log is { IsReplay: false } ? (await blobs.PutAsync(log.Write(), ct)).Digest : null);
        return (await blobs.PutAsync(Encoding.UTF8.GetBytes(WireJson.Write(report)), ct)).Digest;
    }

    private async Task<CallLog> ReplayAsync(NewEvaluation request, CancellationToken ct) => await blobs.FindAsync(request.Replay!, ct) is null
        ? throw new PilothouseException(ErrorCode.NotFound, $"There is no recording {request.Replay} on this server. Upload it first: pilothouse test --replay DIR does.")
        : CallLog.Read(await blobs.ReadAsync(request.Replay!, MaxRecordingBytes, ct));

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
internal sealed record EvaluationReport(string Type, EvaluationSummary Summary, IReadOnlyList<SuiteResult> Suites, string CasesDigest, string Scorers, string? Recording = null);
