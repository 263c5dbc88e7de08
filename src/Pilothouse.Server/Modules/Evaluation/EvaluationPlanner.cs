using System.Globalization;
using Pilothouse.Protocols.ProjectFiles;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Evaluation.Scoring;
using Pilothouse.Server.Modules.Repositories.Api;
using Pilothouse.Server.Platform;
using Pilothouse.Server.Platform.Projects;

namespace Pilothouse.Server.Modules.Evaluation;

/// <summary>Resolves a request to what has to be run, and finds out whether candidate and base line can be compared at all.</summary>
internal sealed class EvaluationPlanner(IRepositories repositories, IProjectLocks locks, ScorerFactory scorers, SuiteRows rows, SuiteTargets targets, BaselineFinder baselines, PromptfooPlanner promptfoo, EvaluationOptions options, TimeProvider time)
{
    /// <summary>Cases named in a note.</summary>
    private const int MaxNamed = 10;

    private static readonly string[] KnownParameters = ["temperature", "max_tokens", "seed"];

    /// <param name="read">Reads a stored evaluation.</param>
    /// <param name="pinned">Where an evaluation goes on: what names that move stood for when it started.</param>
    public async Task<EvaluationPlan> PlanAsync(NewEvaluation request, Func<string, CancellationToken, Task<EvaluationDetail>> read, CancellationToken ct, EvaluationPins? pinned = null)
    {
        var pins = pinned ?? new EvaluationPins();
        var commit = await repositories.ResolveAsync(request.Project, request.Commit, ct);
        var (baseCommit, baseNote) = request.Baseline switch
        {
            null or BaselineFinder.None => (null, null),
            BaselineFinder.Auto => await pins.BaselineAsync(BaselineFinder.Auto, () => baselines.FindAsync(request.Project, commit, ct)),
            var revision => ((string?)await repositories.ResolveAsync(request.Project, revision, ct), (string?)null),
        };
        if (request.Promptfoo is { } path)
        {
            var alone = await promptfoo.SuitesAsync(request.Project, commit, path, null, baseCommit is null ? null : new PromptfooBaseline(baseCommit, path), ct);
            return new EvaluationPlan(request.Project, commit, baseCommit, Said(request, Noted(await StoredAsync(request.Project, alone, baseCommit, read, ct), baseNote), null), [], request.Fresh) { Pins = pins };
        }
        var state = request.AllowStaleLock ? await locks.CheckAsync(request.Project, commit, ct) : await locks.RequireFreshAsync(request.Project, commit, ct);
        var file = await repositories.ReadProjectFileAsync(request.Project, commit, ct);
        var baseFile = baseCommit is null ? null : await repositories.ReadProjectFileAsync(request.Project, baseCommit, ct);
        var side = new Side(request.Project, commit, file);
        var baseSide = baseFile is null ? null : new Side(request.Project, baseCommit!, baseFile);

        var plans = new List<SuitePlan>();
        foreach (var name in SuiteNames(request, file))
        {
            if (file.Suites[name].Promptfoo is { } config)
            {
                var before = baseSide is null ? null : new PromptfooBaseline(baseSide.Commit, baseSide.File.Suites.GetValueOrDefault(name)?.Promptfoo);
                var several = await promptfoo.SuitesAsync(request.Project, commit, config, name, before, ct);
                plans.AddRange(Noted(await StoredAsync(request.Project, Named(request, name, several), baseSide?.Commit, read, ct), baseNote));
                continue;
            }
            var (against, note) = await AgainstAsync(request, side, file.Suites[name], baseSide, baseNote, pins, ct);
            var plan = await SuiteAsync(name, side, against, request.AllowChangedData, read, pins, ct);
            plans.Add(plan with { Notes = note is null ? plan.Notes : [.. plan.Notes, note], OwnBaseline = against?.Commit == baseSide?.Commit ? null : against?.Commit });
        }
        return new EvaluationPlan(request.Project, commit, baseCommit, Said(request, plans, state.Complaint), Gone(request, file, baseFile), request.Fresh) { Pins = pins };
    }

