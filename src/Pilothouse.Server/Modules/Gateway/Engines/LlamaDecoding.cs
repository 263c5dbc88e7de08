using Microsoft.ML.OnnxRuntime;
using Pilothouse.Server.Platform;
using Pilothouse.Server.Platform.Inference;

namespace Pilothouse.Server.Modules.Gateway.Engines;

/// <summary>Generates and scores with a loaded model, on the thread that calls.</summary>
internal static class LlamaDecoding
{
    /// <summary>Tokens of one run: bounds the attention mask (tokens x context) of a long prompt.</summary>
    private const int MaxTokensPerRun = 512;

    /// <param name="onText">Gets each piece of text as it is complete; must not block.</param>
    public static Generation Generate(LlamaModel model, GenerationRequest request, int maxTokens, TimeProvider time, Action<string> onText, CancellationToken ct)
    {
        var started = time.GetTimestamp();
        var prompt = model.Prompt.Encode(request.Messages);
        var limit = Limit(model, prompt.Count, Math.Min(request.MaxTokens, maxTokens));
        using var options = new RunOptions();
        using var cancel = ct.UnsafeRegister(static state => ((RunOptions)state!).Terminate = true, options);
        var sampler = new Sampler(request.Temperature, request.TopP, request.Seed ?? 0, model.Tokenizer.VocabularySize);
        var (decoder, text) = (model.Tokenizer.CreateStreamingDecoder(), new StopText(request.Stop ?? []));
        var (count, sum, first, finish) = (0, 0.0, TimeSpan.Zero, "length");
        var state = Prefill(model, prompt, null, options);
        try
        {
            while (true)
            {
                ct.ThrowIfCancellationRequested();
                var (token, logProbability) = sampler.Next(state.Last);
                if (count == 0) first = time.GetElapsedTime(started);
                if (model.Config.EosIds.Contains(token)) { finish = "stop"; break; }
                (count, sum) = (count + 1, sum + logProbability);
                if (text.Add(decoder.Append(token)) is { Length: > 0 } piece) onText(piece);
                if (text.Stopped) { finish = "stop"; break; }
                if (count == limit) break;
                var next = model.Run([token], state, options);
                state.Dispose();
                state = next;
            }
        }
        finally
        {
            state.Dispose();
        }
        if (!text.Stopped && text.Add(decoder.Flush()) + text.Flush() is { Length: > 0 } rest) onText(rest);
        return new Generation(text.Text, prompt.Count, count, finish, count == 0 ? null : sum / count, first, time.GetElapsedTime(started));
    }

    /// <summary>Natural-log probability of each continuation, token by token, given the text before it.</summary>
    public static IReadOnlyList<double> Score(LlamaModel model, string text, IReadOnlyList<string> continuations, CancellationToken ct)
    {
        using var options = new RunOptions();
        using var cancel = ct.UnsafeRegister(static state => ((RunOptions)state!).Terminate = true, options);
        var context = model.Tokenizer.Encode(text);
        if (context.Count == 0) throw new PilothouseException(ErrorCode.InvalidArgument, "A continuation can only be scored after a text of at least one token.");
        Limit(model, context.Count, 1);
        using var state = Prefill(model, context, null, options);
        var scores = new double[continuations.Count];
        for (var i = 0; i < scores.Length; i++)
        {
            ct.ThrowIfCancellationRequested();
            var whole = model.Tokenizer.Encode(text + continuations[i]);
            if (continuations[i].Length == 0) throw new PilothouseException(ErrorCode.InvalidArgument, "A continuation must not be empty.");
            if (whole.Count > model.Config.Context) throw TooLong(model, whole.Count);
            scores[i] = ScoreOne(model, context, whole, state, options);
        }
        return scores;
    }

    private static double ScoreOne(LlamaModel model, IReadOnlyList<int> context, IReadOnlyList<int> whole, LlamaState state, RunOptions options)
    {
        var shared = 0;
        while (shared < context.Count && shared < whole.Count && context[shared] == whole[shared]) shared++;
        if (shared == context.Count) return Sum(model, state, [.. whole.Skip(shared)], options);
        // The tokenizer joined the end of the text with the continuation: "the" + "m" is one token. What is scored begins at the first token that differs.
        shared = Math.Max(1, shared);
        using var own = Prefill(model, [.. whole.Take(shared)], null, options);
        return Sum(model, own, [.. whole.Skip(shared)], options);
    }

    private static double Sum(LlamaModel model, LlamaState state, IReadOnlyList<int> tokens, RunOptions options)
    {
        if (tokens.Count == 0) return 0;
        var known = model.Tokenizer.VocabularySize;
        var sum = Sampler.LogProbability(state.Last[..known], tokens[0]);
        LlamaState? owned = null;
        try
        {
            for (var at = 0; at < tokens.Count - 1;)
            {
                var chunk = tokens.Skip(at).Take(Math.Min(MaxTokensPerRun, tokens.Count - 1 - at)).ToArray();
                var next = model.Run(chunk, owned ?? state, options);
                owned?.Dispose();
                owned = next;
                for (var row = 0; row < chunk.Length; row++) sum += Sampler.LogProbability(owned.Row(row)[..known], tokens[at + row + 1]);
                at += chunk.Length;
            }
            return sum;
        }
        finally
        {
            owned?.Dispose();
        }
    }

    private static LlamaState Prefill(LlamaModel model, IReadOnlyList<int> tokens, LlamaState? state, RunOptions options)
    {
        for (var at = 0; at < tokens.Count; at += MaxTokensPerRun)
        {
            LlamaState next;
            try
            {
                next = model.Run([.. tokens.Skip(at).Take(MaxTokensPerRun)], state, options);
            }
            finally
            {
                state?.Dispose();
            }
            state = next;
        }
        return state!;
    }

    /// <summary>How many tokens the answer may have in what the prompt leaves of the context.</summary>
    private static int Limit(LlamaModel model, int prompt, int asked)
    {
        if (prompt == 0) throw new PilothouseException(ErrorCode.InvalidArgument, "The prompt is empty: the model needs at least one token to start from.");
        if (prompt >= model.Config.Context) throw TooLong(model, prompt);
        return Math.Max(1, Math.Min(asked, model.Config.Context - prompt));
    }

    private static PilothouseException TooLong(LlamaModel model, int tokens) => new(ErrorCode.InvalidArgument,
        $"The prompt has {tokens} tokens; the model's context holds {model.Config.Context} with the answer. Shorten the messages.");
}
