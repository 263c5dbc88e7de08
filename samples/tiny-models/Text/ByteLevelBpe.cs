using System.Collections.Concurrent;
using System.Text;
using System.Text.RegularExpressions;

namespace Pilothouse.Samples.TinyModels.Text;

/// <summary>
/// Byte-level BPE as in GPT-2: special tokens are cut out first, the rest is split by GPT-2's pattern, each piece becomes bytes and the bytes are
/// merged by rank. Ids: special tokens, then the 256 bytes in GPT-2's order, then one id a merge.
/// </summary>
internal sealed partial class ByteLevelBpe
{
    public const string Eos = "<|eos|>";
    public const string User = "<|user|>";
    public const string Assistant = "<|assistant|>";

    /// <summary>The special tokens in the order of their ids.</summary>
    public static readonly string[] SpecialTokens = [Eos, User, Assistant];

    public const int EosId = 0;
    public const int UserId = 1;
    public const int AssistantId = 2;

    /// <summary>GPT-2's map of bytes to printable characters: the 188 printable ones map to themselves, the others to U+0100 and up.</summary>
    private static readonly char[] ByteToChar = BuildByteMap();

    /// <summary>The bytes in the order of their ids: GPT-2 sorts its base vocabulary by the mapped character.</summary>
    private static readonly byte[] ByteOrder = [.. Enumerable.Range(0, 256).Select(b => (byte)b).OrderBy(b => ByteToChar[b])];

    private readonly Dictionary<(int Left, int Right), int> _ranks = [];
    private readonly List<byte[]> _bytes = [];
    private readonly int[] _byteId = new int[256];
    private readonly ConcurrentDictionary<string, int[]> _pieceCache = new();

    public ByteLevelBpe(IEnumerable<(int Left, int Right)> merges)
    {
        foreach (var special in SpecialTokens) _bytes.Add(Encoding.UTF8.GetBytes(special));
        foreach (var b in ByteOrder)
        {
            _byteId[b] = _bytes.Count;
            _bytes.Add([b]);
        }
        foreach (var (left, right) in merges)
        {
            _ranks.Add((left, right), _bytes.Count);
            _bytes.Add([.. _bytes[left], .. _bytes[right]]);
        }
    }

    public int VocabularySize => _bytes.Count;

    public IEnumerable<(int Left, int Right)> Merges => _ranks.OrderBy(pair => pair.Value).Select(pair => pair.Key);

    public static int FirstMergeId => SpecialTokens.Length + 256;

    /// <summary>The token as it is written in tokenizer.json and in GGUF: <c>" she"</c> is <c>Ġshe</c>.</summary>
    public string TokenText(int id) =>
        id < SpecialTokens.Length ? SpecialTokens[id] : string.Concat(_bytes[id].Select(b => ByteToChar[b]));

    /// <summary>The ids of a text; a special token written in it becomes its own id, as in Hugging Face's tokenizers.</summary>
    public List<int> Encode(string text)
    {
        var ids = new List<int>();
        var at = 0;
        foreach (var special in SpecialPattern().EnumerateMatches(text))
        {
            EncodePlain(text[at..special.Index], ids);
            ids.Add(Array.IndexOf(SpecialTokens, text.Substring(special.Index, special.Length)));
            at = special.Index + special.Length;
        }
        EncodePlain(text[at..], ids);
        return ids;
    }

    /// <summary>The text of the ids, special tokens left out; bytes that are not UTF-8 become U+FFFD.</summary>
    public string Decode(IEnumerable<int> ids) =>
        Encoding.UTF8.GetString([.. ids.Where(id => id >= SpecialTokens.Length).SelectMany(id => _bytes[id])]);

    /// <summary>The pieces that merges never cross.</summary>
    internal static IEnumerable<string> Split(string text) => Gpt2Pattern().Matches(text).Select(match => match.Value);

    internal int ByteId(byte value) => _byteId[value];

    private void EncodePlain(string text, List<int> ids)
    {
        const int MaxCachedPieces = 50_000;
        foreach (var piece in Split(text))
        {
            if (!_pieceCache.TryGetValue(piece, out var encoded))
            {
                encoded = Merge(piece);
                if (_pieceCache.Count < MaxCachedPieces) _pieceCache.TryAdd(piece, encoded);
            }
            ids.AddRange(encoded);
        }
    }

    private int[] Merge(string piece)
    {
        var word = Encoding.UTF8.GetBytes(piece).Select(b => _byteId[b]).ToList();
        while (word.Count > 1)
        {
            var best = int.MaxValue;
            var at = -1;
            for (var i = 0; i + 1 < word.Count; i++)
                if (_ranks.TryGetValue((word[i], word[i + 1]), out var rank) && rank < best) (best, at) = (rank, i);
            if (at < 0) break;
            word[at] = best;
            word.RemoveAt(at + 1);
        }
        return [.. word];
    }

    private static char[] BuildByteMap()
    {
        var map = new char[256];
        var next = 256;
        for (var b = 0; b < 256; b++)
            map[b] = b is (>= '!' and <= '~') or (>= 0xA1 and <= 0xAC) or (>= 0xAE and <= 0xFF) ? (char)b : (char)next++;
        return map;
    }

    [GeneratedRegex(@"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+", RegexOptions.CultureInvariant)]
    private static partial Regex Gpt2Pattern();

    [GeneratedRegex(@"<\|(?:eos|user|assistant)\|>", RegexOptions.CultureInvariant)]
    private static partial Regex SpecialPattern();
}
