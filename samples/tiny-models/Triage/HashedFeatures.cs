using System.Text;

namespace Pilothouse.Samples.TinyModels.Triage;

/// <summary>
/// Text to feature ids, as config.json states it ("model_type": "hashed_ngrams") and samples/tiny-models/README.md explains it:
/// <list type="number">
/// <item>ASCII upper case becomes lower case; tokens are the longest runs of <c>[a-z0-9']</c>, of which the first <see cref="MaxTokens"/> count.</item>
/// <item>Features: <c>w:</c> + n neighbouring tokens joined by one space, for n in <see cref="WordNgrams"/>; <c>c:</c> + n neighbouring characters of
/// <c>&lt;token&gt;</c>, for n in <see cref="CharNgrams"/>.</item>
/// <item>Id = FNV-1a (32 bits) of the feature's bytes, of which the low <see cref="Bits"/> count. Distinct, ascending.</item>
/// </list>
/// Raw input: <c>Is very hurry!</c> gives w:is, w:very, w:hurry, w:is very, w:very hurry, c:&lt;is, c:is&gt;, c:&lt;is&gt;, c:&lt;ve, ...
/// </summary>
internal static class HashedFeatures
{
    public const int Bits = 15;
    public const int MaxTokens = 512;
    public static readonly (int From, int To) WordNgrams = (1, 2);
    public static readonly (int From, int To) CharNgrams = (3, 4);

    public static int[] Of(string text)
    {
        var tokens = Tokens(text);
        var ids = new SortedSet<int>();
        for (var n = WordNgrams.From; n <= WordNgrams.To; n++)
            for (var i = 0; i + n <= tokens.Count; i++) ids.Add(Id("w:" + string.Join(' ', tokens.Skip(i).Take(n))));
        foreach (var token in tokens)
        {
            var marked = $"<{token}>";
            for (var n = CharNgrams.From; n <= CharNgrams.To; n++)
                for (var i = 0; i + n <= marked.Length; i++) ids.Add(Id($"c:{marked.AsSpan(i, n)}"));
        }
        return [.. ids];
    }

    private static int Id(string feature) => (int)(Data.Fnv1a.Hash(feature) & ((1u << Bits) - 1));

    private static List<string> Tokens(string text)
    {
        var tokens = new List<string>();
        var token = new StringBuilder();
        foreach (var c in text + " ")
        {
            var lower = c is >= 'A' and <= 'Z' ? (char)(c | 0x20) : c;
            if (lower is (>= 'a' and <= 'z') or (>= '0' and <= '9') or '\'') token.Append(lower);
            else if (token.Length > 0)
            {
                tokens.Add(token.ToString());
                token.Clear();
                if (tokens.Count == MaxTokens) break;
            }
        }
        return tokens;
    }
}
