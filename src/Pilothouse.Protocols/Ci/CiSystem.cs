namespace Pilothouse.Protocols.Ci;

/// <summary>The CI systems whose pipelines Pilothouse writes and checks.</summary>
public enum CiSystem
{
    Jenkins,
    CircleCi,
    Travis,
    GitHub,
    GitLab,
}

/// <summary>Names of the systems and of the files they read.</summary>
public static class CiSystems
{
    /// <summary>As they are written on the command line: <c>jenkins</c>, <c>circleci</c>, <c>travis</c>, <c>github</c>, <c>gitlab</c>.</summary>
    public static IReadOnlyList<string> Names { get; } = [.. Enum.GetValues<CiSystem>().Select(NameOf)];

    public static string NameOf(CiSystem system) => system.ToString().ToLowerInvariant();

    /// <returns>Null for an unknown name.</returns>
    public static CiSystem? Parse(string name) =>
        Names.Contains(name, StringComparer.Ordinal) ? Enum.GetValues<CiSystem>()[Names.ToList().IndexOf(name)] : null;

    /// <summary>Where the system looks for its pipeline, relative to the repository's root, with <c>/</c>.</summary>
    public static string FileOf(CiSystem system) => system switch
    {
        CiSystem.Jenkins => "Jenkinsfile",
        CiSystem.CircleCi => ".circleci/config.yml",
        CiSystem.Travis => ".travis.yml",
        CiSystem.GitHub => ".github/workflows/pilothouse.yml",
        _ => ".gitlab-ci.yml",
    };

    /// <summary>Whose file this is, by its name and folder; null when it does not tell.</summary>
    public static CiSystem? Detect(string path)
    {
        var parts = path.Split('/', '\\');
        var (name, folder) = (parts[^1], parts.Length > 1 ? parts[^2] : "");
        if (name.StartsWith("Jenkinsfile", StringComparison.Ordinal) || name.EndsWith(".jenkinsfile", StringComparison.OrdinalIgnoreCase)) return CiSystem.Jenkins;
        if (name.EndsWith(".gitlab-ci.yml", StringComparison.Ordinal)) return CiSystem.GitLab;
        if (name is ".travis.yml" or ".travis.yaml") return CiSystem.Travis;
        if (!name.EndsWith(".yml", StringComparison.Ordinal) && !name.EndsWith(".yaml", StringComparison.Ordinal)) return null;
        return folder switch
        {
            ".circleci" => CiSystem.CircleCi,
            "workflows" => CiSystem.GitHub,
            _ => null,
        };
    }
}
