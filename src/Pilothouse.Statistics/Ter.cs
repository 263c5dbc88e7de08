namespace Pilothouse.Statistics;

/// <summary>
/// Translation edit rate (Snover et al. 2006): insertions, deletions, substitutions and shifts of runs of words, over the mean reference
/// length; equal to sacrebleu 2 with its defaults (no normalisation, punctuation kept, case ignored). Shifts are found greedily within the
/// bounds of Snover's tool.
/// </summary>
public static class Ter
{
    /// <summary>Words of a run that is moved.</summary>
    private const int MaxShiftSize = 10;

    /// <summary>Words by which a run is moved.</summary>
    private const int MaxShiftDistance = 50;

    /// <summary>Shifts tried for one text.</summary>
    private const int MaxCandidates = 1_000;

    /// <summary>Words of one text; the rest is left out, since a shift costs words times words.</summary>
    public const int MaxWords = 1_000;

    private enum Step
    {
        Keep,
        Substitute,
        Delete,
        Insert,
    }

    /// <summary>TER of a corpus in per cent; above 100 when more is edited than there is.</summary>
    /// <param name="hypotheses">Texts.</param>
    /// <param name="references">Per reference set, one text for each hypothesis; the one with the fewest edits counts.</param>
    public static double Corpus(IReadOnlyList<string> hypotheses, IReadOnlyList<IReadOnlyList<string>> references)
    {
        double edits = 0, length = 0;
        for (var k = 0; k < hypotheses.Count; k++)
        {
            var hypothesis = Words(hypotheses[k]);
            string[][] targets = [.. references.Select(r => Words(r[k]))];
            edits += targets.Min(t => Edits(hypothesis, t));
            length += targets.Average(t => t.Length);
        }
        return length > 0 ? 100 * edits / length : edits > 0 ? 100 : 0;
    }

    /// <summary>TER of one text in per cent.</summary>
    public static double Sentence(string hypothesis, string reference) => Corpus([hypothesis], [[reference]]);

    private static string[] Words(string text) => [.. NGrams.Words(text.ToLowerInvariant()).Take(MaxWords)];

    private static int Edits(string[] hypothesis, string[] reference)
    {
        if (reference.Length == 0) return hypothesis.Length;
        var (shifts, tried) = (0, 0);
        while (true)
        {
            var (gain, shifted) = BestShift(hypothesis, reference, ref tried);
            // The last shift tried may be a good one, but the bound says that the search is over.
            if (tried >= MaxCandidates || gain <= 0) return shifts + Distance(hypothesis, reference).Cost;
            shifts++;
            hypothesis = shifted;
        }
    }

    private static (int Gain, string[] Words) BestShift(string[] hypothesis, string[] reference, ref int tried)
    {
        var (before, steps) = Distance(hypothesis, reference);
        var (align, wrongHypothesis, wrongReference) = Align(steps, hypothesis.Length, reference.Length);
        (int Gain, int Length, int Start, int Target)? best = null;
        string[] words = hypothesis;
        foreach (var (start, at, length) in Runs(hypothesis, reference))
        {
            // Worth moving only when it is wrong where it stands, missing where it should be, and not already there.
            if (!wrongHypothesis.AsSpan(start, length).Contains(true) || !wrongReference.AsSpan(at, length).Contains(true)) continue;
            if (align[at] >= start && align[at] < start + length) continue;
            var previous = -1;
            for (var offset = -1; offset < length; offset++)
            {
                var target = at + offset == -1 ? 0 : align[at + offset] + 1;
                if (target == previous) continue;
                previous = target;
                var moved = Move(hypothesis, start, length, target);
                var candidate = (before - Distance(moved, reference).Cost, length, -start, -target);
                tried++;
                if (best is not { } known || candidate.CompareTo(known) > 0) (best, words) = (candidate, moved);
            }
            if (tried >= MaxCandidates) break;
        }
        return (best?.Gain ?? 0, words);
    }

    /// <summary>Equal runs of both texts.</summary>
    private static IEnumerable<(int Start, int At, int Length)> Runs(string[] hypothesis, string[] reference)
    {
        for (var start = 0; start < hypothesis.Length; start++)
            for (var at = Math.Max(0, start - MaxShiftDistance); at < Math.Min(reference.Length, start + MaxShiftDistance + 1); at++)
                for (var length = 0; length < MaxShiftSize && start + length < hypothesis.Length && at + length < reference.Length && hypothesis[start + length] == reference[at + length];)
                    yield return (start, at, ++length);
    }

    private static string[] Move(string[] words, int start, int length, int target)
    {
        var end = start + length;
        var run = words.AsSpan(start, length);
        if (target < start) return [.. words.AsSpan(0, target), .. run, .. words.AsSpan(target, start - target), .. words.AsSpan(end)];
        // A target inside the run counts from the text without it.
        var stop = target > end ? target : Math.Min(words.Length, length + target);
        return [.. words.AsSpan(0, start), .. words.AsSpan(end, stop - end), .. run, .. words.AsSpan(stop)];
    }

    /// <summary>Where each reference word stands in the hypothesis (the word before it when it is missing), and which words of both are wrong.</summary>
    private static (int[] Align, bool[] Hypothesis, bool[] Reference) Align(List<Step> steps, int hypotheses, int references)
    {
        var (align, wrongHypothesis, wrongReference) = (new int[references], new bool[hypotheses], new bool[references]);
        int i = -1, j = -1;
        foreach (var step in steps)
        {
            if (step != Step.Insert) i++;
            if (step != Step.Delete) align[++j] = i;
            if (step is Step.Substitute or Step.Delete) wrongHypothesis[i] = true;
            if (step is Step.Substitute or Step.Insert) wrongReference[j] = true;
        }
        return (align, wrongHypothesis, wrongReference);
    }

    /// <summary>Edit distance with its steps; of equal ways, substitution before deletion before insertion.</summary>
    private static (int Cost, List<Step> Steps) Distance(string[] hypothesis, string[] reference)
    {
        var costs = new int[hypothesis.Length + 1, reference.Length + 1];
        var via = new Step[hypothesis.Length + 1, reference.Length + 1];
        for (var j = 1; j <= reference.Length; j++) (costs[0, j], via[0, j]) = (j, Step.Insert);
        for (var i = 1; i <= hypothesis.Length; i++)
        {
            (costs[i, 0], via[i, 0]) = (i, Step.Delete);
            for (var j = 1; j <= reference.Length; j++)
            {
                var isSame = hypothesis[i - 1] == reference[j - 1];
                var (cost, step) = (costs[i - 1, j - 1] + (isSame ? 0 : 1), isSame ? Step.Keep : Step.Substitute);
                if (costs[i - 1, j] + 1 < cost) (cost, step) = (costs[i - 1, j] + 1, Step.Delete);
                if (costs[i, j - 1] + 1 < cost) (cost, step) = (costs[i, j - 1] + 1, Step.Insert);
                (costs[i, j], via[i, j]) = (cost, step);
            }
        }
        var steps = new List<Step>();
        for (int i = hypothesis.Length, j = reference.Length; i > 0 || j > 0;)
        {
            steps.Add(via[i, j]);
            (i, j) = via[i, j] switch
            {
                Step.Delete => (i - 1, j),
                Step.Insert => (i, j - 1),
                _ => (i - 1, j - 1),
            };
        }
        steps.Reverse();
        return (costs[hypothesis.Length, reference.Length], steps);
    }
}