    private static List<SuitePlan> Said(NewEvaluation request, IReadOnlyList<SuitePlan> plans, string? complaint)
    {
        string?[] said = [request.Replay is { } replay ? $"Replayed from the recording {replay}: no model was asked." : null, complaint];
        return [.. plans.Select(p => p with { Notes = [.. p.Notes, .. said.OfType<string>()] })];
    }

    private static IReadOnlyList<SuitePlan> Noted(IReadOnlyList<SuitePlan> plans, string? note) => note is null ? plans : [.. plans.Select(p => p with { Notes = [.. p.Notes, note] })];

    /// <summary>Those of a configuration's suites that were asked for: all by the name of the suite of the project file, or single ones by their own.</summary>
    private static IReadOnlyList<SuitePlan> Named(NewEvaluation request, string name, IReadOnlyList<SuitePlan> plans)
    {
        if (request.Suites is not { Count: > 0 } wanted || wanted.Contains(name)) return plans;
        foreach (var one in wanted.Where(w => w.StartsWith(name + ".", StringComparison.Ordinal)))
            if (plans.All(p => p.Name != one)) throw new PilothouseException(ErrorCode.NotFound, $"The promptfoo configuration of suite '{name}' gives no suite '{one}'; it gives: {string.Join(", ", plans.Select(p => p.Name))}.");
        return [.. plans.Where(p => wanted.Contains(p.Name))];
    }

    private async Task<IReadOnlyList<SuitePlan>> StoredAsync(string project, IReadOnlyList<SuitePlan> plans, string? baseCommit, Func<string, CancellationToken, Task<EvaluationDetail>> read, CancellationToken ct)
    {
        if (baseCommit is null) return plans;
        var all = new List<SuitePlan>();
        foreach (var plan in plans) all.Add(await StoredAsync(project, plan, baseCommit, read, ct));
        return all;
    }

    private async Task<SuitePlan> StoredAsync(string project, SuitePlan plan, string baseCommit, Func<string, CancellationToken, Task<EvaluationDetail>> read, CancellationToken ct) =>
        await baselines.StoredAsync(project, baseCommit, plan, read, ct) is { } stored
            ? plan with { StoredBaseline = stored, Notes = [.. plan.Notes, $"The base line's answers are those of its stored run: {plan.Baseline!.Reference} was not asked again."] } : plan;

    /// <summary>What a suite is compared with: what the call names, else what the suite names, else what was found.</summary>
    private async Task<(Side? Side, string? Note)> AgainstAsync(NewEvaluation request, Side side, SuiteEntry entry, Side? found, string? foundNote, EvaluationPins pins, CancellationToken ct)
    {
        if (entry.Baseline is not { } own) return (found, foundNote);
        if (request.Baseline is not (null or BaselineFinder.Auto)) return (found, $"The suite's own base line ({own}) was not used: the call names another.");
        if (own.Commit == BaselineFinder.Auto && request.Baseline == BaselineFinder.Auto) return (found, foundNote);
        var (commit, note) = await pins.BaselineAsync($"own: {own}", () => baselines.OwnAsync(side.Project, side.Commit, own, ct));
        if (commit is null) return (null, note);
        return (commit == found?.Commit ? found : new Side(side.Project, commit, await repositories.ReadProjectFileAsync(side.Project, commit, ct)), note);
    }

    private static IReadOnlyList<string> SuiteNames(NewEvaluation request, ProjectFile file)
    {
        if (file.Suites.Count == 0) throw new PilothouseException(ErrorCode.FailedPrecondition, $"pilothouse.yaml of {request.Project} at {request.Commit} has no suites. Add one under 'suites:'.");
        if (request.Suites is not { Count: > 0 } names) return [.. file.Suites.Keys];
        // Suites of a promptfoo configuration are called by the suite that names it and their provider: regression.openai-gpt.
        string Of(string name) => file.Suites.ContainsKey(name) ? name : file.Suites.FirstOrDefault(s => s.Value.Promptfoo is not null && name.StartsWith(s.Key + ".", StringComparison.Ordinal)).Key
            ?? throw new PilothouseException(ErrorCode.NotFound, $"There is no suite '{name}' at {request.Commit}; there are: {string.Join(", ", file.Suites.Keys)}.");
        return [.. names.Select(Of).Distinct(StringComparer.Ordinal)];
    }

