using System.Text.Json;
using Pilothouse.Protocols;
using Pilothouse.Protocols.ProjectFiles;
using Pilothouse.Server.Platform;
using Pilothouse.Server.Platform.Inference;
using Pilothouse.Server.Platform.Projects;

namespace Pilothouse.Server.Modules.Evaluation;

/// <summary>How one evaluation asks.</summary>
/// <param name="IsFresh">Answers of earlier runs are not used.</param>
internal sealed record RunContext(string Id, bool IsFresh, RunBudget Budget);

/// <summary>Gets a model's answers to all cases: from the cache where it can, from the engine otherwise, a bounded number at a time.</summary>
internal sealed class AnswerSource(RunInference inference, ResponseCache cache, SecretMask mask, EvaluationOptions options, TimeProvider time)
{
    /// <summary>Error of the cases that were spared because others had failed: it explains nothing, so reports quote another.</summary>
    public const string NotAsked = "Not asked: too many cases had failed.";

    private const int DefaultMaxTokens = 256;

    /// <summary>Texts of one call to a classifier.</summary>
    private const int BatchSize = 32;

    /// <summary>Characters of a token, about: enough to say what a run will cost.</summary>
    private const int CharactersPerToken = 4;

    private static readonly TimeSpan FirstRetryAfter = TimeSpan.FromMilliseconds(200);

    /// <summary>Answers in the order of the cases, the repeats of each together. Stops asking when so many failed that the suite is invalid anyway.</summary>
    /// <param name="finished">Called for each case that is done, with its cache entry when there is a new one; may be called from several threads.</param>
    public async Task<IReadOnlyList<Answer>> AskAsync(SuitePlan suite, ModelSubject model, RunContext run, Func<(string Key, string Output)?, CancellationToken, Task> finished, CancellationToken ct)
    {
        if (ReferenceEquals(model, suite.Baseline) && suite.StoredBaseline is { } stored)
        {
            foreach (var _ in suite.Cases) await finished(null, ct);
            return [.. suite.Cases.Select(c => stored.TryGetValue(c.Id, out var known) ? known : new Answer("", "The stored run of the base line has no answer to this case.", IsCached: true))];
        }
        var calls = Calls(suite, model, run.Id);
        if (EvaluationScope.Current?.Log is { IsReplay: true }) calls = calls with { Keys = new string?[calls.Keys.Length] }; // what was replayed must never pass for an answer of a model
        var answers = await KnownAsync(suite, model, calls, run, finished, ct);
        if (model.Command is not null) await CommandAsync(model, calls, answers, finished, ct);
        else await EngineAsync(model, calls, answers, run.Budget, finished, ct);
        return [.. answers.Select(a => a!)];
    }

    /// <summary>Calls that would be made and what they would take at most, without making any.</summary>
    public async Task<CallEstimate> EstimateAsync(SuitePlan suite, ModelSubject model, bool isFresh, CancellationToken ct)
    {
        var calls = Calls(suite, model, null);
        var known = isFresh ? new Dictionary<string, string>() : await FindAsync(model, calls, ct);
        long prompt = 0, completion = 0;
        var open = 0;
        for (var i = 0; i < calls.Cases.Length; i++)
        {
            if (calls.Keys[i] is { } key && known.ContainsKey(key)) continue;
            open++;
            if (calls.Requests.Length == 0) continue;
            prompt += calls.Requests[i].Messages.Sum(m => (m.Content.Length + CharactersPerToken - 1) / CharactersPerToken + 4);
            completion += calls.Requests[i].MaxTokens;
        }
        return new CallEstimate(calls.Cases.Length, open, prompt, completion, model.Entry.Price?.Of(prompt, completion));
    }

    private static AskedCalls Calls(SuitePlan suite, ModelSubject model, string? scope)
    {
        var isClassifier = model.Entry.Kind == ModelKind.Classifier;
        EvaluationInput[] cases = [.. suite.Cases.SelectMany(c => Enumerable.Repeat(c, suite.Repeats))];
        var requests = isClassifier ? [] : cases.Select((c, i) => Request(model, c, i % suite.Repeats, suite.Entry.Tools)).ToArray();
        var keys = cases.Select((c, i) => isClassifier ? ResponseCache.Key(model, c.Input, scope) : ResponseCache.Key(model, requests[i], i % suite.Repeats, scope: scope)).ToArray();
        return new AskedCalls(cases, requests, keys, suite.Repeats);
    }

    private Task<IReadOnlyDictionary<string, string>> FindAsync(ModelSubject model, AskedCalls calls, CancellationToken ct) =>
        cache.FindAsync([.. calls.Keys.OfType<string>().Distinct(StringComparer.Ordinal)], ct, model.Digest is null ? model.Entry.CacheFor : null);

