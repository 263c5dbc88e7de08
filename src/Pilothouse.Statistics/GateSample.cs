namespace Pilothouse.Statistics;

/// <summary>
/// The numbers a gate needs from its items, and bounds of their mean for any sample size of the same composition.
/// </summary>
/// <remarks>
/// Right/wrong scores use score intervals (Wilson, Tango), which stay honest with few failures or discordant items; graded ones use t.
/// With clusters both the cluster-robust t and the score interval at the effective sample size are made and the outer bounds taken:
/// t alone would call ten equal items certain. Graded values without any spread get the score interval's width z^2 / (n + z^2).
/// </remarks>
internal sealed class GateSample
{
    public enum Kind
    {
        Single,
        Paired,
        Graded,
    }

    private readonly Kind _kind;
    private readonly double _least, _most, _error, _variance, _effectiveItems;
    private readonly int _up, _down;

    public GateSample(double[] values, IReadOnlyList<string>? clusters, Kind kind, double least, double most)
    {
        Check.NotEmpty(values.Length, nameof(values));
        (_kind, _least, _most) = (kind, least, most);
        Items = values.Length;
        _up = values.Count(v => v > 0);
        _down = values.Count(v => v < 0);
        (Mean, _variance) = Moments.MeanAndVariance(values);
        _error = Math.Sqrt(_variance / Items);
        _effectiveItems = Items;
        if (clusters is null) return;
        var robust = ClusterRobust.Mean(values, clusters);
        Clusters = robust.Clusters;
        _error = robust.StandardError;
        _effectiveItems = Items / DesignEffect(robust);
    }

    public int Items { get; }

    public int? Clusters { get; }

    public double Mean { get; }

    public string Method => (_kind, Clusters) switch
    {
        (Kind.Single, null) => "Wilson score",
        (Kind.Paired, null) => "Tango score (paired)",
        (Kind.Graded, null) => "Student t of item values",
        (Kind.Single, _) => "cluster-robust t, not narrower than Wilson at the effective sample size",
        (Kind.Paired, _) => "cluster-robust t, not narrower than Tango at the effective sample size",
        _ => "cluster-robust t",
    };

    private int Units => Clusters ?? Items;

    private bool HasError => Units > 1 && _error > 0;

    public static bool IsBinary(ReadOnlySpan<double> values) => !values.ContainsAnyExcept(0.0, 1.0);

    public static bool IsUnit(ReadOnlySpan<double> values) => !values.ContainsAnyExceptInRange(0.0, 1.0);

    public double TQuantile(double level) => Units > 1 ? StudentT.Quantile(level, Units - 1) : double.PositiveInfinity;

    /// <summary>Bounds at the given normal and t quantiles for a sample `scale` times as large.</summary>
    public (double Lower, double Upper) Bounds(double z, double t, double scale)
    {
        double lower = Mean, upper = Mean;
        if (_kind == Kind.Graded && !HasError)
        {
            var width = Units == 1 && scale == 1 ? double.MaxValue : z * z / (Units * scale + z * z);
            (lower, upper) = (Mean - width, Mean + width);
        }
        else if (_kind == Kind.Graded || Clusters is not null)
        {
            var half = Units == 1 ? double.MaxValue : t * _error / Math.Sqrt(scale);
            (lower, upper) = (Mean - half, Mean + half);
        }
        if (_kind != Kind.Graded)
        {
            var n = _effectiveItems * scale;
            var shrink = _effectiveItems / Items * scale;
            var (low, high) = _kind == Kind.Paired
                ? Tango.Limits(_up * shrink, _down * shrink, n, z)
                : Intervals.WilsonLimits(_up * shrink, n, z);
            (lower, upper) = (Math.Min(lower, low), Math.Max(upper, high));
        }
        return (Math.Max(_least, lower), Math.Min(_most, upper));
    }

    /// <summary>One-sided p of "the true mean is at most `limit`"; the larger p where two methods are combined.</summary>
    public double PValueAbove(double limit)
    {
        if (Units == 1 && (_kind == Kind.Graded || Clusters is not null)) return 1;
        var p = 0.0;
        if (_kind == Kind.Graded && !HasError)
        {
            var gap = Math.Min(Mean - limit, 1 - 1e-12);
            p = gap <= 0 ? 1 : Normal.UpperTail(Math.Sqrt(Units * gap / (1 - gap)));
        }
        else if (_kind == Kind.Graded || (Clusters is not null && HasError))
        {
            p = StudentT.UpperTail((Mean - limit) / _error, Units - 1);
        }
        if (_kind == Kind.Graded) return p;
        return Math.Max(p, Normal.UpperTail(_kind == Kind.Paired ? PairedScore(limit) : SingleScore(limit)));
    }

    /// <summary>planned * standard error, from the score interval's own width where nothing varied.</summary>
    public double? DetectableEffect(double planned)
    {
        if (Units == 1) return null;
        if (HasError) return planned * _error;
        return planned * planned / (Units + planned * planned);
    }

    public TestResult TestOfNoDifference()
    {
        if (_kind == Kind.Paired && Clusters is null) return PairedTests.McNemar(_up, _down).Chosen;
        var name = Clusters is null ? "paired t" : "cluster-robust paired t";
        if (!HasError) return new TestResult(0, 1, Math.Max(1, Units - 1), name);
        var t = Mean / _error;
        return new TestResult(t, StudentT.TwoSided(t, Units - 1), Units - 1, name);
    }

    /// <summary>
    /// Estimated design effect, at least 1, drawn towards "a cluster is one item" while few items are informative (a single
    /// discordant item says nothing about correlation), with the weight of one informative item.
    /// </summary>
    private double DesignEffect(ClusterMean robust)
    {
        var clusterSize = (double)Items / robust.Clusters;
        double informative = _kind == Kind.Single ? Math.Min(_up, Items - _up) : _up + _down;
        var observed = robust.IidStandardError > 0 && robust.Clusters > 1 ? Math.Max(1, robust.DesignEffect) : clusterSize;
        return Math.Max(1, (informative * observed + clusterSize) / (informative + 1));
    }

    private double PairedScore(double limit)
    {
        var shrink = _effectiveItems / Items;
        return limit <= -1 ? double.PositiveInfinity : Tango.Score(_up * shrink, _down * shrink, _effectiveItems, limit);
    }

    private double SingleScore(double limit)
    {
        if (limit <= 0) return double.PositiveInfinity;
        return limit >= 1 ? double.NegativeInfinity : (Mean - limit) / Math.Sqrt(limit * (1 - limit) / _effectiveItems);
    }
}
