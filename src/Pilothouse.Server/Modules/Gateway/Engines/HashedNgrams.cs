using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace Pilothouse.Server.Modules.Gateway.Engines;

/// <summary>
/// Text to feature ids, as the classifier's config.json states it (<c>"model_type": "hashed_ngrams"</c>):
/// tokens are the matches of token_pattern; features are word_prefix + n neighbouring tokens joined by a space, and char_prefix + n neighbouring
/// characters of char_start + token + char_end; the id is the low bits of the 32-bit FNV-1a hash of the feature's UTF-8 bytes. Distinct, ascending.
/// </summary>
/// <example><c>Is very hurry!</c> gives w:is, w:very, w:hurry, w:is very, w:very hurry, c:&lt;is, c:is&gt;, c:&lt;is&gt;, c:&lt;ve, ...</example>
internal sealed class HashedNgrams
{
    private readonly Regex _token;
    private readonly int _maxTokens;
    private readonly (int From, int To) _words;
    private readonly (int From, int To) _chars;
    private readonly string _wordPrefix;
    private readonly string _charPrefix;
    private readonly string _start;
    private readonly string _end;
    private readonly bool _lowercase;
    private readonly uint _mask;

    public HashedNgrams(JsonElement config)
    {
        var hash = Text(config, "hash", "fnv1a32");
        if (hash != "fnv1a32") throw new FormatException($"'hash' is '{hash}'; fnv1a32 is supported");
        var lowercase = Text(config, "lowercase", "ascii");
        if (lowercase is not ("ascii" or "none")) throw new FormatException($"'lowercase' is '{lowercase}'; ascii and none are supported");
        _lowercase = lowercase == "ascii";
        _mask = (1u << Number(config, "bits", 1, 28)) - 1;
        _maxTokens = Number(config, "max_tokens", 1, 100_000);
        _words = Range(config, "word_ngrams");
        _chars = Range(config, "char_ngrams");
        (_wordPrefix, _charPrefix) = (Text(config, "word_prefix", ""), Text(config, "char_prefix", ""));
        (_start, _end) = (Text(config, "char_start", ""), Text(config, "char_end", ""));
        var pattern = Text(config, "token_pattern", "[a-z0-9']+");
        try
        {
            // A foreign pattern: NonBacktracking is linear in the text whatever it says.
            _token = new Regex(pattern.Length <= 200 ? pattern : throw new FormatException("'token_pattern' is longer than 200 characters"), RegexOptions.NonBacktracking | RegexOptions.CultureInvariant);
        }
        catch (Exception e) when (e is ArgumentException or NotSupportedException)
        {
            throw new FormatException($"'token_pattern' is not a pattern that can be used: {e.Message}", e);
        }
    }

    public long[] Ids(string text)
    {
        var tokens = new List<string>();
        foreach (var match in _token.EnumerateMatches(_lowercase ? LowerAscii(text) : text))
        {
            if (match.Length > 0) tokens.Add(_lowercase ? LowerAscii(text.Substring(match.Index, match.Length)) : text.Substring(match.Index, match.Length));
            if (tokens.Count == _maxTokens) break;
        }
        var ids = new SortedSet<long>();
        for (var n = _words.From; n <= _words.To; n++)
            for (var i = 0; i + n <= tokens.Count; i++) ids.Add(Id(_wordPrefix + string.Join(' ', tokens.GetRange(i, n))));
        foreach (var token in tokens)
        {
            var marked = _start + token + _end;
            for (var n = _chars.From; n <= _chars.To; n++)
                for (var i = 0; i + n <= marked.Length; i++) ids.Add(Id(string.Concat(_charPrefix, marked.AsSpan(i, n))));
        }
        return [.. ids];
    }

    private static string LowerAscii(string text) => string.Create(text.Length, text, static (span, source) =>
    {
        for (var i = 0; i < span.Length; i++) span[i] = char.IsAsciiLetterUpper(source[i]) ? (char)(source[i] | 0x20) : source[i];
    });

    private long Id(string feature)
    {
        var hash = 2166136261u;
        foreach (var b in Encoding.UTF8.GetBytes(feature)) hash = unchecked((hash ^ b) * 16777619u);
        return hash & _mask;
    }

    private static string Text(JsonElement config, string name, string absent) => config.TryGetProperty(name, out var value) ? value.GetString() ?? absent : absent;

    private static int Number(JsonElement config, string name, int min, int max)
    {
        if (!config.TryGetProperty(name, out var value)) throw new FormatException($"'{name}' is missing");
        return value.GetInt32() is var number && number >= min && number <= max ? number : throw new FormatException($"'{name}' is {number}; {min} to {max} is possible");
    }

    // [1, 2] = one or two neighbours; absent = none of this kind
    private static (int From, int To) Range(JsonElement config, string name)
    {
        if (!config.TryGetProperty(name, out var value)) return (1, 0);
        if (value.GetArrayLength() != 2) throw new FormatException($"'{name}' is not [from, to]");
        var (from, to) = (value[0].GetInt32(), value[1].GetInt32());
        return from >= 1 && to <= 16 ? (from, to) : throw new FormatException($"'{name}' must lie between 1 and 16");
    }
}
