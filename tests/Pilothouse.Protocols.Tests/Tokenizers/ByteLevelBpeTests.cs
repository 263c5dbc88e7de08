using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using CsCheck;
using Pilothouse.Protocols.Tokenizers;

namespace Pilothouse.Protocols.Tests.Tokenizers;

public sealed class ByteLevelBpeTests
{
    private static readonly string[] MergeLines = ["Ġ s", "h e", "Ġs he", "l l", "e ll", "Ġ Ġ", "a a", "aa aa", "aa a", "Ã ¤"];
    private static readonly byte[] Json = Build();
    private static readonly ByteLevelBpe Tokenizer = ByteLevelBpe.Load(Json);

    private static readonly Gen<string> AnyText = Gen.OneOf(
        Gen.String,
        Gen.Char[" \n\t'sthelaär1,!<|eos>💡𝐀𝟘\u00a0\u3000"].Array[0, 40].Select(c => new string(c)));

    [Theory]
    [InlineData("he said she", "he,Ġs,a,i,d,Ġshe")]
    [InlineData("a   b", "a,ĠĠ,Ġ,b")]
    [InlineData("<|eos|>hell<|eos|>", "<|eos|>,he,ll,<|eos|>")]
    [InlineData("ä", "Ã¤")]
    [InlineData("", "")]
    public void Text_becomes_these_tokens(string text, string tokens) =>
        Assert.Equal(tokens.Split(',', StringSplitOptions.RemoveEmptyEntries).Select(Id), Tokenizer.Encode(text));

    [Fact]
    public void Special_tokens_in_untrusted_text_stay_text()
    {
        var ids = Tokenizer.Encode("<|eos|>", parseSpecial: false);

        Assert.DoesNotContain(Id("<|eos|>"), ids);
        Assert.Equal("<|eos|>", Tokenizer.Decode(ids));
    }

    [Fact]
    public void Decoding_gives_the_text_back() => AnyText.Sample(text =>
    {
        // Lone surrogates cannot be encoded; they become U+FFFD, as with every UTF-8 encoder.
        var encodable = Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text));
        Assert.Equal(encodable, Tokenizer.Decode(Tokenizer.Encode(text, parseSpecial: false)));
    });

    [Fact]
    public void Streaming_gives_the_same_text_and_never_half_a_character() => AnyText.Sample(text =>
    {
        var decoder = Tokenizer.CreateStreamingDecoder();
        var ids = Tokenizer.Encode(text, parseSpecial: false);
        var parts = ids.Select(decoder.Append).ToList();
        Assert.Equal("", decoder.Flush());
        Assert.All(parts, part => Assert.Equal(part, Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(part))));
        Assert.Equal(Tokenizer.Decode(ids), string.Concat(parts));
    });

    [Fact]
    public void Incomplete_character_is_marked_at_the_end()
    {
        var decoder = Tokenizer.CreateStreamingDecoder();

        Assert.Equal("", decoder.Append(Id("Ã")));
        Assert.Equal("\uFFFD", decoder.Flush());
    }

    [Fact]
    public void Both_ways_of_merging_agree() => Gen.Int[0, 255].Array[1, 60].Sample(bytes =>
    {
        var letters = bytes.Select(b => Id("ahels"[b % 5].ToString())).ToArray();
        Assert.Equal(Tokenizer.MergeByScan([.. letters]), Tokenizer.MergeByQueue([.. letters]));
    });

    [Fact]
    public void One_letter_a_hundred_thousand_times_is_merged_in_reasonable_work() =>
        Assert.Equal(25_000, Tokenizer.Encode(new string('a', 100_000)).Count);

    /// <summary>The pattern itself is the reference, for text of the basic plane where .NET's Regex sees whole characters.</summary>
    [Fact]
    public void Pieces_are_those_of_the_pattern()
    {
        var pattern = new Regex(@"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+", RegexOptions.CultureInvariant);
        Gen.Char[" \n\t'stmdrvell1²,!äßЖ日\u00a0\u3000-_\u0301"].Array[0, 40].Select(c => new string(c)).Sample(
            text =>
            {
                var pieces = new List<string>();
                for (var start = 0; start < text.Length;)
                {
                    var end = Gpt2Pieces.End(text, start);
                    pieces.Add(text[start..end]);
                    start = end;
                }

                Assert.Equal(pattern.Matches(text).Select(m => m.Value), pieces);
            },
            iter: 20_000);
    }

    [Fact]
    public void Letters_beyond_the_basic_plane_stay_in_one_piece() => Assert.Equal(" a𝐀b".Length, Gpt2Pieces.End(" a𝐀b c", 0));

    [Theory]
    [InlineData("\"normalizer\":null", "\"normalizer\":{\"type\":\"NFC\"}", "normalizer")]
    [InlineData("\"use_regex\":true", "\"use_regex\":false", "use_regex")]
    [InlineData("\"lstrip\":false", "\"lstrip\":true", "lstrip")]
    [InlineData("\"type\":\"BPE\"", "\"type\":\"Unigram\"", "model")]
    [InlineData("\"h e\"", "\"h zz\"", "Merge 1")]
    public void Part_that_is_not_supported_is_named(string good, string bad, string named)
    {
        var json = Encoding.UTF8.GetString(Json);
        Assert.Contains(good, json, StringComparison.Ordinal);
        var e = Assert.Throws<ProtocolFormatException>(() => ByteLevelBpe.Load(Encoding.UTF8.GetBytes(json.Replace(good, bad, StringComparison.Ordinal))));
        Assert.Contains(named, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Mutations_give_only_the_named_error() => Mutations.OnlyNamedErrors(Json, bytes => ByteLevelBpe.Load(bytes), iterations: 500);

    private static int Id(string token) => Tokenizer.TryGetId(token, out var id) ? id : throw new InvalidOperationException(token);

    private static byte[] Build()
    {
        var vocabulary = new Dictionary<string, int> { ["<|eos|>"] = 0 };
        for (var b = 0; b < 256; b++)
            vocabulary.Add(ByteMap.ToChar((byte)b).ToString(), vocabulary.Count);
        foreach (var merge in MergeLines)
            vocabulary.Add(merge.Replace(" ", "", StringComparison.Ordinal), vocabulary.Count);
        return JsonSerializer.SerializeToUtf8Bytes(new
        {
            normalizer = (string?)null,
            added_tokens = new[] { new { id = 0, content = "<|eos|>", single_word = false, lstrip = false, rstrip = false, normalized = false, special = true } },
            pre_tokenizer = new { type = "ByteLevel", add_prefix_space = false, use_regex = true },
            model = new { type = "BPE", vocab = vocabulary, merges = MergeLines },
        });
    }
}
