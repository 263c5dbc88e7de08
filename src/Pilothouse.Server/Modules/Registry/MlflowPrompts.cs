using Pilothouse.Protocols.Mlflow;
using Pilothouse.Protocols.ProjectFiles;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Registry;

/// <summary>
/// MLflow keeps a prompt as a registered model with tags: <c>mlflow.prompt.is_prompt</c> on it and on its versions, the text in <c>mlflow.prompt.text</c>. Here these
/// are the object's type and the version's content; they are shown as tags, and no tag call changes them.
/// </summary>
internal static class MlflowPrompts
{
    public const string IsPrompt = "mlflow.prompt.is_prompt";
    public const string Text = "mlflow.prompt.text";
    public const string PromptType = "_mlflow_prompt_type";

    /// <summary>Model parameters of a prompt as JSON.</summary>
    public const string ModelConfig = "_mlflow_prompt_model_config";

    public static bool AreOfPrompt(IReadOnlyList<MlflowPair> tags) => tags.Any(t => t.Key == IsPrompt && t.Value.Equals("true", StringComparison.OrdinalIgnoreCase));

    /// <summary>The tags that are kept as tags.</summary>
    public static List<MlflowPair> Stored(List<MlflowPair> tags) => [.. tags.Where(t => t.Key is not (IsPrompt or Text))];

    public static List<MlflowPair> Shown(ObjectRow row) => row.Type == ObjectType.Prompt ? [new(IsPrompt, "true"), .. row.Tags] : row.Tags;

    public static List<MlflowPair> Shown(VersionRow row) => row.Type != ObjectType.Prompt ? row.Tags
        : [new(IsPrompt, "true"), new(Text, TextOf(row)), .. row.Source is null ? [new MlflowPair(PromptType, row.Kind), .. Config(row)] : Array.Empty<MlflowPair>(), .. row.Tags];

    private static IEnumerable<MlflowPair> Config(VersionRow row) => PromptSpec.Of(row).Parameters is { Count: > 0 } parameters ? [new MlflowPair(ModelConfig, WireJson.Write(parameters))] : [];

    /// <summary>Registered by MLflow: as it came. By our own API: with <c>{{name}}</c> for <c>{name}</c>, which MLflow's client would not fill.</summary>
    public static string TextOf(VersionRow row) => row.Source is null ? PromptTemplate.Parse(row.Template ?? "").ToMlflow() : row.Template ?? "";

    /// <summary>Fills what the tags of a new version say about the prompt.</summary>
    public static VersionRow Describe(VersionRow draft, List<MlflowPair> tags)
    {
        var text = tags.FirstOrDefault(t => t.Key == Text)?.Value ?? "";
        PromptService.RequireTemplate(text);
        var kind = tags.FirstOrDefault(t => t.Key == PromptType)?.Value ?? PromptService.KindOf(text);
        if (kind is not (PromptService.Text or PromptService.Chat)) throw MlflowRules.Invalid($"'{RegistryRules.Shorten(kind)}' is not a type of prompt. Send {PromptType} = text or chat.");
        return draft with
        {
            Kind = kind,
            Template = text,
            Digest = PromptService.DigestOf(text),
            Variables = WireJson.Write(PromptTemplate.MlflowVariables(text)),
        };
    }

    /// <summary>Refuses a tag call that would turn a model into a prompt, or change what a prompt version is.</summary>
    /// <param name="value">Null = the tag shall go.</param>
    /// <returns>True when the tag says what is so already: there is nothing to do.</returns>
    public static bool IsSettled(string type, VersionRow? version, string key, string? value)
    {
        if (key is not (IsPrompt or Text or PromptType)) return false;
        if (type == ObjectType.Model)
        {
            if (key != IsPrompt || value?.Equals("true", StringComparison.OrdinalIgnoreCase) != true) return false;
            throw MlflowRules.Invalid("A registered model does not become a prompt by a tag. Register the prompt under another name.");
        }
        var held = key switch
        {
            IsPrompt => "true",
            Text => version is null ? null : TextOf(version),
            _ => version?.Kind,
        };
        if (held is null && version is null) return false; // a tag of the prompt itself, which means nothing there
        return held == value ? true : throw MlflowRules.Invalid($"The tag {key} says what a prompt version is, which never changes. Register a new version instead.");
    }
}
