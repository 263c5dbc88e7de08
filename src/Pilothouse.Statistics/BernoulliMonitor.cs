using System.Numerics;
using System.Runtime.InteropServices;

namespace Pilothouse.Statistics;

/// <summary>
/// Watches a pass rate and raises an alarm when it has dropped below a reference rate, looked at after every sample for ever: the
/// probability of ever raising a false alarm is at most alpha (Ville's inequality for an e-process).
/// </summary>
/// <remarks>
/// <para>For each rate r on a grid below the reference p0, the likelihood ratio prod (r/p0)^x ((1-r)/(1-p0))^(1-x) is a non-negative
/// supermartingale with mean at most 1 whenever the true rate is at least p0; so is any mixture of such ratios. We mix over r (the size
/// of the drop) and over the sample at which the drop began, with weights that sum to 1 over all time: a monitor that has seen a healthy
/// year still finds a drop soon, and the guarantee still holds over the monitor's whole life.</para>
/// <para>One start per <see cref="StartEvery"/> samples; start j has weight 1/2 (j = 0) or 1 / (2 j (j + 1)). At most
/// <see cref="MaxStarts"/> starts are kept; dropping the smallest only makes the monitor more cautious. Source: Shin, Ramdas, Rinaldo
/// (arXiv 2203.03532) for mixtures over change points, Waudby-Smith and Ramdas 2023 for betting. Not thread-safe.</para>
/// </remarks>
public sealed class BernoulliMonitor
{
    /// <summary>Samples between two possible starts of a drop.</summary>
    public const int StartEvery = 25;

    /// <summary>Most starts kept.</summary>
    public const int MaxStarts = 64;

    private const int GridSize = 16;
    private const double Ceiling = 1e280;

    private readonly double[] _onPass = new double[GridSize], _onFail = new double[GridSize];
    private readonly List<Start> _starts = [];
    private long _started;

    /// <summary>A monitor of a pass rate.</summary>
    /// <param name="reference">p0, the pass rate that counts as healthy, between 0 and 1 exclusive.</param>
    /// <param name="alpha">Probability of ever raising a false alarm, between 0 and 1 exclusive, for example 0.01.</param>
    public BernoulliMonitor(double reference, double alpha)
    {
        if (!(reference is > 0 and < 1)) throw new ArgumentOutOfRangeException(nameof(reference), reference, "The reference rate must lie between 0 and 1, both excluded.");
        if (!(alpha is > 0 and < 1)) throw new ArgumentOutOfRangeException(nameof(alpha), alpha, "Alpha must lie between 0 and 1, both excluded.");
        (Reference, Alpha) = (reference, alpha);
        for (var k = 0; k < GridSize; k++)
        {
            // Failure odds from a small worsening to nearly always failing, evenly in the logit.
            var logit = Math.Log(reference / (1 - reference)) - 0.25 - 0.30 * k;
            var rate = 1 / (1 + Math.Exp(-logit));
            (_onPass[k], _onFail[k]) = (rate / reference, (1 - rate) / (1 - reference));
        }
    }

    /// <summary>Reference pass rate p0.</summary>
    public double Reference { get; }

    /// <summary>Probability of ever raising a false alarm.</summary>
    public double Alpha { get; }

    /// <summary>Number of samples seen.</summary>
    public long Samples { get; private set; }

    /// <summary>Number of them that passed.</summary>
    public long Passes { get; private set; }

    /// <summary>
    /// Natural logarithm of the e-value, the evidence now: e^LogEValue is the factor by which a bet against "the rate is at least the
    /// reference" has grown. An alarm needs it to reach ln(1 / alpha).
    /// </summary>
    public double LogEValue { get; private set; }

    /// <summary>Largest LogEValue so far.</summary>
    public double PeakLogEValue { get; private set; }

    /// <summary>True once the e-value has reached 1 / alpha; stays true.</summary>
    public bool Alarm => PeakLogEValue >= -Math.Log(Alpha);

