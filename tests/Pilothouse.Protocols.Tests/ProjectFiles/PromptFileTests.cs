using Pilothouse.Protocols.ProjectFiles;

namespace Pilothouse.Protocols.Tests.ProjectFiles;

public sealed class PromptFileTests
{
    [Fact]
    public void Chat_prompt_is_read_and_rendered()
    {
        var file = PromptFileReader.Parse(Samples.ChatPrompt).File!;

        Assert.Equal(["shop", "prompt"], file.Variables);
        Assert.Equal(["system", "user"], file.Messages.Select(m => m.Role));
        Assert.Equal("""Hi {shop} {"json": {"kept": 1}}""", file.Messages[1].Content.Render(new Dictionary<string, string> { ["prompt"] = "Hi {shop}" }));
        Assert.Equal(0, file.Parameters["temperature"].GetInt32());
    }

    [Fact]
    public void Text_prompt_is_read()
    {
        var file = PromptFileReader.Parse("template: |\n  User: {prompt}\n  Assistant:\n").File!;

        Assert.Empty(file.Messages);
        Assert.Equal("User: hi\nAssistant:\n", file.Template!.Render(new Dictionary<string, string> { ["prompt"] = "hi" }));
    }

    [Fact]
    public void Missing_value_is_named()
    {
        var e = Assert.Throws<ProtocolFormatException>(() => PromptTemplate.Parse("{a} {b}").Render(new Dictionary<string, string> { ["a"] = "1" }));

        Assert.Contains("'b'", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("description: x", "template")]
    [InlineData("template: x\nmessages: [{ role: user, content: x }]", "template")]
    [InlineData("messages: [{ role: usr, content: x }]", "messages[0].role")]
    [InlineData("messages: [{ role: user }]", "messages[0].content")]
    [InlineData("template: x\ntemperature: 1", "temperature")]
    public void Fault_is_named(string text, string key) => Assert.Equal(key, Assert.Single(PromptFileReader.Parse(text).Faults).Key);

    [Theory]
    [InlineData("500ms", 500)]
    [InlineData("5s", 5_000)]
    [InlineData("2m", 120_000)]
    [InlineData("1h", 3_600_000)]
    [InlineData("7d", 604_800_000)]
    [InlineData("0s", 0)]
    public void Duration_round_trips(string text, double ms)
    {
        Assert.True(Duration.TryParse(text, out var value));
        Assert.Equal(ms, value.TotalMilliseconds);
        Assert.True(Duration.TryParse(Duration.Format(value), out var again));
        Assert.Equal(value, again);
    }

    [Theory]
    [InlineData("5")]
    [InlineData("s")]
    [InlineData("-5s")]
    [InlineData("1.5h")]
    [InlineData("9999999999s")]
    [InlineData("366d")]
    [InlineData("5 s")]
    public void Not_a_duration_is_refused(string text) => Assert.False(Duration.TryParse(text, out _));
}
