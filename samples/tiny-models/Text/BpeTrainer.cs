using System.Text;

namespace Pilothouse.Samples.TinyModels.Text;

/// <summary>Learns merges: the most frequent neighbouring pair becomes a token, until the vocabulary is full. Ties go to the lower ids.</summary>
internal static class BpeTrainer
{
    public static ByteLevelBpe Train(IEnumerable<string> texts, int vocabularySize)
    {
        var bytes = new ByteLevelBpe([]);
        var words = Count(texts).Select(pair => (Ids: Encoding.UTF8.GetBytes(pair.Key).Select(bytes.ByteId).ToList(), Count: pair.Value)).ToList();
        var merges = new List<(int Left, int Right)>();
        var known = new HashSet<string>();
        while (ByteLevelBpe.FirstMergeId + merges.Count < vocabularySize)
        {
            var vocabulary = new ByteLevelBpe(merges);
            var pairs = new Dictionary<(int Left, int Right), long>();
            foreach (var (ids, count) in words)
                for (var i = 0; i + 1 < ids.Count; i++)
                    pairs[(ids[i], ids[i + 1])] = pairs.GetValueOrDefault((ids[i], ids[i + 1])) + count;
            // Two pairs can spell one token ("a"+"bc", "ab"+"c"); a vocabulary maps each text to one id, so the later pair is passed over.
            var ranked = pairs.OrderByDescending(pair => pair.Value).ThenBy(pair => pair.Key).Select(pair => pair.Key);
            if (!TryTake(ranked, pair => known.Add(vocabulary.TokenText(pair.Left) + vocabulary.TokenText(pair.Right)), out var best)) break;
            var id = ByteLevelBpe.FirstMergeId + merges.Count;
            merges.Add(best);
            foreach (var (ids, _) in words)
                for (var i = 0; i + 1 < ids.Count; i++)
                    if (ids[i] == best.Left && ids[i + 1] == best.Right)
                    {
                        ids[i] = id;
                        ids.RemoveAt(i + 1);
                    }
        }
        return new ByteLevelBpe(merges);
    }

    private static bool TryTake(IEnumerable<(int Left, int Right)> ranked, Func<(int Left, int Right), bool> accept, out (int Left, int Right) best)
    {
        foreach (var pair in ranked)
        {
            best = pair;
            if (accept(pair)) return true;
        }
        best = default;
        return false;
    }

    private static SortedDictionary<string, long> Count(IEnumerable<string> texts)
    {
        var counts = new SortedDictionary<string, long>(StringComparer.Ordinal);
        foreach (var piece in texts.SelectMany(ByteLevelBpe.Split)) counts[piece] = counts.GetValueOrDefault(piece) + 1;
        return counts;
    }
}
