using System.Numerics;

namespace Pilothouse.Statistics;

/// <summary>
/// Seeded pseudo-random numbers, xoshiro256++ of Blackman and Vigna (2019), seeded through SplitMix64. The same seed and stream give
/// the same numbers on every machine and version, which System.Random does not promise. Not for secrets. Not thread-safe.
/// </summary>
public sealed class Xoshiro256
{
    private ulong _s0, _s1, _s2, _s3;

    /// <summary>A generator for a seed and an independent stream of it (for example one stream per block of resamples).</summary>
    public Xoshiro256(ulong seed, ulong stream = 0)
    {
        var state = seed ^ BitOperations.RotateLeft(stream * 0xD1342543DE82EF95UL, 32);
        _s0 = SplitMix(ref state);
        _s1 = SplitMix(ref state);
        _s2 = SplitMix(ref state) ^ stream;
        _s3 = SplitMix(ref state) | 1; // never all zero
    }

    /// <summary>64 uniform bits.</summary>
    public ulong NextUInt64()
    {
        var result = BitOperations.RotateLeft(_s0 + _s3, 23) + _s0;
        var t = _s1 << 17;
        _s2 ^= _s0;
        _s3 ^= _s1;
        _s1 ^= _s2;
        _s0 ^= _s3;
        _s2 ^= t;
        _s3 = BitOperations.RotateLeft(_s3, 45);
        return result;
    }

    /// <summary>Uniform in [0, 1) with 53 bits.</summary>
    public double NextDouble() => (NextUInt64() >> 11) * (1.0 / (1UL << 53));

    /// <summary>Uniform in 0 .. bound - 1.</summary>
    public int NextInt(int bound)
    {
        if (bound <= 0) throw new ArgumentOutOfRangeException(nameof(bound), bound, "The bound must be positive.");
        return (int)(((NextUInt64() >> 32) * (ulong)bound) >> 32);
    }

    /// <summary>True with the given probability.</summary>
    public bool NextBool(double probability) => NextDouble() < probability;

    /// <summary>Standard normal number.</summary>
    public double NextNormal() => Normal.Quantile((NextUInt64() >> 11) * (1.0 / (1UL << 53)) + 1.0 / (1UL << 54));

    /// <summary>
    /// Sum of `values.Length` draws with replacement: the inner loop of the bootstrap. Two draws per 64-bit number, generator state in
    /// registers. The multiply-shift is biased by at most length / 2^32 of a probability, far below resampling noise.
    /// </summary>
    internal double SumOfDraws(ReadOnlySpan<double> values)
    {
        ulong s0 = _s0, s1 = _s1, s2 = _s2, s3 = _s3, length = (ulong)values.Length;
        double even = 0, odd = 0;
        for (var k = 0; k + 1 < values.Length; k += 2)
        {
            var bits = BitOperations.RotateLeft(s0 + s3, 23) + s0;
            var t = s1 << 17;
            s2 ^= s0;
            s3 ^= s1;
            s1 ^= s2;
            s0 ^= s3;
            s2 ^= t;
            s3 = BitOperations.RotateLeft(s3, 45);
            even += values[(int)(((bits >> 32) * length) >> 32)];
            odd += values[(int)(((bits & 0xFFFFFFFF) * length) >> 32)];
        }
        (_s0, _s1, _s2, _s3) = (s0, s1, s2, s3);
        if ((values.Length & 1) == 1) even += values[NextInt(values.Length)];
        return even + odd;
    }

    private static ulong SplitMix(ref ulong state)
    {
        var z = state += 0x9E3779B97F4A7C15UL;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9UL;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBUL;
        return z ^ (z >> 31);
    }
}
