using CsCheck;
using Pilothouse.Protocols.ChatTemplates;

namespace Pilothouse.Protocols.Tests.ChatTemplates;

public class ChatTemplateTests
{
    /// <summary>The form of the widespread ChatML templates, with a default system message, white space control and line breaks of its own.</summary>
    private const string ChatMl = """
        {%- if messages[0]['role'] == 'system' %}
            {%- set system = messages[0].content | trim %}
            {%- set loop_messages = messages[1:] %}
        {%- else %}
            {%- set system = "Be brief." %}
            {%- set loop_messages = messages %}
        {%- endif %}
        {{- bos_token + '<|im_start|>system\n' ~ system + '<|im_end|>\n' }}
        {%- for message in loop_messages %}
            {%- if (message.role == 'user') != (loop.index0 % 2 == 0) %}
                {{- raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}
            {%- endif %}
            {{- '<|im_start|>' + message.role + '\n' + message.content + ('' if loop.last and message.role == 'assistant' else '<|im_end|>\n') }}
        {%- endfor %}
        {%- if add_generation_prompt %}{{- '<|im_start|>assistant\n' }}{% endif %}
        """;

    [Fact]
    public void ChatMl_renders_as_the_reference_does() => Assert.Equal(
        "<s><|im_start|>system\nBe kind.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nHello<|im_end|>\n<|im_start|>user\nBye<|im_end|>\n<|im_start|>assistant\n",
        Render(ChatMl, ("system", " Be kind.\n"), ("user", "Hi"), ("assistant", "Hello"), ("user", "Bye")));

    [Fact]
    public void A_missing_system_message_takes_the_templates_own() => Assert.StartsWith("<s><|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHi", Render(ChatMl, ("user", "Hi")), StringComparison.Ordinal);

    [Fact]
    public void What_the_template_refuses_is_named()
    {
        var error = Assert.Throws<ProtocolFormatException>(() => Render(ChatMl, ("user", "Hi"), ("user", "Hi")));
        Assert.Contains("must alternate", error.Message, StringComparison.Ordinal);
    }

    /// <summary>Jinja's results with trim_blocks and lstrip_blocks, by its documentation (https://jinja.palletsprojects.com/en/stable/templates/#whitespace-control).</summary>
    [Theory]
    [InlineData("a\n  {% if true %}\nb\n  {% endif %}\nc", "a\nb\nc")]
    [InlineData("a {% if true %} b {% endif %} c", "a  b  c")]
    [InlineData("a  {{- ' x ' -}}  b", "a x b")]
    [InlineData("a {#- note -#} b", "ab")]
    [InlineData("{{ 'x' }}\n{{ 'y' }}\n", "x\ny")]
    [InlineData("{{ '{{ }}' }}", "{{ }}")]
    [InlineData("{{ \"it's\" + 'a\\nb' }}", "it'sa\nb")]
    public void White_space_follows_Jinja(string template, string expected) => Assert.Equal(expected, Render(template, ("user", "Hi")));

    [Theory]
    [InlineData("{{ 1 + 2 * 3 }}", "7")]
    [InlineData("{{ 7 % 3 }}{{ -7 % 3 }}", "12")]
    [InlineData("{{ 'a' if x is defined else 'b' }}", "b")]
    [InlineData("{{ 'a' if 'i' in messages[0].content and not false else 'b' }}", "a")]
    [InlineData("{{ messages[-1]['content'] | upper }}", "HI")]
    [InlineData("{{ messages | length }}", "1")]
    [InlineData("{% set ns = namespace(n=0) %}{% for m in messages %}{% set ns.n = ns.n + 1 %}{% endfor %}{{ ns.n }}", "1")]
    [InlineData("{% for m in messages if m.role == 'system' %}x{% endfor %}y", "y")]
    [InlineData("{% if false %}a{% elif true %}b{% else %}c{% endif %}", "b")]
    [InlineData("{{ ' a '.strip() }}{{ 'ab'.startswith('a') }}", "aTrue")]
    [InlineData("{{ messages[0].get('name', 'nobody') }}", "nobody")]
    [InlineData("{{ none }}{{ missing }}", "None")]
    public void Expressions_follow_Jinja(string template, string expected) => Assert.Equal(expected, Render(template, ("user", "Hi")));

    [Theory]
    [InlineData("{% macro a() %}{% endmacro %}", "macro")]
    [InlineData("{{ x | tojson }}", "tojson")]
    [InlineData("{{ strftime_now('%d') }}", "strftime_now")]
    [InlineData("{% for a, b in x %}{% endfor %}", "pairs")]
    [InlineData("{% if true %}", "endif")]
    [InlineData("{% endfor %}", "endfor")]
    [InlineData("{{ 'a }}", "end")]
    [InlineData("{{ a.b.c }}", "undefined")]
    public void What_is_not_supported_is_named(string template, string named)
    {
        var error = Assert.Throws<ProtocolFormatException>(() => Render(template, ("user", "Hi")));
        Assert.Contains(named, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Message_text_stays_marked_through_filters_and_sums()
    {
        var parts = ChatTemplate.Parse("{{ '<|user|>' + messages[0].content | trim + '<|end|>' }}").Render([new("user", " <|end|>x ")], "", "", false);
        Assert.Equal([new TemplatePart("<|user|>", false), new TemplatePart("<|end|>x", true), new TemplatePart("<|end|>", false)], parts);
    }

    [Theory]
    [InlineData("{{ ", 30_000)]
    [InlineData("a+", 30_000)]
    [InlineData("(", 30_000)]
    [InlineData("not ", 10_000)]
    [InlineData("x[", 30_000)]
    [InlineData("a.b", 20_000)]
    [InlineData("-", 60_000)]
    public void A_deep_template_is_refused_and_not_fatal(string piece, int count) =>
        Assert.Throws<ProtocolFormatException>(() => Render("{{ " + string.Concat(Enumerable.Repeat(piece, count)).PadRight(1)[..Math.Min(piece.Length * count, 60_000)] + " }}", ("user", "Hi")));

    [Fact]
    public void Nested_loops_end_at_the_bound()
    {
        var template = string.Concat(Enumerable.Repeat("{% for m in messages %}", 40)) + "x" + string.Concat(Enumerable.Repeat("{% endfor %}", 40));
        Assert.Throws<ProtocolFormatException>(() => Render(template, ("user", "a"), ("user", "b")));
    }

    [Fact]
    public void Hostile_templates_give_only_named_errors() => Mutations.OnlyNamedErrors(ChatMl, text => Render(text, ("user", "Hi"), ("assistant", "Ho")));

    private static string Render(string template, params (string Role, string Content)[] messages) =>
        string.Concat(ChatTemplate.Parse(template).Render([.. messages.Select(m => new ChatTemplateMessage(m.Role, m.Content))], "<s>", "</s>", addGenerationPrompt: true).Select(p => p.Text));
}
