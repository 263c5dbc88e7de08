using System.Text.Json;
using Pilothouse.Protocols.V1;
using Pilothouse.Protocols.Yaml;

namespace Pilothouse.Protocols.ProjectFiles;

/// <summary>One message of a chat prompt.</summary>
/// <param name="Role"><c>system</c>, <c>user</c>, <c>assistant</c> or <c>developer</c>.</param>
/// <param name="Content">Template of its text.</param>
public sealed record PromptMessage(string Role, PromptTemplate Content);

/// <summary>
/// A prompt file (<c>prompts/*.yaml</c>): a text template or chat messages, with variables in braces.
/// The published form is <c>docs/schema/prompt.schema.json</c>.
/// </summary>
/// <example><code>
/// description: answers a customer
/// messages:
///   - { role: system, content: You are a support assistant. }
///   - { role: user, content: "{prompt}" }
/// variables:
///   prompt: { type: string, description: what the customer wrote }
/// parameters: { temperature: 0 }
/// </code></example>
public sealed record PromptFile
{
    public string? Description { get; init; }

    /// <summary>The text template, or null for a chat prompt.</summary>
    public PromptTemplate? Template { get; init; }

    /// <summary>The chat messages; empty for a text template.</summary>
    public required IReadOnlyList<PromptMessage> Messages { get; init; }

    /// <summary>Request parameters, overridden by those of the model entry.</summary>
    public required IReadOnlyDictionary<string, JsonElement> Parameters { get; init; }

    /// <summary>Declared variables, in order; one that is used and not declared is a required string.</summary>
    public IReadOnlyList<PromptVariable> Declared { get; init; } = [];

    /// <summary>Names of all variables, in order of first appearance.</summary>
    public IReadOnlyList<string> Variables =>
        [.. (Template?.Variables ?? []).Concat(Messages.SelectMany(m => m.Content.Variables)).Distinct()];
}

/// <summary>Reads prompt files: reports every fault at once; never throws on their content.</summary>
public static class PromptFileReader
{
    private static readonly string[] Roles =
    [
        "system", "user", "assistant", "developer",
    ];

    /// <summary>Reads a prompt file of at most 1 MiB.</summary>
    public static PromptFileResult Parse(string text) => Parse(text, asked: null);

    internal static PromptFileResult Parse(string text, Action<AskedKey>? asked)
    {
        var faults = new FaultList();
        PromptFile? file = null;
        try
        {
            var root = YamlTree.Parse(text);
            if (root is null or YamlScalar { IsNull: true })
                faults.Add(1, 1, "", "The file is empty.", "Start it with template: '...' or messages: [...].");
            else
                file = Root(root, new ReadContext(faults, asked));
        }
        catch (YamlFaultException e)
        {
            faults.Add(e.Line, e.Column, "", e.Message, e.Remedy);
        }

        return new PromptFileResult(faults.Count == 0 ? file : null, faults.InFileOrder());
    }

    private static PromptFile? Root(YamlNode root, ReadContext context)
    {
        if (ObjectReader.Open(root, "", "prompt", context) is not { } o)
            return null;
        var description = o.Text("description", required: false, "what the prompt is for");
        var template = o.Text("template", required: false, "'Answer: {prompt}'");
        var file = new PromptFile
        {
            Description = description,
            Template = template is null ? null : PromptTemplate.Parse(template),
            Messages = Messages(o, context),
            Declared = Declared(o, context),
            Parameters = o.JsonMap("parameters"),
        };
        o.Finish();
        if (o.Has("template") == o.Has("messages"))
            o.Fault("template", "A prompt is either a text template or chat messages.", "Give template: '...' or messages: [...], not both.");
        foreach (var (name, message) in PromptVariables.Faults(file.Declared, file.Variables))
            o.Fault("variables", name.Length == 0 ? message : $"{name}: {message}", "Correct the declaration, or remove it.");
        return file;
    }

    private static List<PromptMessage> Messages(ObjectReader o, ReadContext context)
    {
        var messages = new List<PromptMessage>();
        var items = o.Items("messages", required: false, "[{ role: user, content: '{prompt}' }]");
        for (var i = 0; i < items.Count; i++)
        {
            if (ObjectReader.Open(items[i], $"messages[{i}]", "message", context) is not { } m)
                continue;
            var role = "user";
            if (m.Node("role", required: true, "user", Roles) is { } node)
                role = RoleOf(m, node);
            messages.Add(new PromptMessage(role, PromptTemplate.Parse(m.Text("content", required: true, "'{prompt}'") ?? "")));
            m.Finish();
        }

        return messages;
    }

    // variables:
    //   question: string
    //   tone: { type: enum, values: [formal, friendly], default: friendly }
    private static List<PromptVariable> Declared(ObjectReader o, ReadContext context) => [.. o.Named<PromptVariable>("variables", (name, node, path) =>
    {
        if (node is YamlScalar { IsNull: false } scalar) return new PromptVariable(name, scalar.Text);
        if (ObjectReader.Open(node, path, "variable", context) is not { } v) return null;
        var type = v.Node("type", required: false, "string", [.. PromptVariables.Types]) is YamlScalar word ? word.Text : v.Has("values") ? PromptVariables.Enumeration : PromptVariables.Text;
        var required = v.Node("required", required: false, "true") is not YamlScalar { Text: "false" };
        var standard = v.Node("default", required: false, "friendly") is { } value ? YamlJson.ToElement(value) : (JsonElement?)null;
        var values = v.Texts("values", required: false, "[formal, friendly]");
        var variable = new PromptVariable(name, type, required, standard, values.Count == 0 ? null : values, v.Text("description", required: false, "how to speak"));
        v.Finish();
        return variable;
    }).Values];

    private static string RoleOf(ObjectReader m, YamlNode node)
    {
        var text = node is YamlScalar scalar ? scalar.Text : "";
        if (Roles.Contains(text))
            return text;
        var near = Suggestion.Nearest(text, Roles);
        m.Fault("role", $"'{ObjectReader.Shorten(text)}' is not one of {string.Join(", ", Roles)}.", near is null ? "Use one of these." : $"Did you mean '{near}'?");
        return text;
    }
}
