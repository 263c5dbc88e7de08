using Pilothouse.Protocols;
using Pilothouse.Server.Platform;
using Pilothouse.Server.Platform.Inference;
using Pilothouse.Server.Platform.Projects;

namespace Pilothouse.Server.Modules.Evaluation.Scoring;

/// <summary>
/// Asks judging models. What a judge says is kept by everything that shaped it, as answers are. A judge that is away, or whose reply is not the JSON asked
/// for, is asked again with the next seed; after that it is a named error, never a grade.
/// </summary>
internal sealed class Judges(IInference inference, ResponseCache cache, EvaluationOptions options, TimeProvider time)
{
    private const int MaxTokens = 512;

    private static readonly TimeSpan FirstRetryAfter = TimeSpan.FromMilliseconds(200);

    /// <summary>A reply as JSON.</summary>
    public async Task<(T? Value, string? Error)> AskAsync<T>(ModelSubject judge, string system, string user, Func<string, (T? Value, string? Error)> read, CancellationToken ct)
        where T : struct
    {
        string? error = null;
        for (var attempt = 0; attempt < options.Attempts; attempt++)
        {
            var request = Request(judge, system, user, attempt);
            var scope = EvaluationScope.Current;
            var key = scope?.Log is { IsReplay: true } ? null : ResponseCache.Key(judge, request, 0, "judge", scope?.Id);
            try
            {
                var known = key is null ? null : (await cache.FindAsync([key], ct)).GetValueOrDefault(key);
                if (known is not null) scope?.Log?.Add(CallLog.KeyOf(judge.Target, request), WireJson.Write(new KeptGeneration(known, 0, 0, 0, "stop")));
                var reply = known ?? (await GenerateAsync(judge, request, ct)).Text;
                if (known is null && key is not null) await cache.KeepAsync([(key, reply)], ct);
                var (value, fault) = read(reply);
                if (fault is null) return (value, null);
                error = $"The judge {judge.Reference} {fault}";
            }
            catch (OperationCanceledException) when (!ct.IsCancellationRequested)
            {
                error = $"The judge {judge.Reference} gave no answer within {options.CallTimeout.TotalSeconds:0} s.";
            }
            catch (Exception e) when (e is PilothouseException or ProtocolFormatException)
            {
                error = $"The judge {judge.Reference} failed: {e.Message}";
                if (e is not PilothouseException { Code: ErrorCode.Unavailable or ErrorCode.RateLimited or ErrorCode.UpstreamFailed, IsPermanent: false } away || away.RetryAfter > options.MaxRetryAfter) break;
                if (attempt + 1 < options.Attempts) await Task.Delay(away.RetryAfter ?? FirstRetryAfter * Math.Pow(2, attempt), time, ct);
            }
        }
        return (null, error);
    }

    private async Task<Generation> GenerateAsync(ModelSubject judge, GenerationRequest request, CancellationToken ct)
    {
        using var timeout = new CancellationTokenSource(options.CallTimeout, time);
        using var linked = CancellationTokenSource.CreateLinkedTokenSource(ct, timeout.Token);
        return await inference.GenerateAsync(judge.Target, request, linked.Token);
    }

    private static GenerationRequest Request(ModelSubject judge, string system, string user, int attempt)
    {
        double? Number(string name) => judge.Parameters.TryGetValue(name, out var value) && value.ValueKind == System.Text.Json.JsonValueKind.Number ? value.GetDouble() : null;
        return new GenerationRequest([new ChatTurn("system", system), new ChatTurn("user", user)], (int)(Number("max_tokens") ?? MaxTokens), Number("temperature") ?? 0, (long)(Number("seed") ?? 0) + attempt);
    }
}

/// <summary>How well judges agree.</summary>
/// <param name="Judge">Model reference.</param>
/// <param name="With"><c>people</c>, or <c>judges</c> for all judges together.</param>
/// <param name="Alpha">Krippendorff's alpha; NaN when nothing varies.</param>
internal sealed record Agreed(string Judge, string With, double Alpha, int Units);

/// <summary>A scorer by judges says afterwards how well they agree.</summary>
internal interface IJudged
{
    IReadOnlyList<Agreed> Agreement { get; }
}
