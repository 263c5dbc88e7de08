using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Pilothouse.Samples.TinyModels.Numerics;

/// <summary>
/// The three matrix products of a linear layer (row-major). Each element of the result is one chain of fused multiply-adds in ascending order of
/// the inner index, whatever block it falls in: the blocking changes the speed, never the bits.
/// </summary>
internal static unsafe class Gemm
{
    /// <summary>Columns of one register block (two vectors of sixteen); the column count of every result must be a multiple of it.</summary>
    public const int ColumnBlock = 2 * Lanes;

    private const int Lanes = 16;

    private const int RowBlock = 6;

    /// <summary>Rows of b that stay in the first-level cache while a column block is swept.</summary>
    private const int InnerBlock = 256;

    [ThreadStatic] private static float[]? t_transposed;

    /// <summary>c[m,n] = a[m,k] * w[n,k]^T: the forward pass of a layer with weights w.</summary>
    public static void Forward(float[] a, float[] w, float[] c, int m, int n, int k)
    {
        if (t_transposed is null || t_transposed.Length < n * k) t_transposed = new float[n * k];
        Transpose(w, t_transposed, n, k);
        Array.Clear(c, 0, m * n);
        Accumulate(a, k, 1, t_transposed, c, m, n, k);
    }

    /// <summary>c[m,n] += a[m,k] * w[k,n]: the gradient of a layer's input.</summary>
    public static void AddInputGradient(float[] a, float[] w, float[] c, int m, int n, int k) => Accumulate(a, k, 1, w, c, m, n, k);

    /// <summary>c[m,n] += a[k,m]^T * b[k,n]: the gradient of a layer's weights, summed over the k tokens.</summary>
    public static void AddWeightGradient(float[] a, float[] b, float[] c, int m, int n, int k) => Accumulate(a, 1, m, b, c, m, n, k);

    /// <summary>to[columns,rows] = from[rows,columns]^T.</summary>
    public static void Transpose(ReadOnlySpan<float> from, Span<float> to, int rows, int columns)
    {
        const int Tile = 32;
        for (var i0 = 0; i0 < rows; i0 += Tile)
            for (var j0 = 0; j0 < columns; j0 += Tile)
                for (var i = i0; i < Math.Min(rows, i0 + Tile); i++)
                    for (var j = j0; j < Math.Min(columns, j0 + Tile); j++)
                        to[j * rows + i] = from[i * columns + j];
    }

    /// <summary>c[m,n] += a * b, where element (i, k) of a is at i * rowStep + k * innerStep.</summary>
    private static void Accumulate(float[] a, int rowStep, int innerStep, float[] b, float[] c, int m, int n, int k)
    {
        if (n % ColumnBlock != 0) throw new ArgumentException($"The column count {n} is not a multiple of {ColumnBlock}.", nameof(n));
        if (b.Length < (long)k * n || c.Length < (long)m * n || a.Length < (long)(m - 1) * rowStep + (long)(k - 1) * innerStep + 1)
            throw new ArgumentException($"A matrix is smaller than its stated shape (m={m}, n={n}, k={k}).", nameof(a));
        fixed (float* pa = a, pb = b, pc = c)
        {
            for (var from = 0; from < k; from += InnerBlock)
            {
                var to = Math.Min(k, from + InnerBlock);
                for (var column = 0; column < n; column += ColumnBlock)
                {
                    var row = 0;
                    for (; row <= m - RowBlock; row += RowBlock)
                        SixRows(pa + (long)row * rowStep, rowStep, innerStep, pb + column, pc + (long)row * n + column, n, from, to);
                    for (; row < m; row++)
                        OneRow(pa + (long)row * rowStep, innerStep, pb + column, pc + (long)row * n + column, n, from, to);
                }
            }
        }
    }

    /// <summary>
    /// Twelve accumulators, two loads of b and one broadcast of a. Where the hardware has no 512-bit vectors .NET splits each into halves: slower, but each element
    /// still sees the same multiply-adds.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void SixRows(float* a, int rowStep, int innerStep, float* b, float* c, int n, int from, int to)
    {
        Vector512<float> c00 = Vector512.Load(c), c01 = Vector512.Load(c + Lanes);
        Vector512<float> c10 = Vector512.Load(c + n), c11 = Vector512.Load(c + n + Lanes);
        Vector512<float> c20 = Vector512.Load(c + 2 * n), c21 = Vector512.Load(c + 2 * n + Lanes);
        Vector512<float> c30 = Vector512.Load(c + 3 * n), c31 = Vector512.Load(c + 3 * n + Lanes);
        Vector512<float> c40 = Vector512.Load(c + 4 * n), c41 = Vector512.Load(c + 4 * n + Lanes);
        Vector512<float> c50 = Vector512.Load(c + 5 * n), c51 = Vector512.Load(c + 5 * n + Lanes);
        float* a0 = a, a1 = a + rowStep, a2 = a + 2 * rowStep, a3 = a + 3 * rowStep, a4 = a + 4 * rowStep, a5 = a + 5 * rowStep;
        for (var k = from; k < to; k++)
        {
            var b0 = Vector512.Load(b + (long)k * n);
            var b1 = Vector512.Load(b + (long)k * n + Lanes);
            var at = (long)k * innerStep;
            var v = Vector512.Create(a0[at]);
            c00 = Vector512.FusedMultiplyAdd(v, b0, c00);
            c01 = Vector512.FusedMultiplyAdd(v, b1, c01);
            v = Vector512.Create(a1[at]);
            c10 = Vector512.FusedMultiplyAdd(v, b0, c10);
            c11 = Vector512.FusedMultiplyAdd(v, b1, c11);
            v = Vector512.Create(a2[at]);
            c20 = Vector512.FusedMultiplyAdd(v, b0, c20);
            c21 = Vector512.FusedMultiplyAdd(v, b1, c21);
            v = Vector512.Create(a3[at]);
            c30 = Vector512.FusedMultiplyAdd(v, b0, c30);
            c31 = Vector512.FusedMultiplyAdd(v, b1, c31);
            v = Vector512.Create(a4[at]);
            c40 = Vector512.FusedMultiplyAdd(v, b0, c40);
            c41 = Vector512.FusedMultiplyAdd(v, b1, c41);
            v = Vector512.Create(a5[at]);
            c50 = Vector512.FusedMultiplyAdd(v, b0, c50);
            c51 = Vector512.FusedMultiplyAdd(v, b1, c51);
        }
        c00.Store(c); c01.Store(c + Lanes);
        c10.Store(c + n); c11.Store(c + n + Lanes);
        c20.Store(c + 2 * n); c21.Store(c + 2 * n + Lanes);
        c30.Store(c + 3 * n); c31.Store(c + 3 * n + Lanes);
        c40.Store(c + 4 * n); c41.Store(c + 4 * n + Lanes);
        c50.Store(c + 5 * n); c51.Store(c + 5 * n + Lanes);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void OneRow(float* a, int innerStep, float* b, float* c, int n, int from, int to)
    {
        Vector512<float> c0 = Vector512.Load(c), c1 = Vector512.Load(c + Lanes);
        for (var k = from; k < to; k++)
        {
            var v = Vector512.Create(a[(long)k * innerStep]);
            c0 = Vector512.FusedMultiplyAdd(v, Vector512.Load(b + (long)k * n), c0);
            c1 = Vector512.FusedMultiplyAdd(v, Vector512.Load(b + (long)k * n + Lanes), c1);
        }
        c0.Store(c);
        c1.Store(c + Lanes);
    }
}
