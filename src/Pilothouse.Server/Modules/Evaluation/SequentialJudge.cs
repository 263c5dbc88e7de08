using Pilothouse.Protocols.ProjectFiles;
using Pilothouse.Statistics;
using GateResult = Pilothouse.Protocols.V1.GateResult;

namespace Pilothouse.Server.Modules.Evaluation;

/// <summary>
/// Gates of a suite that is looked at before all cases are asked. At each look PASS and FAIL need the level that is spent there
/// (<see cref="GroupSequential"/>); FAIL spends only its part among all gates of the evaluation, so that many gates and many looks together keep their word.
/// </summary>
/// <param name="gates">Primary gates of the whole evaluation.</param>
internal sealed class SequentialJudge(SuitePlan plan, LookPlan looks, int gates)
{
    /// <summary>With less chance than this of a PASS at the end, going on is a waste.</summary>
    private const double LeastPower = 0.05;

    private readonly GateResult?[] _decided = new GateResult?[plan.Entry.Gates.Count];

    private readonly Dictionary<double, double[]> _levels = [];

    /// <summary>The gates after the latest look: those that were decided at an earlier one stay so.</summary>
    public IReadOnlyList<GateResult> Gates { get; private set; } = [];

    /// <param name="look">From 0.</param>
    /// <returns>Why asking ends here; null = it goes on.</returns>
    public string? Look(int look, SuiteJudge judge)
    {
        var isLast = look == looks.Counts.Length - 1;
        var results = plan.Entry.Gates.Select((gate, g) => _decided[g] ?? judge.GateAt(gate, Levels(1 - gate.Confidence)[look], Levels(FailLevel(gate))[look], look + 1, isLast)).ToArray();
        for (var g = 0; g < results.Length; g++)
            if (results[g].Verdict is VerdictRules.Pass or VerdictRules.Fail) _decided[g] = results[g];
        Gates = results;
        if (isLast) return null;
        // Secondary gates inform: they neither stop nor prolong the asking, unless there are no others.
        var deciding = results.Any(r => r.Decides) ? [.. results.Where(r => r.Decides)] : results;
        if (deciding.FirstOrDefault(r => r.Verdict == VerdictRules.Fail) is { } failed) return $"{failed.Name} failed";
        if (deciding.FirstOrDefault(r => r.Verdict == VerdictRules.Invalid) is { } invalid) return $"{invalid.Name} cannot be judged";
        if (deciding.All(r => r.Verdict is VerdictRules.Pass or VerdictRules.Skipped)) return "every gate holds";
        return Futile(results, look) is { } hopeless ? $"{hopeless.Name} has less than {LeastPower:P0} chance to pass even with all cases" : null;
    }

    public (GateResult Gate, Func<double> FailureP)[] Judged => [.. Gates.Select((g, i) => (g, (Func<double>)(() => FailLevel(plan.Entry.Gates[i]))))];

    /// <summary>What a failure may spend in all looks: primary gates share the level among those of the evaluation, secondary ones among those of the suite.</summary>
    private double FailLevel(GateEntry gate) => (1 - gate.Confidence) / (gate.Role switch { GateRole.Must => 1, GateRole.Secondary => plan.Entry.Gates.Count(g => !g.Decides), _ => Math.Max(1, gates) });

    private GateResult? Futile(GateResult[] results, int look)
    {
        for (var g = 0; g < results.Length; g++)
        {
            if (results[g] is not { Decides: true, Verdict: VerdictRules.Inconclusive, PValue: > 0 and < 1 and { } p }) continue;
            var last = Levels(1 - plan.Entry.Gates[g].Confidence)[^1];
            if (GroupSequential.ConditionalPower(Normal.Quantile(1 - p), looks.Fractions[look], last) < LeastPower) return results[g];
        }
        return null;
    }

    private double[] Levels(double alpha)
    {
        if (!_levels.TryGetValue(alpha, out var levels)) _levels[alpha] = levels = GroupSequential.Levels(looks.Fractions, alpha);
        return levels;
    }
}