    /// <summary>A suite that the base line had and the candidate has not: leaving a test out must not look like passing it.</summary>
    private static IReadOnlyList<string> Gone(NewEvaluation request, ProjectFile file, ProjectFile? baseFile) =>
        baseFile is null || request.Suites is { Count: > 0 } || request.AllowChangedData ? [] :
        [.. baseFile.Suites.Keys.Where(s => !file.Suites.ContainsKey(s)).Select(s => $"the suite '{s}' of the base line is gone. Keep it, or say that it goes with --allow-changed-data")];

    private async Task<SuitePlan> SuiteAsync(string name, Side side, Side? baseSide, bool allowChanged, Func<string, CancellationToken, Task<EvaluationDetail>> read, EvaluationPins pins, CancellationToken ct)
    {
        var entry = side.File.Suites[name];
        var data = await rows.OfAsync(side.Project, side.Commit, side.File, name, entry, ct);
        var cases = Cases(name, entry, data);
        var candidate = await targets.SubjectAsync(side.Project, side.Commit, side.File, name, entry, pins, ct);
        var notes = candidate.Parameters.Keys.Except(KnownParameters).Select(p => $"The parameter '{p}' is not sent to the model by evaluations.").ToList();
        if (candidate.Entry.Kind == ModelKind.Classifier && entry.Repeats > 1) notes.Add("Classifiers answer the same every time: each case was asked once.");
        if (candidate.Target.Engine == "onnx" && entry.Tools is not null) throw new PilothouseException(ErrorCode.Unsupported, $"suites.{name}: the engine 'onnx' offers no tools to a model. Use a model behind an OpenAI-compatible server, or leave tools out.");
        var ready = await ScorersAsync(name, entry, side, ct);
        var (quarantined, invalid) = Quarantine(entry, cases, notes);
        SuitePlan Plan(ModelSubject? baseline, string? fault, IReadOnlyList<string> said) => new(name, entry, data, cases, candidate, baseline, fault, said) { Scorers = ready, Quarantined = quarantined, Invalid = invalid };
        if (baseSide is null) return Plan(null, null, [.. notes, "There is no base line: only floors are judged."]);
        if (!baseSide.File.Suites.TryGetValue(name, out var baseEntry))
            return Plan(null, null, [.. notes, $"The base line {ProjectContent.Short(baseSide.Commit)} has no suite '{name}': only floors are judged."]);

        if (baseSide.Commit == side.Commit) notes.Add("The base line is the candidate's own commit: nothing can differ but what chance does.");
        if (!SuiteTargets.CanCompare(entry, baseEntry)) return Plan(null, null, [.. notes, $"Both commits ask the environment {entry.Target!.Environment}, which is what it is now: only floors are judged."]);
        var baseline = await targets.SubjectAsync(side.Project, baseSide.Commit, baseSide.File, name, baseEntry, pins, ct);
        notes.AddRange(Loosened(baseEntry, entry));
        var changed = await ChangedAsync(name, entry, ready, data, baseEntry, baseSide, ct);
        if (changed is not null && allowChanged) notes.Add($"Not the base line's own test: {changed} Both models were run on the candidate's cases.");
        if (entry.Quarantine.Select(q => q.Case).Except(baseEntry.Quarantine.Select(q => q.Case)).ToArray() is { Length: > 0 } added) notes.Add($"In quarantine since the base line: {string.Join(", ", added.Take(MaxNamed))}{(added.Length > MaxNamed ? ", ..." : "")}.");
        return await StoredAsync(side.Project, Plan(baseline, allowChanged ? null : changed, notes), baseSide.Commit, read, ct);
    }

