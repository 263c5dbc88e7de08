using Pilothouse.Protocols.Mlflow;

namespace Pilothouse.Server.Modules.Registry;

/// <summary>What a registered object is.</summary>
internal static class ObjectType
{
    public const string Model = "model";
    public const string Prompt = "prompt";
    public const string Suite = "suite";

    /// <summary>First part of an audit entry's subject.</summary>
    public static string Subject(string type, string name) => $"{type}s/{name}";
}

/// <summary>Stages of a version, as MLflow names them.</summary>
internal static class Stage
{
    public const string None = "None";
    public const string Staging = "Staging";
    public const string Production = "Production";
    public const string Archived = "Archived";

    public static IReadOnlyList<string> All { get; } = [None, Staging, Production, Archived];
}

/// <summary>A row of <c>reg_object</c>, with its tags and aliases.</summary>
internal sealed class ObjectRow
{
    public string Type { get; init; } = "";
    public string Name { get; init; } = "";
    public string Kind { get; init; } = "";
    /// <summary>The highest number ever given, whether or not that version still is.</summary>
    public long Counter { get; init; }
    public string? Description { get; init; }
    public long CreatedMs { get; init; }
    public long UpdatedMs { get; init; }
    public List<MlflowPair> Tags { get; } = [];
    /// <summary>By name. Not live: the version was deleted, and the alias leads nowhere.</summary>
    public List<(string Alias, long Version, bool IsLive)> Aliases { get; } = [];
    /// <summary>The newest version of each stage, the stage whose first version is the oldest first.</summary>
    public List<VersionRow> Latest { get; } = [];
}

/// <summary>A row of <c>reg_version</c>, with its tags and aliases.</summary>
internal sealed record VersionRow
{
    public string Type { get; init; } = "";
    public string Name { get; init; } = "";
    public long Version { get; init; }
    public string Kind { get; init; } = "";
    /// <summary>Null = its files are not here.</summary>
    public string? Digest { get; init; }
    public long Size { get; init; }
    /// <summary>JSON list of path, digest and size.</summary>
    public string Files { get; init; } = "[]";
    /// <summary>Text of a prompt; JSON list of messages when the kind is chat.</summary>
    public string? Template { get; init; }
    public string Variables { get; init; } = "[]";
    /// <summary>A <see cref="PromptSpec"/> as JSON; null = nothing was declared.</summary>
    public string? Spec { get; init; }
    public string? Description { get; init; }
    public string Stage { get; init; } = Registry.Stage.None;
    /// <summary>As MLflow's client gave it; null = registered by our own API.</summary>
    public string? Source { get; init; }
    /// <summary>Where the files of the source lie, behind <c>runs:/</c> and <c>models:/</c>.</summary>
    public string? Location { get; init; }
    public string? RunId { get; init; }
    public string? RunLink { get; init; }
    public string? ModelId { get; init; }
    public string? Project { get; init; }
    public string? CommitId { get; init; }
    public string Datasets { get; init; } = "[]";
    public string? BaseModel { get; init; }
    public string? BaseRelation { get; init; }
    public string CreatedBy { get; init; } = "";
    public long CreatedMs { get; init; }
    public long UpdatedMs { get; init; }
    public List<MlflowPair> Tags { get; init; } = [];
    public List<string> Aliases { get; init; } = [];
}