    /// <summary>Sample number at which the alarm was raised, null without alarm.</summary>
    public long? AlarmAt { get; private set; }

    /// <summary>Anytime-valid p-value: min(1, 1 / largest e-value).</summary>
    public double PValue => Math.Min(1, Math.Exp(-PeakLogEValue));

    /// <summary>Number of samples before the likeliest beginning of the drop (a multiple of <see cref="StartEvery"/>).</summary>
    public long LikelyDropAfter => _starts.Count == 0 ? 0 : _starts.MaxBy(s => s.Sum())!.At;

    /// <summary>Adds one outcome; returns <see cref="Alarm"/>.</summary>
    public bool Add(bool passed)
    {
        if (Samples % StartEvery == 0) BeginStart();
        Samples++;
        if (passed) Passes++;
        var factors = passed ? _onPass : _onFail;
        var total = 0.5 / _started; // the weight of all starts still to come
        foreach (var start in _starts) total += start.Multiply(factors);
        LogEValue = Math.Log(Math.Min(total, Ceiling));
        PeakLogEValue = Math.Max(PeakLogEValue, LogEValue);
        if (Alarm) AlarmAt ??= Samples;
        return Alarm;
    }

    /// <summary>State that continues the monitor after a restart; forgetting it would spend alpha twice.</summary>
    public BernoulliMonitorState Save() => new(Reference, Alpha, Samples, Passes, LogEValue, PeakLogEValue, AlarmAt, _started,
        [.. _starts.Select(s => new BernoulliMonitorStart(s.At, [.. s.Wealth]))]);

    /// <summary>Continues from a saved state.</summary>
    public static BernoulliMonitor Restore(BernoulliMonitorState state)
    {
        var monitor = new BernoulliMonitor(state.Reference, state.Alpha)
        {
            Samples = state.Samples,
            Passes = state.Passes,
            LogEValue = state.LogEValue,
            PeakLogEValue = state.PeakLogEValue,
            AlarmAt = state.AlarmAt,
        };
        monitor._started = state.Started;
        foreach (var start in state.Starts)
        {
            Check.SameLength(start.Wealth.Length, GridSize);
            monitor._starts.Add(new Start(start.At, [.. start.Wealth]));
        }
        return monitor;
    }

    private void BeginStart()
    {
        // Weights 1/2, 1/4, 1/12, 1/24, ... sum to 1.
        var weight = _started == 0 ? 0.5 : 0.5 / (_started * (double)(_started + 1));
        _started++;
        if (_starts.Count == MaxStarts) _starts.Remove(_starts.MinBy(s => s.Sum())!);
        var wealth = new double[GridSize];
        Array.Fill(wealth, weight / GridSize);
        _starts.Add(new Start(Samples, wealth));
    }

    private sealed record Start(long At, double[] Wealth)
    {
        public double Sum() => Wealth.Sum();

        /// <summary>One step of all bets: the hot loop of a monitor, about a thousand products a sample.</summary>
        public double Multiply(double[] factors)
        {
            Span<Vector<double>> wealth = MemoryMarshal.Cast<double, Vector<double>>(Wealth.AsSpan());
            var by = MemoryMarshal.Cast<double, Vector<double>>(factors.AsSpan());
            var (sum, ceiling) = (Vector<double>.Zero, new Vector<double>(Ceiling));
            for (var k = 0; k < wealth.Length; k++) sum += wealth[k] = Vector.Min(wealth[k] * by[k], ceiling);
            return Vector.Sum(sum);
        }
    }
}

/// <summary>Saved state of a <see cref="BernoulliMonitor"/>: plain numbers, at most a few tens of kilobytes as JSON.</summary>
public sealed record BernoulliMonitorState(
    double Reference, double Alpha, long Samples, long Passes, double LogEValue, double PeakLogEValue, long? AlarmAt,
    long Started, BernoulliMonitorStart[] Starts);

/// <summary>One possible beginning of the drop: the sample before it and the wealth of each bet.</summary>
public sealed record BernoulliMonitorStart(long At, double[] Wealth);
