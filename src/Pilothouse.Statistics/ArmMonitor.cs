namespace Pilothouse.Statistics;

/// <summary>
/// Watches whether a canary does worse than the stable version while both serve traffic, looked at after every sample: the
/// probability of ever blaming a canary that is not worse is at most alpha.
/// </summary>
/// <remarks>
/// Each time both versions have new scores, their means over that stretch are compared: x = canary - stable in [-1, 1]. If the canary is
/// no worse, E[x | past] &gt;= 0 and prod (1 - lambda x) is a supermartingale for each bet lambda in [0, 1) (Waudby-Smith and Ramdas 2023); we
/// mix over a grid of bets. Both rates may drift, as long as they drift together. Not thread-safe.
/// </remarks>
public sealed class ArmMonitor
{
    private const double Ceiling = 1e280;
    private static readonly double[] Bets = [0.05, 0.1, 0.2, 0.3, 0.45, 0.6, 0.8, 0.95];

    private readonly double[] _wealth;
    private double _canarySum, _stableSum;
    private long _canaryCount, _stableCount;

    /// <summary>A monitor with a false-alarm probability over its whole life.</summary>
    public ArmMonitor(double alpha)
    {
        if (!(alpha is > 0 and < 1)) throw new ArgumentOutOfRangeException(nameof(alpha), alpha, "Alpha must lie between 0 and 1, both excluded.");
        Alpha = alpha;
        _wealth = [.. Bets.Select(_ => 1.0 / Bets.Length)];
    }

    /// <summary>Probability of ever raising a false alarm.</summary>
    public double Alpha { get; }

    /// <summary>Mean score of all canary samples, NaN without any.</summary>
    public double CanaryMean => Canary.Mean;

    /// <summary>Mean score of all stable samples, NaN without any.</summary>
    public double StableMean => Stable.Mean;

    /// <summary>Canary scores so far.</summary>
    public Moments Canary { get; } = new();

    /// <summary>Stable scores so far.</summary>
    public Moments Stable { get; } = new();

    /// <summary>Natural logarithm of the evidence that the canary is worse.</summary>
    public double LogEValue { get; private set; }

    /// <summary>Largest LogEValue so far.</summary>
    public double PeakLogEValue { get; private set; }

    /// <summary>True once the evidence has reached 1 / alpha; stays true.</summary>
    public bool Alarm => PeakLogEValue >= -Math.Log(Alpha);

    /// <summary>Adds the score of one canary response, in [0, 1]; returns <see cref="Alarm"/>.</summary>
    public bool AddCanary(double score)
    {
        Require(score);
        Canary.Add(score);
        _canarySum += score;
        _canaryCount++;
        return Settle();
    }

    /// <summary>Adds the score of one stable response, in [0, 1]; returns <see cref="Alarm"/>.</summary>
    public bool AddStable(double score)
    {
        Require(score);
        Stable.Add(score);
        _stableSum += score;
        _stableCount++;
        return Settle();
    }

    private static void Require(double score)
    {
        if (!(score is >= 0 and <= 1)) throw new ArgumentOutOfRangeException(nameof(score), score, "Scores must lie between 0 and 1.");
    }

    /// <summary>A stretch ends when both have a score: when is decided by who was served, never by what was scored.</summary>
    private bool Settle()
    {
        if (_canaryCount == 0 || _stableCount == 0) return Alarm;
        var x = _canarySum / _canaryCount - _stableSum / _stableCount;
        (_canarySum, _canaryCount, _stableSum, _stableCount) = (0, 0, 0, 0);
        var total = 0.0;
        for (var k = 0; k < Bets.Length; k++) total += _wealth[k] = Math.Min(_wealth[k] * (1 - Bets[k] * x), Ceiling);
        LogEValue = Math.Log(total);
        PeakLogEValue = Math.Max(PeakLogEValue, LogEValue);
        return Alarm;
    }
}
