namespace Pilothouse.Protocols.V1;

/// <summary>One file of a model version.</summary>
public sealed record ArtifactFile(string Path, string Digest, long Size);

/// <summary>What a new model version is made of.</summary>
/// <param name="Kind"><c>generative</c> or <c>classifier</c>.</param>
/// <param name="Files">All files; their blobs are stored already.</param>
/// <param name="RunId">The run that produced it, if any.</param>
/// <param name="Project">Project it belongs to, if any.</param>
/// <param name="Commit">Commit of the code that produced it, if known.</param>
/// <param name="Datasets">Data sets it was trained on, as <c>datasets:/NAME/VERSION</c>.</param>
/// <param name="BaseModel">Model version it was derived from, as <c>models:/NAME/VERSION</c>.</param>
public sealed record NewModelVersion(string Kind, IReadOnlyList<ArtifactFile> Files, string? Description = null, string? RunId = null, string? Project = null,
    string? Commit = null, IReadOnlyList<string>? Datasets = null, string? BaseModel = null);

/// <summary>A registered model version: immutable.</summary>
public sealed record ModelVersion(string Name, int Version, string Kind, string Digest, long Size, IReadOnlyList<ArtifactFile> Files, IReadOnlyList<string> Aliases,
    string? Description, string? RunId, string? Project, string? Commit, IReadOnlyList<string> Datasets, string? BaseModel, string CreatedBy, long CreatedMs)
{
    public string Reference => $"models:/{Name}/{Version}";
}

/// <summary>One row of the list of models.</summary>
public sealed record ModelSummary(string Name, string Kind, int LatestVersion, IReadOnlyDictionary<string, int> Aliases, long UpdatedMs);

/// <summary>Where an alias shall point.</summary>
public sealed record AliasTarget(int Version);

/// <param name="Digest">Blob with the rows (JSONL or CSV).</param>
/// <param name="Format"><c>jsonl</c> or <c>csv</c>.</param>
public sealed record NewDatasetVersion(string Digest, string Format, string? Description = null, string? Project = null, string? Source = null, IReadOnlyList<string>? Parents = null);

public sealed record DatasetVersion(string Name, int Version, string Digest, string Format, long Size, long Rows, IReadOnlyList<string> Columns, string? Description, string? Project,
    string? Source, IReadOnlyList<string> Parents, string CreatedBy, long CreatedMs)
{
    public string Reference => $"datasets:/{Name}/{Version}";
}

/// <param name="Template">Text with <c>{variables}</c>.</param>
public sealed record NewPromptVersion(string Template, string? Description = null, string? Project = null, string? Commit = null);

public sealed record PromptVersion(string Name, int Version, string Digest, string Template, IReadOnlyList<string> Variables, string? Description, string? Project, string? Commit,
    string CreatedBy, long CreatedMs)
{
    public string Reference => $"prompts:/{Name}/{Version}";
}
