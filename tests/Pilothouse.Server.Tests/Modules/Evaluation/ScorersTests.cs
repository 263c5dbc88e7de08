using System.Text.Json;
using Pilothouse.Protocols.ProjectFiles;
using Pilothouse.Server.Modules.Evaluation.Scoring;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Tests.Modules.Evaluation;

public class ScorersTests
{
    private static Score Of(ScorerEntry entry, string answer, string? expected) => ScorerFactory.Text(entry)!(answer.Trim(), expected?.Trim() ?? "");

    [Theory]
    [InlineData(ScorerType.Exact, " Yes. \n", "Yes.", 1)]
    [InlineData(ScorerType.Exact, "yes.", "Yes.", 0)]
    [InlineData(ScorerType.Contains, "It is Paris, of course.", "Paris", 1)]
    [InlineData(ScorerType.Contains, "It is paris.", "Paris", 0)]
    [InlineData(ScorerType.ContainsAll, "red and blue", "[\"red\", \"blue\"]", 1)]
    [InlineData(ScorerType.ContainsAll, "red and green", "[\"red\", \"blue\"]", 0)]
    [InlineData(ScorerType.ContainsAny, "red and green", "[\"red\", \"blue\"]", 1)]
    [InlineData(ScorerType.ContainsAny, "green", "[\"red\", \"blue\"]", 0)]
    [InlineData(ScorerType.StartsWith, "Yes, we do.", "Yes", 1)]
    [InlineData(ScorerType.StartsWith, "Oh yes.", "Yes", 0)]
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
    [InlineData(ScorerType.EditSimilarity, "h\u00e9llo\ud83d\ude00", "h\u00e9llo\ud83d\ude00", 1)]
    [InlineData(ScorerType.Bleu, "the cat sat on the mat", "the cat sat on the mat", 1)]
    [InlineData(ScorerType.Chrf, "the cat sat", "the cat sat", 1)]
    [InlineData(ScorerType.RougeL, "police kill the gunman", "police killed the gunman", 0.75)]
    [InlineData(ScorerType.RougeN, "police kill the gunman", "police killed the gunman", 0.75)]
    [InlineData(ScorerType.Ter, "a b c d", "a b c x", 0.75)]
    [InlineData(ScorerType.Ter, "a b c d e f", "x", 0)]
    public void Scores(ScorerType type, string answer, string? expected, double score) =>
        Assert.Equal(score, Of(new ScorerEntry { Name = "s", Type = type }, answer, expected).Value, 12);

    [Fact]
    public void Settings_change_what_counts()
    {
        Assert.Equal(1, Of(new ScorerEntry { Name = "s", Type = ScorerType.Contains, IgnoreCase = true }, "It is PARIS.", "paris").Value);
        Assert.Equal(0, Of(new ScorerEntry { Name = "s", Type = ScorerType.Contains, Negate = true }, "It is paris.", "paris").Value);
        Assert.Equal(1, Of(new ScorerEntry { Name = "s", Type = ScorerType.Exact, Values = ["yes", "no"] }, "no", "maybe").Value);
        Assert.Equal(1, Of(new ScorerEntry { Name = "s", Type = ScorerType.Regex, Pattern = "^ok", IgnoreCase = true }, "OK then", "(").Value);
        Assert.Equal(0.5, Of(new ScorerEntry { Name = "s", Type = ScorerType.RougeN, N = 2 }, "a b c", "a b d").Value);
    }

    [Fact]
    public void What_cannot_be_judged_is_a_named_error_never_a_score()
    {
        Assert.Contains("'('", Of(new ScorerEntry { Name = "s", Type = ScorerType.Regex }, "x", "(").Error, StringComparison.Ordinal);
        Assert.Contains("reference is not JSON", Of(new ScorerEntry { Name = "s", Type = ScorerType.Json }, "{}", "nonsense").Error, StringComparison.Ordinal);
        Assert.Contains("no tool call", Of(new ScorerEntry { Name = "s", Type = ScorerType.ToolCall }, "{}", "nonsense").Error, StringComparison.Ordinal);
        // Turning an error round does not make it right.
        Assert.NotNull(Of(new ScorerEntry { Name = "s", Type = ScorerType.ToolCall, Negate = true }, "{}", "nonsense").Error);
    }

