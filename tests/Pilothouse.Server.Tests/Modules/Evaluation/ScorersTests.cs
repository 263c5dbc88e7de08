using Pilothouse.Protocols.ProjectFiles;
using Pilothouse.Server.Modules.Evaluation;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Tests.Modules.Evaluation;

public class ScorersTests
{
    [Theory]
    [InlineData(ScorerType.Exact, " Yes. \n", "Yes.", 1)]
    [InlineData(ScorerType.Exact, "yes.", "Yes.", 0)]
    [InlineData(ScorerType.Contains, "It is Paris, of course.", "Paris", 1)]
    [InlineData(ScorerType.Contains, "It is paris.", "Paris", 0)]
    [InlineData(ScorerType.Regex, "order 1234 is on its way", "[0-9]{4}", 1)]
    [InlineData(ScorerType.Regex, "no order", "[0-9]{4}", 0)]
    [InlineData(ScorerType.Json, "{\"b\":2,\"a\":[1,2]}", "{ \"a\": [1, 2], \"b\": 2 }", 1)]
    [InlineData(ScorerType.Json, "{\"a\":[2,1]}", "{\"a\":[1,2]}", 0)]
    [InlineData(ScorerType.Json, "{\"a\":1}", null, 1)]
    [InlineData(ScorerType.Json, "Sure! {\"a\":1}", null, 0)]
    [InlineData(ScorerType.Accuracy, "urgent", "urgent", 1)]
    [InlineData(ScorerType.F1, "The lamp, arrives Monday", "the LAMP arrives on Tuesday", 2.0 / 3)]
    [InlineData(ScorerType.F1, "a a a", "a", 0.5)]
    [InlineData(ScorerType.F1, "", "", 1)]
    [InlineData(ScorerType.F1, "", "x", 0)]
    [InlineData(ScorerType.EditSimilarity, "kitten", "sitting", 1 - 3.0 / 7)]
    [InlineData(ScorerType.EditSimilarity, "", "", 1)]
    [InlineData(ScorerType.EditSimilarity, "héllo😀", "héllo😀", 1)]
    public void Scores(ScorerType type, string answer, string? expected, double score) =>
        Assert.Equal(score, Scorers.Compile(new ScorerEntry { Name = "s", Type = type })(answer, expected), 12);

    [Fact]
    public void A_pattern_of_the_file_wins_over_the_reference() =>
        Assert.Equal(1, Scorers.Compile(new ScorerEntry { Name = "s", Type = ScorerType.Regex, Pattern = "^ok" })("ok then", "("));

    [Fact]
    public void A_reference_that_is_no_pattern_is_named() =>
        Assert.Contains("'('", Assert.Throws<PilothouseException>(() => Scorers.Compile(new ScorerEntry { Name = "s", Type = ScorerType.Regex })("x", "(")).Message, StringComparison.Ordinal);
}
