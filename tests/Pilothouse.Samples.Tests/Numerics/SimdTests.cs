using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Pilothouse.Samples.TinyModels.Numerics;

namespace Pilothouse.Samples.Tests.Numerics;

public sealed class SimdTests
{
    private const string RecordedBits = "e6db333dd14d4d3187ddb61576870170";

    [Fact]
    public void Exp_is_within_two_units_in_the_last_place()
    {
        for (var x = -80f; x < 80f; x += 0.0137f)
        {
            var expected = Math.Exp(x);
            Assert.InRange(Simd.Exp(x), expected * (1 - 2.4e-7), expected * (1 + 2.4e-7));
        }
    }

    [Theory]
    [InlineData(-1000f, 0f, 2e-38f)]
    [InlineData(0f, 1f, 1f)]
    [InlineData(1000f, 1e38f, float.MaxValue)]
    public void Exp_of_an_extreme_stays_finite(float x, float low, float high) => Assert.InRange(Simd.Exp(x), low, high);

    [Theory]
    [InlineData(1)]
    [InlineData(8)]
    [InlineData(23)]
    [InlineData(96)]
    public void Dot_and_AddScaled_agree_with_the_definition(int length)
    {
        var rng = new Rng(5);
        var a = Enumerable.Range(0, length).Select(_ => rng.NextGaussian()).ToArray();
        var b = Enumerable.Range(0, length).Select(_ => rng.NextGaussian()).ToArray();
        var expected = Enumerable.Range(0, length).Sum(i => (double)a[i] * b[i]);
        Assert.Equal(expected, Simd.Dot(a, b), 1e-4);
        var sum = b.ToArray();
        Simd.AddScaled(0.5f, a, sum);
        for (var i = 0; i < length; i++) Assert.Equal(b[i] + 0.5 * a[i], sum[i], 1e-5);
    }

    [Theory]
    [InlineData(13, 32, 7)]
    [InlineData(6, 96, 300)]
    [InlineData(1, 64, 1)]
    public void Matrix_products_agree_with_the_definition(int m, int n, int k)
    {
        var rng = new Rng(6);
        float[] Random(int count) => [.. Enumerable.Range(0, count).Select(_ => rng.NextGaussian())];
        float[] a = Random(m * k), w = Random(n * k), b = Random(k * n), at = Random(k * m);
        float[] forward = new float[m * n], input = new float[m * n], weight = new float[m * n];
        Gemm.Forward(a, w, forward, m, n, k);
        Gemm.AddInputGradient(a, b, input, m, n, k);
        Gemm.AddWeightGradient(at, b, weight, m, n, k);
        for (var i = 0; i < m; i++)
            for (var j = 0; j < n; j++)
            {
                Assert.Equal(Enumerable.Range(0, k).Sum(x => (double)a[i * k + x] * w[j * k + x]), forward[i * n + j], 1e-3);
                Assert.Equal(Enumerable.Range(0, k).Sum(x => (double)a[i * k + x] * b[x * n + j]), input[i * n + j], 1e-3);
                Assert.Equal(Enumerable.Range(0, k).Sum(x => (double)at[x * m + i] * b[x * n + j]), weight[i * n + j], 1e-3);
            }
    }

    [Fact]
    public void Matrix_product_of_a_width_it_cannot_do_is_refused() =>
        Assert.Throws<ArgumentException>(() => Gemm.Forward(new float[24], new float[24 * 24], new float[24], 1, 24, 24));

    /// <summary>
    /// The bits behind the committed weights. Recorded with AVX-512; the same came out with DOTNET_EnableAVX512=0 and, lane by lane in software, with
    /// DOTNET_EnableHWIntrinsic=0. A processor on which this fails would not reproduce a training run either.
    /// </summary>
    [Fact]
    public void Results_have_the_recorded_bits_on_every_processor()
    {
        const int M = 13, N = 96, K = 70;
        var rng = new Rng(7);
        float[] Random(int count) => [.. Enumerable.Range(0, count).Select(_ => rng.NextGaussian())];
        float[] a = Random(M * K), w = Random(N * K), c = new float[M * N], g = new float[N * N];
        Gemm.Forward(a, w, c, M, N, K);
        Gemm.AddWeightGradient(c, c, g, N, N, M);
        var sum = Simd.ExpAndSum(c, 1f);
        Simd.Sigmoid(g, g);
        float[] all = [.. c, .. g, sum, Simd.Dot(a, w.AsSpan(0, a.Length))];
        Assert.Equal(RecordedBits, Convert.ToHexStringLower(SHA256.HashData(MemoryMarshal.AsBytes<float>(all)))[..RecordedBits.Length]);
    }

    /// <summary>The first values of the published reference implementation for seed 1234567.</summary>
    [Fact]
    public void SplitMix64_gives_the_published_sequence()
    {
        var rng = new Rng(1234567);
        Assert.Equal([6457827717110365317UL, 3203168211198807973UL, 9817491932198370423UL], new[] { rng.NextUInt64(), rng.NextUInt64(), rng.NextUInt64() });
    }
}
