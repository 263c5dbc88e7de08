using Pilothouse.Samples.TinyModels.Numerics;

namespace Pilothouse.Samples.TinyModels.Llama;

/// <summary>Root-mean-square norm: y = x / sqrt(mean(x^2) + eps) * w.</summary>
internal static class RmsNorm
{
    public static void Forward(float[] x, float[] w, float[] y, float[] inverse, int n, int width)
    {
        for (var i = 0; i < n; i++)
        {
            var row = x.AsSpan(i * width, width);
            var q = 1f / MathF.Sqrt(Simd.Dot(row, row) / width + LlamaConfig.NormEpsilon);
            inverse[i] = q;
            var to = y.AsSpan(i * width, width);
            for (var j = 0; j < width; j++) to[j] = row[j] * q * w[j];
        }
    }

    /// <summary>Adds to the gradients of x and w.</summary>
    public static void Backward(float[] x, Tensor w, float[] inverse, float[] dy, float[] dx, int n)
    {
        var width = w.Columns;
        var scaled = new float[width];
        var scale = w.Values.AsSpan();
        var dw = w.Gradient.AsSpan();
        for (var i = 0; i < n; i++)
        {
            var row = x.AsSpan(i * width, width);
            var from = dy.AsSpan(i * width, width);
            var into = dx.AsSpan(i * width, width);
            var q = inverse[i];
            for (var j = 0; j < width; j++)
            {
                scaled[j] = from[j] * scale[j];
                dw[j] += from[j] * row[j] * q;
            }
            var s = Simd.Dot(scaled, row) * (q * q * q / width);
            Simd.AddScaled(q, scaled, into);
            Simd.AddScaled(-s, row, into);
        }
    }
}

/// <summary>Rotary position embedding, in the rotate-half layout of Hugging Face's Llama.</summary>
internal sealed class Rotary(LlamaConfig config)
{
    private readonly (float[] Cos, float[] Sin) _tables = config.RotaryTables();

    /// <summary>Turns every head of one token; <paramref name="sign"/> -1 turns back, which is the gradient.</summary>
    public void Apply(Span<float> token, int position, float sign)
    {
        var half = config.HeadWidth / 2;
        for (var head = 0; head < token.Length; head += config.HeadWidth)
            for (var j = 0; j < half; j++)
            {
                var cos = _tables.Cos[position * half + j];
                var sin = sign * _tables.Sin[position * half + j];
                var a = token[head + j];
                var b = token[head + half + j];
                token[head + j] = a * cos - b * sin;
                token[head + half + j] = b * cos + a * sin;
            }
    }

    public void ApplyRows(float[] tokens, TokenBatch batch, float sign)
    {
        for (var row = 0; row < batch.Rows; row++)
            for (var i = batch.RowStarts[row]; i < batch.RowStarts[row + 1]; i++)
                Apply(tokens.AsSpan(i * config.Width, config.Width), i - batch.RowStarts[row], sign);
    }
}