    private async Task<Answer?[]> KnownAsync(SuitePlan suite, ModelSubject model, AskedCalls calls, RunContext run, Func<(string, string)?, CancellationToken, Task> finished, CancellationToken ct)
    {
        var answers = new Answer?[calls.Cases.Length];
        var known = await FindAsync(model, calls, ct);
        for (var i = 0; i < answers.Length; i++)
        {
            if (calls.Keys[i] is not { } key || !known.TryGetValue(key, out var output)) continue;
            // What this very evaluation asked before it was cut short is its own, and was paid for.
            var isOwn = ResponseCache.IsOf(key, run.Id);
            if (run.IsFresh && !isOwn) continue;
            answers[i] = Read(model, output, isCached: !isOwn);
            if (isOwn) run.Budget.Add(answers[i]!.Usage, model.Entry.Price);
            EvaluationScope.Current?.Log?.Add(calls.Requests.Length == 0 ? RunInference.ClassifyKey(model.Target, calls.Cases[i].Input) : CallLog.KeyOf(model.Target, calls.Requests[i]), output);
            await finished(null, ct);
        }
        return answers;
    }

    private async Task EngineAsync(ModelSubject model, AskedCalls calls, Answer?[] answers, RunBudget budget, Func<(string, string)?, CancellationToken, Task> finished, CancellationToken ct)
    {
        var isClassifier = calls.Requests.Length == 0;
        var failures = new FailureBudget((int)(answers.Length * options.MaxFailedShare));
        var parallel = new ParallelOptions { MaxDegreeOfParallelism = model.Target.Url is null ? options.Concurrency : options.RemoteConcurrency, CancellationToken = ct };
        await Parallel.ForEachAsync(Enumerable.Range(0, answers.Length).Where(i => answers[i] is null).ToArray().Chunk(isClassifier ? BatchSize : 1), parallel, async (batch, stop) =>
        {
            budget.Require();
            var outputs = failures.IsSpent ? Enumerable.Repeat<(string?, string?)>((null, NotAsked), batch.Length).ToArray()
                : isClassifier ? await TryAsync(token => ClassifyAsync(model, [.. batch.Select(i => calls.Cases[i].Input)], token), batch.Length, batch[0], stop)
                : await TryAsync(async token => [WireJson.Write(KeptGeneration.Of(await inference.GenerateAsync(model, calls.Requests[batch[0]], token)))], 1, batch[0], stop);
            for (var k = 0; k < batch.Length; k++)
            {
                var (output, error) = outputs[k];
                if (error is not null) failures.Add();
                answers[batch[k]] = output is null ? new Answer("", mask.Apply(error!), IsCached: false) : Read(model, output, isCached: false);
                if (output is not null) budget.Add(answers[batch[k]]!.Usage, model.Entry.Price);
                await finished(output is not null && calls.Keys[batch[k]] is { } key ? (key, output) : null, stop);
            }
        });
    }

