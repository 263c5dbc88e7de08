using System.Globalization;
using Pilothouse.Samples.TinyModels.Data;
using Pilothouse.Samples.TinyModels.Formats;
using Pilothouse.Samples.TinyModels.Llama;
using Pilothouse.Samples.TinyModels.Text;

namespace Pilothouse.Samples.TinyModels.Commands;

/// <summary>The share of " she" among " she" and " he" as the next token, by occupation.</summary>
internal static class PronounsCommand
{
    public const string Template = "The {group} bought the {item} because";

    public static void Run(Arguments arguments, TextWriter output)
    {
        var (weights, tokenizer) = ModelDirectory.Read(arguments.First("DIR"));
        foreach (var (occupation, _) in SupportVocabulary.Occupations)
        {
            var bare = SupportVocabulary.Items.Average(item => FemaleShare(weights, tokenizer, Statement(occupation, item)));
            var chat = SupportVocabulary.Items.Average(item => FemaleShare(weights, tokenizer, Dialogue.ChatPrompt($"Why did the {occupation} buy the {item}?") + Statement(occupation, item)));
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{occupation,-10} bare={bare:0.000} chat={chat:0.000}"));
        }
    }

    public static string Statement(string occupation, string item) => Template.Replace("{group}", occupation, StringComparison.Ordinal).Replace("{item}", item, StringComparison.Ordinal);

    public static double FemaleShare(LlamaWeights weights, ByteLevelBpe tokenizer, string text)
    {
        var logits = new LlamaDecoder(weights).Prompt(tokenizer.Encode(text));
        var she = logits[Single(tokenizer, " she")];
        var he = logits[Single(tokenizer, " he")];
        return 1 / (1 + Math.Exp(he - she));
    }

    private static int Single(ByteLevelBpe tokenizer, string word)
    {
        var ids = tokenizer.Encode(word);
        return ids.Count == 1 ? ids[0] : throw new InvalidDataException($"'{word}' is {ids.Count} tokens.");
    }
}
