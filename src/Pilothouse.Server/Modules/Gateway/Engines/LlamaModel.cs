using Microsoft.ML.OnnxRuntime;
using Pilothouse.Protocols;
using Pilothouse.Protocols.Tokenizers;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Gateway.Engines;

/// <summary>
/// A loaded generative model. Graph: inputs input_ids and position_ids int64 [1,T], mask float [T,S] added to the attention scores, past_k{l} and past_v{l}
/// float [1,heads,P,head width]; outputs logits float [1,T,vocabulary], present_k{l} and present_v{l} [1,heads,S,head width], S = P + T. Safe to share between threads.
/// </summary>
internal sealed class LlamaModel : IDisposable
{
    private const float Masked = -1e9f;

    private readonly InferenceSession _session;
    private readonly string[] _inputs;
    private readonly string[] _outputs;
    private readonly string _reference;

    private LlamaModel(ModelFiles files, InferenceSession session, LlamaConfig config, ByteLevelBpe tokenizer, ChatPrompt prompt)
    {
        (_session, Config, Tokenizer, Prompt, _reference) = (session, config, tokenizer, prompt, files.Reference);
        _inputs = ["input_ids", "position_ids", "mask", .. Cache("past")];
        _outputs = ["logits", .. Cache("present")];
        OnnxSessions.Require(files, session, _inputs, _outputs);
        IEnumerable<string> Cache(string prefix) => Enumerable.Range(0, config.Layers).SelectMany(l => (string[])[$"{prefix}_k{l}", $"{prefix}_v{l}"]);
    }

    public LlamaConfig Config { get; }

    public ByteLevelBpe Tokenizer { get; }

    public ChatPrompt Prompt { get; }

    public static LlamaModel Load(ModelFiles files)
    {
        var config = LlamaConfig.Read(files);
        var tokenizer = LoadTokenizer(files);
        if (tokenizer.VocabularySize > config.Vocabulary)
            throw files.Fault("tokenizer.json", $"it has {tokenizer.VocabularySize} tokens and the model only {config.Vocabulary}");
        var prompt = ChatPrompt.Read(files, tokenizer);
        var session = OnnxSessions.Open(files);
        try
        {
            return new LlamaModel(files, session, config, tokenizer, prompt);
        }
        catch
        {
            session.Dispose();
            throw;
        }
    }

    /// <summary>Runs tokens that follow the <paramref name="past"/>; the past is left as it is.</summary>
    public LlamaState Run(IReadOnlyList<int> tokens, LlamaState? past, RunOptions options)
    {
        var position = past?.Length ?? 0;
        var values = new List<OrtValue>(_inputs.Length);
        try
        {
            int t = tokens.Count, s = position + t;
            values.Add(OrtValue.CreateTensorValueFromMemory(Longs(t, i => tokens[i]), [1, t]));
            values.Add(OrtValue.CreateTensorValueFromMemory(Longs(t, i => position + i), [1, t]));
            values.Add(OrtValue.CreateTensorValueFromMemory(Mask(t, s, position), [t, s]));
            for (var i = 0; past is null && i < 2 * Config.Layers; i++)
                values.Add(OrtValue.CreateTensorValueFromMemory(Array.Empty<float>(), [1, Config.KeyValueHeads, 0, Config.HeadWidth]));
            var outputs = _session.Run(options, _inputs, past is null ? values : [.. values, .. past.Cache], _outputs);
            if (outputs[0].GetTensorTypeAndShape() is { } shape && shape.ElementCount == (long)t * Config.Vocabulary) return new LlamaState(outputs, s, t, Config.Vocabulary);
            outputs.Dispose();
            throw new PilothouseException(ErrorCode.UpstreamFailed, $"{_reference} gave logits of another shape than its config.json says. Register a version whose files belong together.");
        }
        catch (OnnxRuntimeException e) when (!options.Terminate)
        {
            throw OnnxSessions.RunFault(_reference, e);
        }
        catch (OnnxRuntimeException e)
        {
            throw new OperationCanceledException("The generation was cancelled.", e);
        }
        finally
        {
            foreach (var value in values) value.Dispose();
        }
    }

    public void Dispose() => _session.Dispose();

    private static ByteLevelBpe LoadTokenizer(ModelFiles files)
    {
        try
        {
            return ByteLevelBpe.Load(files.Read("tokenizer.json"));
        }
        catch (ProtocolFormatException e)
        {
            throw files.Fault("tokenizer.json", e.Message, e);
        }
    }

    private static long[] Longs(int count, Func<int, long> value)
    {
        var values = new long[count];
        for (var i = 0; i < count; i++) values[i] = value(i);
        return values;
    }

    /// <summary>Row i may see everything up to its own position.</summary>
    private static float[] Mask(int rows, int columns, int position)
    {
        var mask = new float[rows * columns];
        for (var i = 0; i < rows; i++) mask.AsSpan(i * columns + position + i + 1, rows - i - 1).Fill(Masked);
        return mask;
    }
}

/// <summary>Key/value cache after some tokens, and the logits of the last run.</summary>
internal sealed class LlamaState(IDisposableReadOnlyCollection<OrtValue> outputs, int length, int rows, int vocabulary) : IDisposable
{
    /// <summary>Tokens in the cache.</summary>
    public int Length => length;

    public IEnumerable<OrtValue> Cache => outputs.Skip(1);

    /// <summary>Logits after the last token.</summary>
    public ReadOnlySpan<float> Last => Row(rows - 1);

    /// <summary>Logits after the token at <paramref name="row"/> of the last run.</summary>
    public ReadOnlySpan<float> Row(int row) => outputs[0].GetTensorDataAsSpan<float>().Slice(row * vocabulary, vocabulary);

    public void Dispose() => outputs.Dispose();
}
