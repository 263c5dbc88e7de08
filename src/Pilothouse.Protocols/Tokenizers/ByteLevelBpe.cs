using System.Buffers;
using System.Text;

namespace Pilothouse.Protocols.Tokenizers;

/// <summary>
/// Byte-level BPE tokenizer of a Hugging Face <c>tokenizer.json</c> with GPT-2's pre-tokenizer. Encodes any text and decodes any ids
/// it knows; safe to share between threads.
/// </summary>
public sealed class ByteLevelBpe
{
    // Below this, looking at all pairs again after each merge is faster than a queue.
    private const int SmallPiece = 24;

    private readonly byte[]?[] _bytes;
    private readonly HashSet<int> _special;
    private readonly int[] _byteIds;
    private readonly Dictionary<(int Left, int Right), Merge> _merges;
    private readonly Dictionary<string, int> _ids;
    private readonly Dictionary<string, int> _added;
    private readonly string[] _addedLongestFirst;
    private readonly SearchValues<string> _addedSearch;
    private readonly bool _prefixSpace;
    private readonly bool _ignoreMerges;

    internal ByteLevelBpe(TokenizerJson source)
    {
        _bytes = source.Bytes;
        _special = source.Special;
        _byteIds = source.ByteIds;
        _merges = source.Merges;
        _ids = source.Ids;
        _added = source.Added;
        _addedLongestFirst = [.. source.Added.Keys.OrderByDescending(t => t.Length)];
        _addedSearch = SearchValues.Create(_addedLongestFirst, StringComparison.Ordinal);
        _prefixSpace = source.PrefixSpace;
        _ignoreMerges = source.IgnoreMerges;
    }

    /// <summary>One more than the greatest id.</summary>
    public int VocabularySize => _bytes.Length;

    /// <summary>Reads a <c>tokenizer.json</c>.</summary>
    /// <exception cref="ProtocolFormatException">Not such a file, or one with parts that this tokenizer does not do (the message names them).</exception>
    public static ByteLevelBpe Load(ReadOnlyMemory<byte> tokenizerJson) => new(TokenizerJson.Parse(tokenizerJson));

    /// <summary>Id of a special or other added token such as <c>&lt;|eos|&gt;</c>, or of a vocabulary entry in its written form such as <c>Ġshe</c>.</summary>
    public bool TryGetId(string token, out int id) => _added.TryGetValue(token, out id) || _ids.TryGetValue(token, out id);

    /// <summary>True for tokens that are marks, not text: decoding leaves them out.</summary>
    public bool IsSpecial(int id) => _special.Contains(id);

