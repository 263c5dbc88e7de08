using System.Text.Json;
using Pilothouse.Protocols.ProjectFiles;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Registry;

/// <summary>What a prompt declares beside its text.</summary>
internal sealed record PromptSpec(IReadOnlyList<PromptVariable> Variables, IReadOnlyDictionary<string, JsonElement> Parameters)
{
    /// <summary>Model parameters of one prompt.</summary>
    private const int MaxParameters = 200;

    /// <summary>Characters of the whole as JSON.</summary>
    private const int MaxJson = 256 * 1024;

    public static PromptSpec Empty { get; } = new([], new Dictionary<string, JsonElement>());

    public static PromptSpec Of(VersionRow row)
    {
        if (row.Spec is { } json) return WireJson.Read<PromptSpec>(json);
        // MLflow keeps the parameters of a prompt in a tag.
        if (row.Source is not null && row.Tags.FirstOrDefault(t => t.Key == MlflowPrompts.ModelConfig)?.Value is { } config && Object(config) is { } parameters) return Empty with { Parameters = parameters };
        return Empty;
    }

    /// <returns>Null when nothing is declared: such a prompt is its text alone, as before there were declarations.</returns>
    public static PromptSpec? Checked(NewPromptVersion version, IReadOnlyList<string> used)
    {
        var (variables, parameters) = (version.TypedVariables ?? [], version.Parameters ?? new Dictionary<string, JsonElement>());
        if (variables.Count + parameters.Count == 0) return null;
        var faults = PromptVariables.Faults(variables, used).Select(f => f.Name.Length == 0 ? f.Message : $"{f.Name}: {f.Message}").Take(20).ToList();
        if (faults.Count > 0) throw RegistryRules.Invalid("The variables have faults:\n" + string.Join('\n', faults));
        if (parameters.Count > MaxParameters) throw new PilothouseException(ErrorCode.TooLarge, $"The prompt has {parameters.Count} parameters; {MaxParameters} is the limit.");
        var spec = new PromptSpec(variables, parameters.OrderBy(p => p.Key, StringComparer.Ordinal).ToDictionary(p => p.Key, p => p.Value, StringComparer.Ordinal));
        var json = WireJson.Write(spec);
        if (json.Length > MaxJson) throw new PilothouseException(ErrorCode.TooLarge, $"Variables and parameters have {json.Length} characters as JSON; {MaxJson} is the limit.");
        if (json.Contains("\\u0000", StringComparison.Ordinal)) throw RegistryRules.Invalid("Variables or parameters hold a NUL character, which no database stores.");
        return spec;
    }

    private static Dictionary<string, JsonElement>? Object(string json)
    {
        try
        {
            using var document = JsonDocument.Parse(json, new JsonDocumentOptions { MaxDepth = 32 });
            return document.RootElement.ValueKind == JsonValueKind.Object ? document.RootElement.EnumerateObject().ToDictionary(p => p.Name, p => p.Value.Clone(), StringComparer.Ordinal) : null;
        }
        catch (Exception e) when (e is JsonException or ArgumentException)
        {
            return null; // another client wrote something else there
        }
    }
}
