using Pilothouse.Samples.TinyModels.Numerics;

namespace Pilothouse.Samples.TinyModels.Llama;

/// <summary>One sequence, one token at a time, with a key/value cache: the reference that the exported files are checked against.</summary>
internal sealed class LlamaDecoder(LlamaWeights weights)
{
    private readonly LlamaConfig _c = weights.Config;
    private readonly Rotary _rotary = new(weights.Config);
    private readonly float[][] _keys = [.. weights.Layers.Select(_ => new float[weights.Config.Context * weights.Config.Width])];
    private readonly float[][] _values = [.. weights.Layers.Select(_ => new float[weights.Config.Context * weights.Config.Width])];
    private readonly float[] _inverse = new float[1];
    private int _position;

    public void Reset() => _position = 0;

    /// <summary>The logits of the token after <paramref name="token"/>.</summary>
    public float[] Next(int token)
    {
        if (_position >= _c.Context) throw new InvalidOperationException($"The context of {_c.Context} tokens is full.");
        int d = _c.Width, h = _c.Hidden;
        var x = weights.Embedding.Values.AsSpan(token * d, d).ToArray();
        var norm = new float[d];
        for (var l = 0; l < _c.Layers; l++)
        {
            var w = weights.Layers[l];
            RmsNorm.Forward(x, w.InputNorm.Values, norm, _inverse, 1, d);
            var query = Apply(w.Query, norm);
            var key = Apply(w.Key, norm);
            _rotary.Apply(query, _position, 1);
            _rotary.Apply(key, _position, 1);
            key.CopyTo(_keys[l], _position * d);
            Apply(w.Value, norm).CopyTo(_values[l], _position * d);
            Simd.Add(Apply(w.Output, Attend(query, _keys[l], _values[l])), x);
            RmsNorm.Forward(x, w.MlpNorm.Values, norm, _inverse, 1, d);
            var gate = Apply(w.Gate, norm);
            var up = Apply(w.Up, norm);
            for (var i = 0; i < h; i++) gate[i] = gate[i] * Simd.Sigmoid(gate[i]) * up[i];
            Simd.Add(Apply(w.Down, gate), x);
        }
        RmsNorm.Forward(x, weights.FinalNorm.Values, norm, _inverse, 1, d);
        _position++;
        return Apply(weights.Embedding, norm);
    }

    /// <summary>The logits after a whole prompt.</summary>
    public float[] Prompt(IEnumerable<int> ids)
    {
        Reset();
        float[] logits = [];
        foreach (var id in ids) logits = Next(id);
        return logits;
    }

    /// <summary>The most probable continuation, up to <paramref name="stop"/>, the context's end or <paramref name="limit"/> tokens; ties go to the lower id.</summary>
    public List<int> Greedy(IReadOnlyList<int> prompt, int stop, int limit)
    {
        var answer = new List<int>();
        var logits = Prompt(prompt);
        while (answer.Count < limit)
        {
            var best = ArgMax(logits);
            if (best == stop) break;
            answer.Add(best);
            if (_position >= _c.Context) break;
            logits = Next(best);
        }
        return answer;
    }

    public static int ArgMax(ReadOnlySpan<float> logits)
    {
        var best = 0;
        for (var i = 1; i < logits.Length; i++)
            if (logits[i] > logits[best]) best = i;
        return best;
    }

    private float[] Attend(float[] query, float[] keys, float[] values)
    {
        int d = _c.Width, hd = _c.HeadWidth, length = _position + 1;
        var scale = 1f / MathF.Sqrt(hd);
        var output = new float[d];
        var p = new float[length];
        for (var head = 0; head < d; head += hd)
        {
            var max = float.MinValue;
            for (var u = 0; u < length; u++) max = MathF.Max(max, p[u] = Simd.Dot(query.AsSpan(head, hd), keys.AsSpan(u * d + head, hd)) * scale);
            var inverse = 1f / Simd.ExpAndSum(p, max);
            for (var u = 0; u < length; u++) Simd.AddScaled(p[u] * inverse, values.AsSpan(u * d + head, hd), output.AsSpan(head, hd));
        }
        return output;
    }

    private static float[] Apply(Tensor w, float[] x)
    {
        var y = new float[w.Rows];
        for (var i = 0; i < y.Length; i++) y[i] = Simd.Dot(w.Values.AsSpan(i * w.Columns, w.Columns), x);
        return y;
    }
}