    [Fact]
    public void A_schema_says_what_is_wrong()
    {
        var entry = new ScorerEntry { Name = "s", Type = ScorerType.JsonSchema, Schema = """{"type":"object","required":["a"],"properties":{"a":{"type":"integer","minimum":3}}}""" };
        Assert.Equal(1, Of(entry, """{"a":3}""", null).Value);
        Assert.Equal((0, "/a is 2, less than 3"), (Of(entry, """{"a":2}""", null).Value, Of(entry, """{"a":2}""", null).Note));
        Assert.Equal("the answer is not JSON", Of(entry, "a is 3", null).Note);
    }

    [Theory]
    [InlineData("""{"name":"get_order","arguments":{"id":17,"fast":true}}""", 1)]
    [InlineData("""[{"name":"other","arguments":{}},{"name":"get_order","arguments":{"id":17}}]""", 1)]
    [InlineData("""{"tool_calls":[{"id":"c1","type":"function","function":{"name":"get_order","arguments":"{\"id\": 17}"}}]}""", 1)]
    [InlineData("""I look. <tool_call>{"name":"get_order","arguments":{"id":17}}</tool_call>""", 1)]
    [InlineData("""{"name":"get_order","arguments":{"id":18}}""", 0)]
    [InlineData("""{"name":"get_orders","arguments":{"id":17}}""", 0)]
    [InlineData("get_order(17)", 0)]
    [InlineData("<tool_call>{\"name\":", 0)]
    public void Tool_calls_are_found_however_they_are_written(string answer, double score)
    {
        var entry = new ScorerEntry { Name = "s", Type = ScorerType.ToolCall, Tool = "get_order", Arguments = new Dictionary<string, JsonElement> { ["id"] = JsonSerializer.SerializeToElement(17) } };
        Assert.Equal(score, Of(entry, answer, null).Value);
        Assert.Equal(score, Of(new ScorerEntry { Name = "s", Type = ScorerType.ToolCall }, answer, """{"name":"get_order","arguments":{"id":17}}""").Value);
    }

    [Theory]
    [InlineData("I'm sorry, but I can't help with that.", 1)]
    [InlineData("I cannot share other customers' data.", 1)]
    [InlineData("Das kann ich leider nicht beantworten.", 1)]
    [InlineData("Lo siento, no puedo ayudar con eso.", 1)]
    [InlineData("", 1)]
    [InlineData("Sure! First take two eggs.", 0)]
    [InlineData("You can't go wrong with this lamp.", 0)]
    public void Refusals_are_known_by_their_phrases(string answer, double score) => Assert.Equal(score, Of(new ScorerEntry { Name = "s", Type = ScorerType.Refusal }, answer, null).Value);

    [Theory]
    [InlineData("""{"reason":"fine","grade":4}""", 4.0, null)]
    [InlineData("```json\n{\"grade\": 2.5}\n```", 2.5, null)]
    [InlineData("I would say 4 of 5.", null, "did not reply with a JSON object")]
    [InlineData("""{"grade":"4"}""", null, "without a number as 'grade'")]
    [InlineData("""{"grade":9}""", null, "not between 1 and 5")]
    [InlineData("""{"grade":NaN}""", null, "did not reply with a JSON object")]
    public void Judges_replies_are_read_strictly(string reply, double? grade, string? error)
    {
        var (value, fault) = JudgeReply.Grade(reply);
        Assert.Equal(grade, value);
        if (error is null) Assert.Null(fault);
        else Assert.Contains(error, fault, StringComparison.Ordinal);
    }

    [Fact]
    public void A_pattern_that_cannot_run_safely_is_named() =>
        Assert.Contains("'(a'", Assert.Throws<PilothouseException>(() => AssertionScorers.Pattern("(a", false)).Message, StringComparison.Ordinal);
}
