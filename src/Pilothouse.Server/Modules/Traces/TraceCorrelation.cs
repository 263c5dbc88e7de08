using Pilothouse.Protocols.Mlflow;

namespace Pilothouse.Server.Modules.Traces;

/// <summary>Normalised pointwise mutual information of two filters: -1 never together, 0 independent, 1 always together.</summary>
internal static class TraceCorrelation
{
    /// <summary>Jeffreys' prior, added to each cell of the table.</summary>
    private const double Prior = 0.5;

    public static MlflowCorrelation Of(int filter1, int filter2, int joint, int total)
    {
        if (total == 0 || filter1 == 0 || filter2 == 0) return new MlflowCorrelation(null, null, filter1, filter2, joint, total);
        var plain = joint == 0 ? -1 : Npmi(joint, filter1 - joint, filter2 - joint, total - filter1 - filter2 + joint, 0);
        return new MlflowCorrelation(plain, Npmi(joint, filter1 - joint, filter2 - joint, total - filter1 - filter2 + joint, Prior), filter1, filter2, joint, total);
    }

    private static double Npmi(double both, double first, double second, double none, double prior)
    {
        (both, first, second, none) = (both + prior, first + prior, second + prior, none + prior);
        var total = both + first + second + none;
        if (first + second + none == 3 * prior) return 1; // always together
        // log(P(x,y) / (P(x) P(y))) / -log(P(x,y)), in logarithms
        var (logBoth, logTotal) = (Math.Log(both), Math.Log(total));
        var pmi = logBoth + logTotal - (Math.Log(both + first) + Math.Log(both + second));
        return Math.Clamp(pmi / -(logBoth - logTotal), -1, 1);
    }
}
