namespace Pilothouse.Protocols.ChatTemplates;

/// <summary>One chat message as a template sees it.</summary>
public sealed record ChatTemplateMessage(string Role, string Content);

/// <summary>A run of the rendered text.</summary>
/// <param name="FromMessage">True for text that came from a message: it must never be read as a special token, whatever it spells.</param>
public readonly record struct TemplatePart(string Text, bool FromMessage);

/// <summary>
/// A chat template of a Hugging Face model (<c>chat_template</c> of tokenizer_config.json): the part of Jinja that these templates use, rendered with
/// transformers' settings (trim_blocks and lstrip_blocks). What it cannot do it refuses by name rather than render differently. Safe to share between threads.
/// </summary>
/// <example><code>{% for message in messages %}{{ '&lt;|user|>' + message['content'] }}{% endfor %}{% if add_generation_prompt %}{{ '&lt;|assistant|>' }}{% endif %}</code></example>
public sealed class ChatTemplate
{
    public const int MaxLength = 64 * 1024;

    private readonly IReadOnlyList<Node> _nodes;

    private ChatTemplate(IReadOnlyList<Node> nodes) => _nodes = nodes;

    /// <exception cref="ProtocolFormatException">Not well-formed, too long, or with a statement, filter or function that is not supported (named).</exception>
    public static ChatTemplate Parse(string template)
    {
        if (template.Length > MaxLength)
            throw new ProtocolFormatException($"The chat template is longer than {MaxLength} characters.");
        return new ChatTemplate(new JinjaParser(JinjaLexer.Read(template)).ParseAll());
    }

    /// <param name="messages">In order.</param>
    /// <param name="bosToken">Text of the model's first token, or empty.</param>
    /// <param name="eosToken">Text of the model's last token, or empty.</param>
    /// <param name="addGenerationPrompt">True to end where the assistant's answer begins.</param>
    /// <exception cref="ProtocolFormatException">The template itself refused the messages (<c>raise_exception</c>), or does not end within its bounds.</exception>
    public IReadOnlyList<TemplatePart> Render(IReadOnlyList<ChatTemplateMessage> messages, string bosToken, string eosToken, bool addGenerationPrompt)
    {
        var scope = new JinjaScope();
        scope.Set("messages", messages.Select(object? (m) => new Dictionary<string, object?>
        {
            // A role is ours (checked at the edge); the content is whatever a user typed.
            ["role"] = Rope.Of(m.Role),
            ["content"] = Rope.Of(m.Content, fromMessage: true),
        }).ToList());
        scope.Set("bos_token", Rope.Of(bosToken));
        scope.Set("eos_token", Rope.Of(eosToken));
        scope.Set("add_generation_prompt", addGenerationPrompt);
        var output = new JinjaOutput();
        foreach (var node in _nodes) node.Render(scope, output);
        return output.Parts();
    }
}
