using System.Globalization;
using Pilothouse.Protocols.Artifacts;
using Pilothouse.Protocols.Mlflow;

namespace Pilothouse.Server.Modules.Registry;

/// <summary>Rows as MLflow's clients see them.</summary>
internal static class MlflowViews
{
    /// <summary>Where MLflow's clients find content that our own API registered: a read-only part of the artifact tree, by digest.</summary>
    public const string ContentRoot = "registry";

    private const string PromptSource = "dummy-source";

    public static MlflowRegisteredModel ToMlflow(this ObjectRow row) => new()
    {
        Name = row.Name,
        CreationTimestamp = row.CreatedMs,
        LastUpdatedTimestamp = row.UpdatedMs,
        Description = row.Description is "" ? null : row.Description,
        LatestVersions = row.Latest.ConvertAll(v => v.ToMlflow()),
        Tags = MlflowPrompts.Shown(row).ConvertAll(t => t.ToTag()),
        Aliases = row.Aliases.ConvertAll(a => new MlflowModelAlias(a.Alias, a.Version.ToString(CultureInfo.InvariantCulture))),
    };

    /// <summary>As MLflow shows it in lists: without aliases.</summary>
    public static MlflowModelVersion ToMlflow(this VersionRow row) => new()
    {
        Name = row.Name,
        Version = row.Version.ToString(CultureInfo.InvariantCulture),
        CreationTimestamp = row.CreatedMs,
        LastUpdatedTimestamp = row.UpdatedMs,
        CurrentStage = row.Stage,
        Description = row.Description ?? "",
        Source = row.Source ?? (row.Type == ObjectType.Prompt ? PromptSource : ContentUri(row)),
        RunId = row.RunId ?? "",
        Status = "READY",
        Tags = MlflowPrompts.Shown(row).ConvertAll(t => t.ToTag()),
        RunLink = row.RunLink ?? "",
    };

    public static MlflowModelVersion WithAliases(this VersionRow row) => row.ToMlflow() with { Aliases = row.Aliases };

    /// <summary>Address of the files for MLflow's clients.</summary>
    public static string DownloadUri(this VersionRow row) => row.Location ?? row.Source ?? ContentUri(row);

    /// <summary><c>mlflow-artifacts:/registry/9f86d081...</c></summary>
    private static string ContentUri(VersionRow row) => $"mlflow-artifacts:/{ContentRoot}/{Digest.Parse(row.Digest!).Hex}";
}
