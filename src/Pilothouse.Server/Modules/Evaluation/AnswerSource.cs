using System.Text.Json;
using Pilothouse.Protocols;
using Pilothouse.Protocols.ProjectFiles;
using Pilothouse.Server.Platform;
using Pilothouse.Server.Platform.Inference;
using Pilothouse.Server.Platform.Projects;

namespace Pilothouse.Server.Modules.Evaluation;

/// <summary>Gets a model's answers to all cases: from the cache where it can, from the engine otherwise, a bounded number at a time.</summary>
internal sealed class AnswerSource(IInference inference, ResponseCache cache, EvaluationOptions options, TimeProvider time)
{
    private const int DefaultMaxTokens = 256;

    /// <summary>Texts of one call to a classifier.</summary>
    private const int BatchSize = 32;

    private static readonly TimeSpan FirstRetryAfter = TimeSpan.FromMilliseconds(200);

    /// <summary>Answers in the order of the cases, the repeats of each together. Stops asking when so many failed that the suite is invalid anyway.</summary>
    /// <param name="isFresh">Answers of earlier runs are not used.</param>
    /// <param name="finished">Called for each case that is done, with its cache entry when there is a new one; may be called from several threads.</param>
    public async Task<IReadOnlyList<Answer>> AskAsync(ModelSubject model, IReadOnlyList<EvaluationInput> distinct, int repeats, bool isFresh, RunBudget budget, Func<(string Key, string Output)?, CancellationToken, Task> finished, CancellationToken ct)
    {
        var isClassifier = model.Entry.Kind == ModelKind.Classifier;
        EvaluationInput[] cases = [.. distinct.SelectMany(c => Enumerable.Repeat(c, repeats))];
        var requests = isClassifier ? [] : cases.Select((c, i) => Request(model, c, i % repeats)).ToArray();
        var keys = cases.Select((c, i) => isClassifier ? ResponseCache.Key(model, c.Input) : ResponseCache.Key(model, requests[i], i % repeats)).ToArray();
        var known = await cache.FindAsync(isFresh ? [] : [.. keys.OfType<string>().Distinct(StringComparer.Ordinal)], ct);
        var answers = new Answer?[cases.Length];
        var open = new List<int>();
        for (var i = 0; i < cases.Length; i++)
        {
            if (keys[i] is { } key && known.TryGetValue(key, out var output)) answers[i] = Read(model, output, isCached: true);
            else open.Add(i);
        }
        for (var i = 0; i < cases.Length - open.Count; i++) await finished(null, ct);

        var failures = new FailureBudget((int)(cases.Length * options.MaxFailedShare));
        var parallel = new ParallelOptions { MaxDegreeOfParallelism = options.Concurrency, CancellationToken = ct };
        await Parallel.ForEachAsync(open.Chunk(isClassifier ? BatchSize : 1), parallel, async (batch, stop) =>
        {
            budget.Require();
            var outputs = failures.IsSpent ? Enumerable.Repeat<(string?, string?)>((null, "Not asked: too many cases had failed."), batch.Length).ToArray()
                : isClassifier ? await TryAsync(token => ClassifyAsync(model, [.. batch.Select(i => cases[i].Input)], token), batch.Length, stop)
                : await TryAsync(async token => [Write(await inference.GenerateAsync(model.Target, requests[batch[0]], token))], 1, stop);
            for (var k = 0; k < batch.Length; k++)
            {
                var (output, error) = outputs[k];
                if (error is not null) failures.Add();
                answers[batch[k]] = output is null ? new Answer("", error, IsCached: false) : Read(model, output, isCached: false);
                if (output is not null) budget.Add(answers[batch[k]]!.Usage, model.Entry.Price);
                await finished(output is not null && keys[batch[k]] is { } key ? (key, output) : null, stop);
            }
        });
        return [.. answers.Select(a => a!)];
    }

    private async Task<string[]> ClassifyAsync(ModelSubject model, IReadOnlyList<string> texts, CancellationToken ct) =>
        [.. (await inference.ClassifyAsync(model.Target, texts, ct)).Select(c => JsonSerializer.Serialize(c.Probabilities))];

    /// <summary>A classifier's probabilities are stored, so that another threshold needs no other run; a text with what it took.</summary>
    private static Answer Read(ModelSubject model, string output, bool isCached)
    {
        if (model.Entry.Kind != ModelKind.Classifier)
        {
            var kept = WireJson.Read<Kept>(output);
            return new Answer(kept.Text, null, isCached, null, new CallUsage(kept.PromptTokens, kept.CompletionTokens, kept.Milliseconds));
        }
        var probabilities = JsonSerializer.Deserialize<OrderedDictionary<string, double>>(output)!;
        return new Answer(ClassificationLabel.Label(probabilities, model.Entry.Threshold), null, isCached, probabilities);
    }

    private static string Write(Generation generation) =>
        WireJson.Write(new Kept(generation.Text, generation.PromptTokens, generation.CompletionTokens, Math.Round(generation.Duration.TotalMilliseconds, 3), generation.FinishReason));

    private static GenerationRequest Request(ModelSubject model, EvaluationInput input, int repeat)
    {
        var prompt = PromptRenderer.Messages(model.Prompt, input.Input, input.Fields).Select(m => new ChatTurn(m.Role, m.Content)).ToArray();
        // What was said before stands between the prompt's instructions and its last message, which holds the input.
        ChatTurn[] messages = [.. prompt[..^1], .. input.History, prompt[^1]];
        double? Number(string name) => model.Parameters.TryGetValue(name, out var value) && value.ValueKind == JsonValueKind.Number ? value.GetDouble() : null;
        return new GenerationRequest(messages, (int)(Number("max_tokens") ?? DefaultMaxTokens), Number("temperature") ?? 0, (long)(Number("seed") ?? 0) + repeat);
    }

    /// <summary>Tries again only when the engine was away, never because of what it answered.</summary>
    private async Task<(string? Output, string? Error)[]> TryAsync(Func<CancellationToken, Task<string[]>> call, int count, CancellationToken ct)
    {
        for (var attempt = 1; ; attempt++)
        {
            string error;
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
                if (e.Code is not (ErrorCode.Unavailable or ErrorCode.RateLimited or ErrorCode.UpstreamFailed)) return Failed(error, count);
            }
            catch (ProtocolFormatException e)
            {
                return Failed(e.Message, count);
            }
            if (attempt >= options.Attempts) return Failed(error, count);
            await Task.Delay(FirstRetryAfter * Math.Pow(2, attempt - 1), time, ct);
        }
    }

    private static (string?, string?)[] Failed(string error, int count) => [.. Enumerable.Repeat<(string?, string?)>((null, error), count)];

    private sealed record Kept(string Text, int PromptTokens, int CompletionTokens, double Milliseconds, string? FinishReason);

    private sealed class FailureBudget(int allowed)
    {
        private int _failures;

        public bool IsSpent => Volatile.Read(ref _failures) > allowed;

        public void Add() => Interlocked.Increment(ref _failures);
    }
}
