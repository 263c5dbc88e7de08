using System.Runtime.CompilerServices;
using Pilothouse.Samples.TinyModels.Numerics;

namespace Pilothouse.Samples.TinyModels.Llama;

/// <summary>Causal attention of the rows of a batch, each on its own. The head width must be a multiple of eight.</summary>
internal static unsafe class Attention
{
    /// <summary>Floats needed for the attention weights: heads x length x length for each row.</summary>
    public static int WeightCount(TokenBatch batch, int heads)
    {
        var total = 0;
        for (var row = 0; row < batch.Rows; row++)
        {
            var length = batch.RowStarts[row + 1] - batch.RowStarts[row];
            total += heads * length * length;
        }
        return total;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Forward(LlamaConfig c, TokenBatch batch, float[] q, float[] k, float[] v, float[] weights, float[] output)
    {
        int d = c.Width, hd = c.HeadWidth;
        var scale = 1f / MathF.Sqrt(hd);
        Array.Clear(output, 0, batch.Tokens.Length * d);
        fixed (float* pq = q, pk = k, pv = v, pw = weights, po = output)
        {
            var p = pw;
            for (var row = 0; row < batch.Rows; row++)
            {
                var start = batch.RowStarts[row];
                var length = batch.RowStarts[row + 1] - start;
                for (var head = 0; head < c.Heads; head++)
                {
                    var first = start * d + head * hd;
                    for (var t = 0; t < length; t++, p += length)
                    {
                        var query = pq + first + t * d;
                        var max = float.MinValue;
                        for (var u = 0; u <= t; u++)
                        {
                            p[u] = Simd.DotBlocks(query, pk + first + u * d, hd) * scale;
                            if (p[u] > max) max = p[u];
                        }
                        var inverse = 1f / Simd.ExpAndSum(new Span<float>(p, t + 1), max);
                        for (var u = 0; u <= t; u++)
                        {
                            p[u] *= inverse;
                            Simd.AddScaledBlocks(p[u], pv + first + u * d, po + first + t * d, hd);
                        }
                    }
                }
            }
        }
    }

    /// <summary>Adds to dq, dk and dv.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Backward(LlamaConfig c, TokenBatch batch, float[] q, float[] k, float[] v, float[] weights, float[] dOutput, float[] dq, float[] dk, float[] dv)
    {
        int d = c.Width, hd = c.HeadWidth;
        var scale = 1f / MathF.Sqrt(hd);
        var dp = stackalloc float[c.Context];
        fixed (float* pq = q, pk = k, pv = v, pw = weights, pdo = dOutput, pdq = dq, pdk = dk, pdv = dv)
        {
            var p = pw;
            for (var row = 0; row < batch.Rows; row++)
            {
                var start = batch.RowStarts[row];
                var length = batch.RowStarts[row + 1] - start;
                for (var head = 0; head < c.Heads; head++)
                {
                    var first = start * d + head * hd;
                    for (var t = 0; t < length; t++, p += length)
                    {
                        var from = pdo + first + t * d;
                        var mean = 0f;
                        for (var u = 0; u <= t; u++)
                        {
                            dp[u] = Simd.DotBlocks(from, pv + first + u * d, hd);
                            mean += dp[u] * p[u];
                            Simd.AddScaledBlocks(p[u], from, pdv + first + u * d, hd);
                        }
                        for (var u = 0; u <= t; u++)
                        {
                            var ds = p[u] * (dp[u] - mean) * scale;
                            Simd.AddScaledBlocks(ds, pk + first + u * d, pdq + first + t * d, hd);
                            Simd.AddScaledBlocks(ds, pq + first + t * d, pdk + first + u * d, hd);
                        }
                    }
                }
            }
        }
    }
}
