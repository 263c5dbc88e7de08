using System.Text;
using System.Text.Json;
using Pilothouse.Protocols.ChatTemplates;
using Pilothouse.Protocols.Tokenizers;
using Pilothouse.Server.Platform;
using Pilothouse.Server.Platform.Inference;

namespace Pilothouse.Server.Modules.Gateway.Engines;

/// <summary>Turns messages into tokens as the model was trained to see them: chat template of the model directory and its tokenizer.</summary>
internal sealed class ChatPrompt
{
    private readonly ByteLevelBpe _tokenizer;
    private readonly ChatTemplate? _template;
    private readonly string _bos;
    private readonly string _eos;

    private ChatPrompt(ByteLevelBpe tokenizer, ChatTemplate? template, string bos, string eos)
    {
        _tokenizer = tokenizer;
        _template = template;
        _bos = bos;
        _eos = eos;
    }

    public static ChatPrompt Read(ModelFiles files, ByteLevelBpe tokenizer)
    {
        // Since transformers 4.51 the template may lie in a file of its own, which wins.
        var own = files.Has("chat_template.jinja") ? Encoding.UTF8.GetString(files.Read("chat_template.jinja")) : null;
        var (template, bos, eos) = files.Has("tokenizer_config.json")
            ? files.Json("tokenizer_config.json", json => (own ?? TemplateOf(json), Token(json, "bos_token"), Token(json, "eos_token")))
            : (own, "", "");
        try
        {
            return new ChatPrompt(tokenizer, template is null ? null : ChatTemplate.Parse(template), bos, eos);
        }
        catch (Protocols.ProtocolFormatException e)
        {
            throw files.Fault("tokenizer_config.json", e.Message, e);
        }
    }

    /// <summary>A model without a chat template is a plain text model: it continues the messages' text.</summary>
    public IReadOnlyList<int> Encode(IReadOnlyList<ChatTurn> messages)
    {
        if (_template is null) return _tokenizer.Encode([new TemplatePart(string.Join('\n', messages.Select(m => m.Content)), FromMessage: true)]);
        try
        {
            return _tokenizer.Encode(_template.Render([.. messages.Select(m => new ChatTemplateMessage(m.Role, m.Content))], _bos, _eos, addGenerationPrompt: true));
        }
        catch (Protocols.ProtocolFormatException e)
        {
            throw new PilothouseException(ErrorCode.InvalidArgument, e.Message, e);
        }
    }

    // "chat_template": "{% for ...", or [{"name":"default","template":"..."},{"name":"tool_use","template":"..."}]
    private static string? TemplateOf(JsonElement json) => !json.TryGetProperty("chat_template", out var template) ? null : template.ValueKind switch
    {
        JsonValueKind.String => template.GetString(),
        JsonValueKind.Array => template.EnumerateArray().Where(t => t.GetProperty("name").GetString() == "default").Select(t => t.GetProperty("template").GetString()).FirstOrDefault(),
        _ => null,
    };

    // "eos_token": "<|eos|>", or {"__type":"AddedToken","content":"<|eos|>",...}
    private static string Token(JsonElement json, string name) => !json.TryGetProperty(name, out var token) ? "" : token.ValueKind switch
    {
        JsonValueKind.String => token.GetString()!,
        JsonValueKind.Object => token.GetProperty("content").GetString() ?? "",
        _ => "",
    };
}
