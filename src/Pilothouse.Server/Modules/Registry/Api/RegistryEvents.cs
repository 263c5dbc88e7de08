namespace Pilothouse.Server.Modules.Registry.Api;

/// <summary>What happened to a model or a prompt.</summary>
public enum RegistryChange
{
    Created,
    VersionCreated,
    TagSet,
    TagDeleted,
    VersionTagSet,
    VersionTagDeleted,
    AliasSet,
    AliasDeleted,
}

/// <summary>A data set has a new version; published when it is durable.</summary>
public sealed record DatasetVersionAdded(string Name, int Version);

/// <summary>A model or a prompt has changed; published when the change is durable.</summary>
/// <param name="IsPrompt">Else a model.</param>
public sealed record RegistryChanged(bool IsPrompt, RegistryChange Change, string Name)
{
    /// <summary>Of version and alias changes; null when an alias was deleted.</summary>
    public int? Version { get; init; }

    public string? Alias { get; init; }

    /// <summary>Of tag changes.</summary>
    public string? Key { get; init; }

    public string? Value { get; init; }

    /// <summary>Of created objects and versions.</summary>
    public string? Description { get; init; }

    public string? Source { get; init; }

    public string? RunId { get; init; }

    /// <summary>Text of a new prompt version.</summary>
    public string? Template { get; init; }

    public IReadOnlyDictionary<string, string> Tags { get; init; } = new Dictionary<string, string>();
}
