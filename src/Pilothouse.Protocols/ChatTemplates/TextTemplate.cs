using System.Text.Json;

namespace Pilothouse.Protocols.ChatTemplates;

/// <summary>
/// A text in the part of Nunjucks that it shares with Jinja: <c>{{ name }}</c>, filters, <c>{% if %}</c>, <c>{% for %}</c>, <c>{% set %}</c>. A name without a value
/// is empty, as in Nunjucks. What is not supported is refused by name. Safe to share between threads.
/// </summary>
public sealed class TextTemplate
{
    private readonly IReadOnlyList<Node> _nodes;

    private TextTemplate(IReadOnlyList<Node> nodes) => _nodes = nodes;

    /// <exception cref="ProtocolFormatException">Not well-formed, too long, or with something that is not supported.</exception>
    public static TextTemplate Parse(string text)
    {
        if (text.Length > ChatTemplate.MaxLength) throw new ProtocolFormatException($"The template is longer than {ChatTemplate.MaxLength} characters.");
        return Named(() => new TextTemplate(new JinjaParser(JinjaLexer.Read(text, trimsBlocks: false)).ParseAll()));
    }

    /// <exception cref="ProtocolFormatException">A value does not fit what is done with it, or the template does not end within its bounds.</exception>
    public string Render(IReadOnlyDictionary<string, JsonElement> values) => Named(() =>
    {
        var scope = new JinjaScope();
        foreach (var (name, value) in values) scope.Set(name, Value(value));
        var output = new JinjaOutput { IsNunjucks = true };
        foreach (var node in _nodes) node.Render(scope, output);
        return string.Concat(output.Parts().Select(p => p.Text));
    });

    private static object? Value(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.String => Rope.Of(value.GetString()!),
        JsonValueKind.Number => value.TryGetInt64(out var number) ? number : Rope.Of(value.GetRawText()),
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        JsonValueKind.Array => value.EnumerateArray().Select(Value).ToList(),
        JsonValueKind.Object => value.EnumerateObject().ToDictionary(m => m.Name, m => Value(m.Value)),
        _ => null,
    };

    private static T Named<T>(Func<T> work)
    {
        try
        {
            return work();
        }
        catch (ProtocolFormatException e)
        {
            throw new ProtocolFormatException(e.Message.Replace("chat template", "template", StringComparison.Ordinal));
        }
    }
}