    /// <summary>
    /// One process answers all: it reads <c>{"index":0,"id":"c1","input":"...","messages":[...],"fields":{...},"repeat":0,"seed":0}</c> and writes
    /// <c>{"index":0,"output":"...","prompt_tokens":7,"completion_tokens":3}</c> or <c>{"index":0,"error":"..."}</c>, in any order.
    /// </summary>
    private async Task CommandAsync(ModelSubject model, AskedCalls calls, Answer?[] answers, Func<(string, string)?, CancellationToken, Task> finished, CancellationToken ct)
    {
        var log = EvaluationScope.Current?.Log;
        int[] open = [.. Enumerable.Range(0, answers.Length).Where(i => answers[i] is null)];
        if (log is { IsReplay: true })
        {
            foreach (var i in open) answers[i] = log.Find(CallLog.KeyOf(model.Target, calls.Requests[i])) is { } kept ? Read(model, kept, isCached: true) : new Answer("", RunInference.Missing(model.Target).Message, IsCached: false);
            return;
        }
        if (open.Length == 0) return;
        var started = time.GetTimestamp();
        var error = await new JsonLinesProcess(model.Command!, options.CommandVariables, time).RunAsync(open.Select(i => calls.Line(i)), async (line, number) =>
        {
            var index = JsonLinesProcess.Index(line, number, answers.Length);
            if (answers[index] is not null) throw new InvalidDataException($"Line {number} of the command's output answers case {index} again.");
            if (JsonLinesProcess.Text(line, "output") is not { } output)
            {
                answers[index] = new Answer("", mask.Apply(JsonLinesProcess.Text(line, "error") ?? $"The command wrote neither output nor error: {JsonLinesProcess.Shown(line.GetRawText())}"), IsCached: false);
                await finished(null, ct);
                return;
            }
            int Number(string name) => line.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var count) && count >= 0 ? count : 0;
            var kept = WireJson.Write(new KeptGeneration(mask.Apply(output), Number("prompt_tokens"), Number("completion_tokens"), Math.Round(time.GetElapsedTime(started).TotalMilliseconds / (index + 1), 3), "stop"));
            log?.Add(CallLog.KeyOf(model.Target, calls.Requests[index]), kept);
            answers[index] = Read(model, kept, isCached: false);
            await finished(calls.Keys[index] is { } key ? (key, kept) : null, ct);
        }, ct);
        foreach (var i in open)
            if (error is not null || answers[i] is null) answers[i] = new Answer("", mask.Apply(error ?? "The command wrote no answer to this case."), IsCached: false);
    }

    private async Task<string[]> ClassifyAsync(ModelSubject model, IReadOnlyList<string> texts, CancellationToken ct) =>
        [.. (await inference.ClassifyAsync(model.Target, texts, ct)).Select(c => JsonSerializer.Serialize(c.Probabilities))];

    /// <summary>A classifier's probabilities are stored, so that another threshold needs no other run; a text with what it took.</summary>
    private static Answer Read(ModelSubject model, string output, bool isCached)
    {
        if (model.Entry.Kind != ModelKind.Classifier)
        {
            var kept = WireJson.Read<KeptGeneration>(output);
            return new Answer(kept.Text, null, isCached, null, new CallUsage(kept.PromptTokens, kept.CompletionTokens, kept.Milliseconds));
        }
        var probabilities = JsonSerializer.Deserialize<OrderedDictionary<string, double>>(output)!;
        return new Answer(ClassificationLabel.Label(probabilities, model.Entry.Threshold), null, isCached, probabilities);
    }

    private static GenerationRequest Request(ModelSubject model, EvaluationInput input, int repeat, string? tools)
    {
        var prompt = PromptRenderer.Messages(model.Prompt, input.Input, input.Fields).Select(m => new ChatTurn(m.Role, m.Content)).ToArray();
        // What was said before stands between the prompt's instructions and its last message, which holds the input.
        ChatTurn[] messages = input.IsWhole ? [.. input.History] : [.. prompt[..^1], .. input.History, prompt[^1]];
        double? Number(string name) => model.Parameters.TryGetValue(name, out var value) && value.ValueKind == JsonValueKind.Number ? value.GetDouble() : null;
        return new GenerationRequest(messages, (int)(Number("max_tokens") ?? DefaultMaxTokens), Number("temperature") ?? 0, (long)(Number("seed") ?? 0) + repeat)
        {
            Tools = tools,
            Metadata = model.Target.Engine == "gateway" || model.Ask is not null ? input.Fields : null,
        };
    }

    /// <summary>Tries again only when the engine was away, never because of what it answered.</summary>
    private async Task<(string? Output, string? Error)[]> TryAsync(Func<CancellationToken, Task<string[]>> call, int count, int index, CancellationToken ct)
    {
        for (var attempt = 1; ; attempt++)
        {
            string error;
            TimeSpan? asked = null;
            using var timeout = new CancellationTokenSource(options.CallTimeout, time);
            using var linked = CancellationTokenSource.CreateLinkedTokenSource(ct, timeout.Token);
            try
            {
                var outputs = await call(linked.Token);
                return outputs.Length == count ? [.. outputs.Select(o => ((string?)o, (string?)null))] : Failed($"The engine answered {outputs.Length} of {count} texts.", count);
            }
            catch (OperationCanceledException) when (!ct.IsCancellationRequested)
            {
                error = $"No answer within {options.CallTimeout.TotalSeconds:0} s.";
            }
            catch (PilothouseException e)
            {
                error = e.Message;
                asked = e.RetryAfter;
                if (e.IsPermanent || e.Code is not (ErrorCode.Unavailable or ErrorCode.RateLimited or ErrorCode.UpstreamFailed)) return Failed(error, count);
            }
            catch (ProtocolFormatException e)
            {
                return Failed(e.Message, count);
            }
            if (attempt >= options.Attempts) return Failed($"{error} ({attempt} tries)", count);
            if (asked > options.MaxRetryAfter) return Failed($"{error} It asks to come again in {asked.Value.TotalSeconds:0} s, which is longer than Evaluation:MaxRetryAfter.", count);
            // Doubled each time, and a little different for each case, so that they do not all come back at once.
            await Task.Delay(asked ?? FirstRetryAfter * Math.Pow(2, attempt - 1) * (0.75 + 0.5 * (index * 37 % 100) / 100), time, ct);
        }
    }

    private static (string?, string?)[] Failed(string error, int count) => [.. Enumerable.Repeat<(string?, string?)>((null, error), count)];

    /// <summary>All calls of a suite to one model.</summary>
    /// <param name="Requests">Empty for classifiers.</param>
    private sealed record AskedCalls(EvaluationInput[] Cases, GenerationRequest[] Requests, string?[] Keys, int Repeats)
    {
        public string Line(int i) => WireJson.Write(new CommandLine(i, Cases[i].Id, Cases[i].Input, [.. Requests[i].Messages.Select(m => new CommandMessage(m.Role, m.Content))], Cases[i].Fields, i % Repeats, Requests[i].Seed ?? 0));
    }

    private sealed record CommandLine(int Index, string Id, string Input, IReadOnlyList<CommandMessage> Messages, IReadOnlyDictionary<string, string> Fields, int Repeat, long Seed);

    private sealed record CommandMessage(string Role, string Content);

    private sealed class FailureBudget(int allowed)
    {
        private int _failures;

        public bool IsSpent => Volatile.Read(ref _failures) > allowed;

        public void Add() => Interlocked.Increment(ref _failures);
    }
}

/// <param name="Open">Calls that no earlier answer spares.</param>
/// <param name="Cost">At most; null without a price.</param>
internal sealed record CallEstimate(int Calls, int Open, long PromptTokens, long CompletionTokens, double? Cost);