    /// <summary>Cases that do not count today. Too many of them would be a way to pass: then the suite decides nothing.</summary>
    private (IReadOnlySet<string> Ids, string? Invalid) Quarantine(SuiteEntry entry, List<EvaluationInput> cases, List<string> notes)
    {
        if (entry.Quarantine.Count == 0) return (new HashSet<string>(), null);
        var today = DateOnly.FromDateTime(time.GetUtcNow().UtcDateTime);
        var known = cases.Select(c => c.Id).ToHashSet(StringComparer.Ordinal);
        foreach (var one in entry.Quarantine.Where(q => q.Until < today)) notes.Add($"The quarantine of {one.Case} ended on {one.Until:yyyy-MM-dd}: it counts again. {one.Owner} should fix it or take the entry out.");
        foreach (var one in entry.Quarantine.Where(q => !known.Contains(q.Case))) notes.Add($"{one.Case} is in quarantine, but there is no such case.");
        var active = entry.Quarantine.Where(q => q.Until >= today && known.Contains(q.Case)).ToArray();
        if (active.Length == 0) return (new HashSet<string>(), null);
        notes.Add($"{active.Length} of {cases.Count} cases are in quarantine: asked and reported, not counted: {string.Join(", ", active.Take(MaxNamed).Select(q => $"{q.Case} ({q.Owner}, until {q.Until:yyyy-MM-dd})"))}{(active.Length > MaxNamed ? ", ..." : "")}.");
        return (active.Select(q => q.Case).ToHashSet(StringComparer.Ordinal), active.Length <= cases.Count * options.MaxQuarantinedShare ? null
            : FormattableString.Invariant($"{active.Length} of {cases.Count} cases are in quarantine (at most {options.MaxQuarantinedShare:P0} may be): what is left is not the suite."));
    }

    /// <summary>The cases, or the first row that cannot be one, by its line.</summary>
    private List<EvaluationInput> Cases(string suite, SuiteEntry entry, DataSubject data)
    {
        if (data.Rows.Count == 0) throw new PilothouseException(ErrorCode.InvalidArgument, $"{data.Reference} has no rows: suite '{suite}' would test nothing.");
        if (data.Rows.Count > options.MaxCases)
            throw new PilothouseException(ErrorCode.TooLarge, $"{data.Reference} has {data.Rows.Count} rows; a suite may have {options.MaxCases} (Evaluation:MaxCases).");
        var needsExpected = entry.Scorers.Any(ScorerFactory.NeedsExpected);
        var cases = new List<EvaluationInput>(data.Rows.Count);
        var lines = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (var row in data.Rows)
        {
            string Required(string field, string what) => row.Text(field)
                ?? throw new PilothouseException(ErrorCode.InvalidArgument, $"{data.Reference}, line {row.Line}: no field '{field}', which suite '{suite}' takes as {what}. The row has: {string.Join(", ", row.Fields.Select(f => f.Key).Take(20))}.");
            var id = row.Text("id") is { Length: > 0 } given ? given : $"line-{row.Line}";
            if (!lines.TryAdd(id, row.Line)) throw new PilothouseException(ErrorCode.InvalidArgument, $"{data.Reference}, line {row.Line}: the id '{id}' stands on line {lines[id]} already. Ids name cases in reports and must differ.");
            var input = Required(entry.Input, "its input");
            var expected = needsExpected ? Required(entry.Expected, "its reference answer") : row.Text(entry.Expected);
            var cluster = entry.Cluster is { } field ? Required(field, "its cluster") : null;
            cases.Add(new EvaluationInput(id, input, expected, cluster, row.Fields.Select(f => (f.Key, Text: row.Text(f.Key))).Where(f => f.Text is not null).ToDictionary(f => f.Key, f => f.Text!, StringComparer.Ordinal)) { History = SuiteRows.History(data, row, entry.Messages) });
        }
        return cases;
    }

