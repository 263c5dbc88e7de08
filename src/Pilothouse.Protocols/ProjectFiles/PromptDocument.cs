using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Pilothouse.Protocols.ProjectFiles;

/// <summary>A registered prompt as a prompt file: what a project uses that names it, and what travels in a release. The same version always gives the same bytes.</summary>
public static class PromptDocument
{
    private static readonly JsonSerializerOptions Json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        WriteIndented = true,
    };

    /// <returns>UTF-8; JSON, which is YAML too.</returns>
    /// <exception cref="ProtocolFormatException">A prompt of MLflow's client whose text would mean something else in a prompt file.</exception>
    public static byte[] Of(V1.PromptVersion version)
    {
        foreach (var text in version.Messages is { } all ? all.Select(m => m.Content) : [version.Template])
        {
            // There {name} is text, here it is a variable.
            if (version.OfMlflow && !PromptTemplate.Parse(text).Variables.SequenceEqual(PromptTemplate.ParseMlflow(text).Variables))
                throw new ProtocolFormatException($"{version.Reference} was registered by MLflow's client and has single braces in its text ({{name}}), which a project would take for variables. Register it with: pilothouse prompt register {version.Name} FILE.");
        }
        return JsonSerializer.SerializeToUtf8Bytes(new
        {
            version.Description,
            Template = version.Messages is null ? version.Template : null,
            Messages = version.Messages?.Select(m => new { m.Role, m.Content }),
            Variables = version.TypedVariables is { Count: > 0 } typed ? typed.ToDictionary(v => v.Name, v => new { v.Type, Required = v.Required ? (bool?)null : false, v.Default, v.Values, v.Description }) : null,
            Parameters = version.Parameters is { Count: > 0 } parameters ? parameters : null,
        }, Json);
    }
}
