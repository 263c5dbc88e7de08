using System.Text;
using System.Text.Json;
using CsCheck;
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

    [Fact]
    public void Registered_prompt_as_a_file_says_what_the_version_says() => Gen.Select(Gen.String, Gen.String.Array[0, 3], Gen.Bool).Sample((text, contents, isChat) =>
    {
        var messages = isChat && contents.Length > 0 ? contents.Select(c => new V1.PromptMessage("user", c)).ToList() : null;
        var version = new V1.PromptVersion("support", 1, "sha256:00", text, [], null, null, null, "ann", 0) { Messages = messages };
        // What no prompt file can hold is told, never changed.
        var file = PromptFileReader.Parse(Encoding.UTF8.GetString(PromptDocument.Of(version))).File;
        if (file is null) return;
        if (messages is null) Assert.Equal(Replaced(text), file.Template!.Text);
        else Assert.Equal(messages.Select(m => Replaced(m.Content)), file.Messages.Select(m => m.Content.Text));
    });

    [Fact]
    public void Registered_prompt_keeps_variables_and_parameters_and_refuses_other_braces()
    {
        var version = new V1.PromptVersion("support", 1, "sha256:00", "Say {a} to {b}\n: - # \"quoted\"\t{\"json\": 1}", ["a", "b"], "what for", null, null, "ann", 0)
        {
            TypedVariables = [new("b", "enum", Required: false, Default: JsonSerializer.SerializeToElement("x"), Values: ["x", "y"])],
            Parameters = new Dictionary<string, JsonElement> { ["temperature"] = JsonSerializer.SerializeToElement(0.2) },
        };
        var file = PromptFileReader.Parse(Encoding.UTF8.GetString(PromptDocument.Of(version))).File!;
        Assert.Equal((version.Template, "what for"), (file.Template!.Text, file.Description));
        Assert.Equal(("enum", false, "x"), (file.Declared[0].Type, file.Declared[0].Required, file.Declared[0].Default!.Value.GetString()));
        Assert.Equal(0.2, file.Parameters["temperature"].GetDouble());
        Assert.Throws<ProtocolFormatException>(() => PromptDocument.Of(version with { OfMlflow = true }));
    }

    /// <summary>Half of a pair of surrogates cannot be written as UTF-8.</summary>
    private static string Replaced(string text) => Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text));
}
