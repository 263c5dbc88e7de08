using System.Text.Json;
using Pilothouse.Protocols.Mlflow;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Registry;

/// <summary>Rows as our own API shows them.</summary>
internal static class RegistryViews
{
    public static ModelVersion ToModel(this VersionRow row) => new(row.Name, (int)row.Version, row.Kind, row.Digest, row.Size, WireJson.Read<List<ArtifactFile>>(row.Files), row.Aliases,
        row.Description, row.RunId, row.Project, row.CommitId, WireJson.Read<List<string>>(row.Datasets), row.BaseModel, row.CreatedBy, row.CreatedMs)
    {
        BaseRelation = row.BaseModel is null ? null : row.BaseRelation ?? BaseRelation.FineTune,
        Stage = row.Stage == Stage.None ? null : row.Stage,
        Source = row.Source,
        Location = row.Location == row.Source ? null : row.Location,
        RunLink = row.RunLink is "" ? null : row.RunLink,
        LoggedModelId = row.ModelId,
        Tags = row.Tags.Count == 0 ? null : row.Tags.ToDictionary(t => t.Key, t => t.Value),
        UpdatedMs = row.UpdatedMs,
    };

    public static PromptVersion ToPrompt(this VersionRow row) => ToPrompt(row, PromptSpec.Of(row));

    private static PromptVersion ToPrompt(VersionRow row, PromptSpec spec) => new(row.Name, (int)row.Version, row.Digest ?? "", row.Template ?? "", WireJson.Read<List<string>>(row.Variables), row.Description, row.Project,
        row.CommitId, row.CreatedBy, row.CreatedMs)
    {
        Messages = row.Kind == PromptService.Chat ? Messages(row.Template!) : null,
        OfMlflow = row.Source is not null,
        TypedVariables = spec.Variables.Count == 0 ? null : spec.Variables,
        Parameters = spec.Parameters.Count == 0 ? null : spec.Parameters,
        Aliases = row.Aliases.Count == 0 ? null : row.Aliases,
        Tags = row.Tags.Any(IsOfPeople) ? row.Tags.Where(IsOfPeople).ToDictionary(t => t.Key, t => t.Value) : null,
    };

    public static ModelSummary ToSummary(this ObjectRow row)
    {
        // An alias of a deleted version leads nowhere; MLflow lists it, we do not.
        var newest = row.Latest.MaxBy(v => v.Version);
        return new ModelSummary(row.Name, newest?.Kind ?? row.Kind, (int)(newest?.Version ?? 0), row.Aliases.Where(a => a.IsLive).ToDictionary(a => a.Alias, a => (int)a.Version), row.UpdatedMs)
        {
            Description = row.Description,
            Tags = row.Tags.Count == 0 ? null : row.Tags.ToDictionary(t => t.Key, t => t.Value),
        };
    }

    /// <summary>The type is what <see cref="PromptVersion.Messages"/> says already.</summary>
    private static bool IsOfPeople(MlflowPair tag) => tag.Key != MlflowPrompts.PromptType;

    /// <summary>MLflow's own client writes them; another may have written something else.</summary>
    private static List<PromptMessage>? Messages(string template)
    {
        try
        {
            using var json = JsonDocument.Parse(template);
            return [.. json.RootElement.EnumerateArray().Select(m => new PromptMessage(Text(m, "role"), Text(m, "content")))];
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return null;
        }
    }

    private static string Text(JsonElement message, string name) =>
        !message.TryGetProperty(name, out var value) ? "" : value.ValueKind == JsonValueKind.String ? value.GetString()! : value.GetRawText();
}
