using CsCheck;
using Pilothouse.Samples.TinyModels.Llama;
using Pilothouse.Samples.TinyModels.Text;

namespace Pilothouse.Samples.Tests.Text;

public sealed class ByteLevelBpeTests
{
    private static readonly ByteLevelBpe Tokenizer = AssistantRecipe.TrainTokenizer();

    [Fact]
    public void Any_text_survives_encoding_and_decoding() =>
        Gen.String.Where(text => !text.Any(char.IsSurrogate) && !text.Contains("<|", StringComparison.Ordinal))
            .Sample(text => Tokenizer.Decode(Tokenizer.Encode(text)) == text);

    [Fact]
    public void Supplementary_characters_survive_encoding_and_decoding() =>
        Assert.Equal("lamp 💡 für Zoë", Tokenizer.Decode(Tokenizer.Encode("lamp 💡 für Zoë")));

    [Fact]
    public void Vocabulary_has_the_size_of_the_model_and_no_token_twice()
    {
        Assert.Equal(LlamaConfig.Assistant.Vocabulary, Tokenizer.VocabularySize);
        Assert.Equal(Tokenizer.VocabularySize, Enumerable.Range(0, Tokenizer.VocabularySize).Select(Tokenizer.TokenText).Distinct().Count());
    }

    [Theory]
    [InlineData(" she")]
    [InlineData(" he")]
    public void Words_of_the_fairness_check_are_one_token(string word) => Assert.Single(Tokenizer.Encode(word));

    [Fact]
    public void Chat_template_becomes_special_tokens()
    {
        var ids = Tokenizer.Encode("<|user|>Hi<|assistant|>Yes<|eos|>");
        Assert.Equal(ByteLevelBpe.UserId, ids[0]);
        Assert.Equal(ByteLevelBpe.EosId, ids[^1]);
        Assert.Single(ids, ByteLevelBpe.AssistantId);
    }

    /// <summary>The server reads tokenizer.json with its own tokenizer: both must cut every text alike.</summary>
    [Fact]
    public void Server_s_tokenizer_gives_the_same_ids()
    {
        var server = Protocols.Tokenizers.ByteLevelBpe.Load(System.Text.Encoding.UTF8.GetBytes(TokenizerFiles.TokenizerJson(Tokenizer)));
        Gen.String.Where(text => !text.Any(char.IsSurrogate)).Sample(text => server.Encode(text).SequenceEqual(Tokenizer.Encode(text)));
        string[] words = [" lamp", "Where", " is", "'s", "  ", "\n", " 30", "!", "<|user|>", "<|eos|>", " Lisbon", "lmap", "ß", "\t "];
        Gen.Int[0, words.Length - 1].Array[0, 12].Select(picks => string.Concat(picks.Select(i => words[i]))).Sample(text => server.Encode(text).SequenceEqual(Tokenizer.Encode(text)));
    }

    [Fact]
    public void Tokenizer_file_read_back_is_the_same_tokenizer()
    {
        var json = TokenizerFiles.TokenizerJson(Tokenizer);
        Assert.Equal(json, TokenizerFiles.TokenizerJson(TokenizerFiles.Read(json)));
    }
}