    /// <summary>The bytes that a token stands for; empty for an id that the vocabulary leaves unused.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The id is negative or not below <see cref="VocabularySize"/>.</exception>
    public ReadOnlyMemory<byte> TokenBytes(int id)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(id);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(id, _bytes.Length);
        return _bytes[id];
    }

    /// <summary>The ids of a text. Added tokens written in it become their own ids, as with the reference implementation.</summary>
    public IReadOnlyList<int> Encode(string text) => Encode(text, parseSpecial: true);

    /// <param name="parseSpecial">False: text is text, even when it spells a special token. What untrusted user input needs.</param>
    public IReadOnlyList<int> Encode(string text, bool parseSpecial)
    {
        var ids = new List<int>(text.Length / 3 + 1);
        var rest = text.AsSpan();
        while (parseSpecial && _added.Count > 0 && rest.IndexOfAny(_addedSearch) is >= 0 and var at)
        {
            EncodePlain(rest[..at], ids);
            var token = LongestAddedAt(rest[at..]);
            ids.Add(_added[token]);
            rest = rest[(at + token.Length)..];
        }

        EncodePlain(rest, ids);
        return ids;
    }

    /// <summary>
    /// The ids of a rendered chat template: only the template's own text may spell special tokens; what came from a message is text. Neighbouring text is
    /// encoded together, so that the pieces are those of the whole.
    /// </summary>
    public IReadOnlyList<int> Encode(IReadOnlyList<ChatTemplates.TemplatePart> parts)
    {
        var ids = new List<int>();
        var text = new StringBuilder();
        foreach (var part in parts)
        {
            var rest = part.Text.AsSpan();
            while (!part.FromMessage && _added.Count > 0 && rest.IndexOfAny(_addedSearch) is >= 0 and var at)
            {
                EncodePlain(text.Append(rest[..at]).ToString(), ids);
                text.Clear();
                var token = LongestAddedAt(rest[at..]);
                ids.Add(_added[token]);
                rest = rest[(at + token.Length)..];
            }

            text.Append(rest);
        }

        EncodePlain(text.ToString(), ids);
        return ids;
    }

    /// <summary>The text of the ids without special tokens; bytes that are not UTF-8 become U+FFFD.</summary>
    public string Decode(IEnumerable<int> ids)
    {
        var bytes = new ArrayBufferWriter<byte>();
        foreach (var id in ids.Where(id => !IsSpecial(id)))
            bytes.Write(TokenBytes(id).Span);
        return Encoding.UTF8.GetString(bytes.WrittenSpan);
    }

    /// <summary>A decoder for tokens that come one by one: it holds back the bytes of a character until the character is complete.</summary>
    public StreamingDecoder CreateStreamingDecoder() => new(this);

    private string LongestAddedAt(ReadOnlySpan<char> text)
    {
        foreach (var token in _addedLongestFirst)
        {
            if (text.StartsWith(token, StringComparison.Ordinal))
                return token;
        }

        throw new InvalidOperationException("The search found a token that is not in the list.");
    }

    private void EncodePlain(ReadOnlySpan<char> text, List<int> ids)
    {
        if (text.IsEmpty)
            return;
        if (_prefixSpace && text[0] != ' ')
            text = string.Concat(" ", text);
        for (var start = 0; start < text.Length;)
        {
            var end = Gpt2Pieces.End(text, start);
            EncodePiece(text[start..end], ids);
            start = end;
        }
    }

    private void EncodePiece(ReadOnlySpan<char> piece, List<int> ids)
    {
        var bytes = Encoding.UTF8.GetBytes(piece.ToArray());
        if (_ignoreMerges && _ids.TryGetValue(ByteMap.ToText(bytes), out var whole))
        {
            ids.Add(whole);
            return;
        }

        var symbols = new int[bytes.Length];
        for (var i = 0; i < bytes.Length; i++)
            symbols[i] = _byteIds[bytes[i]];
        ids.AddRange(bytes.Length <= SmallPiece ? MergeByScan(symbols) : MergeByQueue(symbols));
    }

    internal List<int> MergeByScan(int[] symbols)
    {
        var word = symbols.ToList();
        while (word.Count > 1)
        {
            var best = Merge.None;
            var at = -1;
            for (var i = 0; i + 1 < word.Count; i++)
            {
                if (_merges.TryGetValue((word[i], word[i + 1]), out var merge) && merge.Rank < best.Rank)
                    (best, at) = (merge, i);
            }

            if (at < 0)
                break;
            word[at] = best.Id;
            word.RemoveAt(at + 1);
        }

        return word;
    }

    /// <summary>The same result in O(n log n): a megabyte of one letter is one piece, and must not take quadratic time.</summary>
    internal List<int> MergeByQueue(int[] symbols)
    {
        var next = Enumerable.Range(1, symbols.Length).ToArray();
        var previous = Enumerable.Range(-1, symbols.Length).ToArray();
        var queue = new PriorityQueue<(int At, int Left, int Right), (int Rank, int At)>();
        void Offer(int at)
        {
            if (at >= 0 && next[at] < symbols.Length && _merges.TryGetValue((symbols[at], symbols[next[at]]), out var merge))
                queue.Enqueue((at, symbols[at], symbols[next[at]]), (merge.Rank, at));
        }

        for (var i = 0; i < symbols.Length; i++)
            Offer(i);
        while (queue.TryDequeue(out var pair, out _))
        {
            // An offer is stale when either side has been merged since; merged-away symbols hold -1.
            var right = next[pair.At];
            if (symbols[pair.At] != pair.Left || right >= symbols.Length || symbols[right] != pair.Right)
                continue;
            symbols[pair.At] = _merges[(pair.Left, pair.Right)].Id;
            symbols[right] = -1;
            next[pair.At] = next[right];
            if (next[right] < symbols.Length)
                previous[next[right]] = pair.At;
            Offer(previous[pair.At]);
            Offer(pair.At);
        }

        return [.. symbols.Where(s => s >= 0)];
    }

    internal readonly record struct Merge(int Rank, int Id)
    {
        public static Merge None => new(int.MaxValue, -1);
    }
}

/// <summary>Turns tokens into text as they come. Not safe for concurrent use: one per answer.</summary>
public sealed class StreamingDecoder
{
    private readonly ByteLevelBpe _tokenizer;
    private readonly Decoder _utf8 = Encoding.UTF8.GetDecoder();

    internal StreamingDecoder(ByteLevelBpe tokenizer) => _tokenizer = tokenizer;

    /// <summary>The text that this token completes; empty for a special token or the first bytes of a character.</summary>
    public string Append(int id) => _tokenizer.IsSpecial(id) ? "" : Decode(_tokenizer.TokenBytes(id).Span, flush: false);

    /// <summary>What is left at the end: U+FFFD for an incomplete character, otherwise empty.</summary>
    public string Flush() => Decode([], flush: true);

    private string Decode(ReadOnlySpan<byte> bytes, bool flush)
    {
        var chars = new char[_utf8.GetCharCount(bytes, flush)];
        var count = _utf8.GetChars(bytes, chars, flush);
        return new string(chars, 0, count);
    }
}
