using System.Text.Json;
using Pilothouse.Server.Platform;
using Pilothouse.Server.Platform.Inference;

namespace Pilothouse.Server.Modules.Evaluation;

/// <summary>
/// Models as evaluations ask them: within the rate that a remote engine allows, with secrets masked in what comes back, recorded or replayed when
/// the evaluation says so (<see cref="EvaluationScope"/>).
/// </summary>
internal sealed class RunInference(IInference inner, RateLimits limits, SecretMask mask) : IInference
{
    /// <summary>Engine that answers with the last message: promptfoo's provider to try assertions without a model.</summary>
    public const string Echo = "echo";

    public Task<Generation> GenerateAsync(InferenceTarget target, GenerationRequest request, CancellationToken ct) => GenerateAsync(target, request, (r, t) => inner.GenerateAsync(target, r, t), ct);

    /// <summary>Asks what answers for a model: its engine, or what it says itself.</summary>
    public Task<Generation> GenerateAsync(Platform.Projects.ModelSubject model, GenerationRequest request, CancellationToken ct) =>
        model.Ask is { } ask ? GenerateAsync(model.Target, request, ask, ct) : GenerateAsync(model.Target, request, ct);

    private Task<Generation> GenerateAsync(InferenceTarget target, GenerationRequest request, Func<GenerationRequest, CancellationToken, Task<Generation>> ask, CancellationToken ct)
    {
        if (target.Engine == Echo) return Task.FromResult(new Generation(mask.Apply(request.Messages[^1].Content), 0, 0, "stop", null, TimeSpan.Zero, TimeSpan.Zero));
        var log = EvaluationScope.Current?.Log;
        var key = log is null ? "" : CallLog.KeyOf(target, request);
        if (log is { IsReplay: true }) return Task.FromResult(WireJson.Read<KeptGeneration>(log.Find(key) ?? throw Missing(target)).ToGeneration());
        return LimitedAsync(target, async () =>
        {
            var generation = await ask(request, ct);
            limits.Spent(target, generation.PromptTokens + generation.CompletionTokens);
            generation = generation with { Text = mask.Apply(generation.Text) };
            log?.Add(key, WireJson.Write(KeptGeneration.Of(generation)));
            return generation;
        }, ct);
    }

    public async Task<IReadOnlyList<double>> ScoreContinuationsAsync(InferenceTarget target, string text, IReadOnlyList<string> continuations, CancellationToken ct)
    {
        var log = EvaluationScope.Current?.Log;
        string[] keys = log is null ? [] : [.. continuations.Select(c => CallLog.KeyOf("continue", target, [text, c]))];
        if (log is { IsReplay: true }) return [.. keys.Select(k => JsonSerializer.Deserialize<double>(log.Find(k) ?? throw Missing(target)))];
        var scores = await inner.ScoreContinuationsAsync(target, text, continuations, ct);
        for (var i = 0; i < keys.Length; i++) log!.Add(keys[i], JsonSerializer.Serialize(scores[i]));
        return scores;
    }

    public async Task<IReadOnlyList<IReadOnlyList<float>>> EmbedAsync(InferenceTarget target, IReadOnlyList<string> texts, CancellationToken ct)
    {
        var log = EvaluationScope.Current?.Log;
        string[] keys = log is null ? [] : [.. texts.Select(t => CallLog.KeyOf("embed", target, [t]))];
        if (log is { IsReplay: true }) return [.. keys.Select(k => JsonSerializer.Deserialize<float[]>(log.Find(k) ?? throw Missing(target))!)];
        var vectors = await LimitedAsync(target, () => inner.EmbedAsync(target, texts, ct), ct);
        for (var i = 0; i < keys.Length; i++) log!.Add(keys[i], JsonSerializer.Serialize(vectors[i]));
        return vectors;
    }

    public async Task<IReadOnlyList<Classification>> ClassifyAsync(InferenceTarget target, IReadOnlyList<string> texts, CancellationToken ct)
    {
        var log = EvaluationScope.Current?.Log;
        string[] keys = log is null ? [] : [.. texts.Select(t => ClassifyKey(target, t))];
        if (log is { IsReplay: true }) return [.. keys.Select(k => new Classification(JsonSerializer.Deserialize<OrderedDictionary<string, double>>(log.Find(k) ?? throw Missing(target))!))];
        var classes = await inner.ClassifyAsync(target, texts, ct);
        for (var i = 0; i < keys.Length; i++) log!.Add(keys[i], JsonSerializer.Serialize(classes[i].Probabilities));
        return classes;
    }

    public static string ClassifyKey(InferenceTarget target, string text) => CallLog.KeyOf("classify", target, [text]);

    private async Task<T> LimitedAsync<T>(InferenceTarget target, Func<Task<T>> call, CancellationToken ct)
    {
        await limits.WaitAsync(target, ct);
        try
        {
            return await call();
        }
        catch (PilothouseException e) when (e.RetryAfter is { } wait)
        {
            limits.Pause(target, wait);
            throw;
        }
    }

    public static PilothouseException Missing(InferenceTarget target) =>
        new(ErrorCode.NotFound, $"The recording has no answer of {target.Model} to this request, and a replay asks nobody. Record again where the models can be reached: pilothouse test --record DIR.") { IsPermanent = true };
}