    private async Task<string?> ChangedAsync(string name, SuiteEntry entry, IReadOnlyList<SuiteScorer> ready, DataSubject data, SuiteEntry baseEntry, Side baseSide, CancellationToken ct)
    {
        if (!entry.Scorers.SequenceEqual(baseEntry.Scorers)) return $"The scorers of suite '{name}' changed since the base line {ProjectContent.Short(baseSide.Commit)}.";
        if (entry.Tools != baseEntry.Tools) return $"The tools of suite '{name}' changed since the base line {ProjectContent.Short(baseSide.Commit)}.";
        if (entry.Repeats != baseEntry.Repeats) return $"Suite '{name}' asks each case {entry.Repeats} times; the base line {ProjectContent.Short(baseSide.Commit)} asked {baseEntry.Repeats} times.";
        if (await JudgesChangedAsync(name, ready, baseEntry, baseSide, ct) is { } judges) return judges;
        if ((entry.Input, entry.Expected, entry.Cluster, entry.Messages) != (baseEntry.Input, baseEntry.Expected, baseEntry.Cluster, baseEntry.Messages)) return $"The fields that suite '{name}' reads changed since the base line {ProjectContent.Short(baseSide.Commit)}.";
        try
        {
            var baseData = await rows.OfAsync(baseSide.Project, baseSide.Commit, baseSide.File, name, baseEntry, ct);
            return baseData.Digest == data.Digest ? null
                : $"The data of suite '{name}' changed since the base line {ProjectContent.Short(baseSide.Commit)}: {baseData.Rows.Count} rows ({Digest(baseData)}) became {data.Rows.Count} rows ({Digest(data)}).";
        }
        catch (Exception e) when (e is PilothouseException { Code: ErrorCode.NotFound or ErrorCode.InvalidArgument } or Protocols.ProtocolFormatException)
        {
            return $"The data of suite '{name}' cannot be read at the base line {ProjectContent.Short(baseSide.Commit)} ({e.Message})";
        }
    }

    private async Task<List<SuiteScorer>> ScorersAsync(string suite, SuiteEntry entry, Side side, CancellationToken ct)
    {
        var ready = new List<SuiteScorer>();
        foreach (var one in entry.Scorers) ready.Add(await scorers.CreateAsync(side.Project, side.Commit, side.File, suite, one, ct));
        return ready;
    }

    /// <summary>The same entry can mean another judge, schema or program at another commit.</summary>
    private async Task<string?> JudgesChangedAsync(string suite, IReadOnlyList<SuiteScorer> ready, SuiteEntry baseEntry, Side baseSide, CancellationToken ct)
    {
        if (ready.All(s => s.Material.Length == 0)) return null;
        try
        {
            var before = await ScorersAsync(suite, baseEntry, baseSide, ct);
            return ready.Zip(before).FirstOrDefault(p => p.First.Material != p.Second.Material) is { First: { } changed }
                ? $"What the scorer '{changed.Entry.Name}' of suite '{suite}' judges with (model, schema or program) changed since the base line {ProjectContent.Short(baseSide.Commit)}." : null;
        }
        catch (PilothouseException e)
        {
            return $"The scorers of suite '{suite}' cannot be read at the base line {ProjectContent.Short(baseSide.Commit)} ({e.Message})";
        }
    }

    private static string Digest(DataSubject data) => data.Digest[..Math.Min(15, data.Digest.Length)];

    /// <summary>Gates that ask for less than before: allowed, since they are in the commit, but said aloud.</summary>
    private static IEnumerable<string> Loosened(SuiteEntry before, SuiteEntry after)
    {
        foreach (var old in before.Gates)
        {
            var name = GateJudge.NameOf(old);
            var now = after.Gates.Where(g => g.Scorer == old.Scorer && g.Type == old.Type).OrderBy(g => g.Decides == old.Decides ? 0 : 1).FirstOrDefault();
            if (now is null) yield return $"The gate {name} of the base line is gone.";
            else if (old.Decides && !now.Decides) yield return $"The gate {name} of the base line is secondary now: it decides nothing any more.";
            else if (now.Margin > old.Margin || now.Min < old.Min || now.Confidence < old.Confidence)
                yield return string.Create(CultureInfo.InvariantCulture, $"The gate {name} was loosened: {Bound(old)} became {Bound(now)}.");
        }
    }

    private static string Bound(GateEntry gate) => gate.Type == GateType.Floor
        ? string.Create(CultureInfo.InvariantCulture, $"min {gate.Min} at {gate.Confidence:P0}") : string.Create(CultureInfo.InvariantCulture, $"margin {gate.Margin} at {gate.Confidence:P0}");

    private sealed record Side(string Project, string Commit, ProjectFile File);
}
