using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Pilothouse.Samples.TinyModels.Numerics;

/// <summary>
/// Vector operations that give the same bits on every processor: always eight lanes wide (<see cref="Vector256{T}"/>, which .NET
/// emulates lane by lane where the hardware is narrower), explicit fused multiply-add (correctly rounded in hardware and in software
/// alike), and a reduction order that is written down. <c>Vector&lt;T&gt;</c>, <c>Vector256.Sum</c>, <c>MultiplyAddEstimate</c> and the C library's
/// <c>expf</c> promise none of that.
/// </summary>
internal static unsafe class Simd
{
    private const int Lanes = 8;

    /// <summary>Sum of a[i] * b[i]; the lengths must be equal.</summary>
    public static float Dot(ReadOnlySpan<float> a, ReadOnlySpan<float> b)
    {
        var even = Vector256<float>.Zero;
        var odd = Vector256<float>.Zero;
        var i = 0;
        for (; i <= a.Length - 2 * Lanes; i += 2 * Lanes)
        {
            even = Vector256.FusedMultiplyAdd(Vector256.Create(a[i..]), Vector256.Create(b[i..]), even);
            odd = Vector256.FusedMultiplyAdd(Vector256.Create(a[(i + Lanes)..]), Vector256.Create(b[(i + Lanes)..]), odd);
        }
        if (i <= a.Length - Lanes)
        {
            even = Vector256.FusedMultiplyAdd(Vector256.Create(a[i..]), Vector256.Create(b[i..]), even);
            i += Lanes;
        }
        var sum = HorizontalSum(even + odd);
        for (; i < a.Length; i++) sum = MathF.FusedMultiplyAdd(a[i], b[i], sum);
        return sum;
    }

    /// <summary>y += scale * x.</summary>
    public static void AddScaled(float scale, ReadOnlySpan<float> x, Span<float> y)
    {
        var factor = Vector256.Create(scale);
        var i = 0;
        for (; i <= x.Length - Lanes; i += Lanes)
        {
            var into = y[i..];
            Vector256.FusedMultiplyAdd(factor, Vector256.Create(x[i..]), Vector256.Create<float>(into)).CopyTo(into);
        }
        for (; i < x.Length; i++) y[i] = MathF.FusedMultiplyAdd(scale, x[i], y[i]);
    }

    /// <summary>Sum of a[i] * b[i] for a length that is a multiple of eight: the short vectors of an attention head, without bounds checks.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float DotBlocks(float* a, float* b, int length)
    {
        var sum = Vector256<float>.Zero;
        for (var i = 0; i < length; i += Lanes) sum = Vector256.FusedMultiplyAdd(Vector256.Load(a + i), Vector256.Load(b + i), sum);
        return HorizontalSum(sum);
    }

    /// <summary>y += scale * x for a length that is a multiple of eight.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void AddScaledBlocks(float scale, float* x, float* y, int length)
    {
        var factor = Vector256.Create(scale);
        for (var i = 0; i < length; i += Lanes) Vector256.FusedMultiplyAdd(factor, Vector256.Load(x + i), Vector256.Load(y + i)).Store(y + i);
    }

    /// <summary>y += x.</summary>
    public static void Add(ReadOnlySpan<float> x, Span<float> y) => AddScaled(1f, x, y);

    /// <summary>values[i] = e^(values[i] - shift); returns their sum.</summary>
    public static float ExpAndSum(Span<float> values, float shift)
    {
        var minus = Vector256.Create(-shift);
        var total = Vector256<float>.Zero;
        var i = 0;
        for (; i <= values.Length - Lanes; i += Lanes)
        {
            var e = Exp(Vector256.Create<float>(values[i..]) + minus);
            e.CopyTo(values[i..]);
            total += e;
        }
        var sum = HorizontalSum(total);
        for (; i < values.Length; i++) sum += values[i] = Exp(values[i] - shift);
        return sum;
    }

    /// <summary>to[i] = 1 / (1 + e^-from[i]).</summary>
    public static void Sigmoid(ReadOnlySpan<float> from, Span<float> to)
    {
        var i = 0;
        for (; i <= from.Length - Lanes; i += Lanes)
            (Vector256<float>.One / (Vector256<float>.One + Exp(-Vector256.Create(from[i..])))).CopyTo(to[i..]);
        for (; i < from.Length; i++) to[i] = Sigmoid(from[i]);
    }

    public static float Sigmoid(float x) => 1f / (1f + Exp(-x));

    /// <summary>One lane of the vector form: the tail of an array must not follow another formula than its body.</summary>
    public static float Exp(float x) => Exp(Vector256.Create(x)).ToScalar();

    /// <summary>
    /// e^x to about one unit in the last place: x = n ln 2 + r with |r| &lt;= ln 2 / 2, a degree-6 polynomial in r (the coefficients of Cephes'
    /// expf, https://netlib.org/cephes/), and the exponent field moved by n. Inputs are held to [-87, 88], where the result is normal.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Exp(Vector256<float> x)
    {
        x = Vector256.Min(Vector256.Max(x, Vector256.Create(-87f)), Vector256.Create(88f));
        var n = Vector256.Floor(Vector256.FusedMultiplyAdd(x, Vector256.Create(1.44269504088896341f), Vector256.Create(0.5f)));
        var r = Vector256.FusedMultiplyAdd(n, Vector256.Create(-0.693359375f), x);
        r = Vector256.FusedMultiplyAdd(n, Vector256.Create(2.12194440e-4f), r);
        var p = Vector256.Create(1.9875691500e-4f);
        p = Vector256.FusedMultiplyAdd(p, r, Vector256.Create(1.3981999507e-3f));
        p = Vector256.FusedMultiplyAdd(p, r, Vector256.Create(8.3334519073e-3f));
        p = Vector256.FusedMultiplyAdd(p, r, Vector256.Create(4.1665795894e-2f));
        p = Vector256.FusedMultiplyAdd(p, r, Vector256.Create(1.6666665459e-1f));
        p = Vector256.FusedMultiplyAdd(p, r, Vector256.Create(5.0000001201e-1f));
        p = Vector256.FusedMultiplyAdd(p, r * r, r) + Vector256<float>.One;
        var power = Vector256.ShiftLeft(Vector256.ConvertToInt32(n) + Vector256.Create(127), 23).AsSingle();
        return p * power;
    }

    /// <summary>((0+4) + (2+6)) + ((1+5) + (3+7)).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float HorizontalSum(Vector256<float> v)
    {
        var four = v.GetLower() + v.GetUpper();
        var two = four + Vector128.Shuffle(four, Vector128.Create(2, 3, 0, 1));
        return two.GetElement(0) + two.GetElement(1);
    }
}
