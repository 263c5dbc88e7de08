using Pilothouse.Protocols.Ci.Jenkinsfile;
using Pilothouse.Protocols.Ci.Schemas;
using Pilothouse.Protocols.ProjectFiles;
using Pilothouse.Protocols.Yaml;

namespace Pilothouse.Protocols.Ci;

/// <summary>
/// Checks a pipeline file offline: syntax, the keys and types that the system documents, and what its files say of each other (a stage that is not declared, a job that needs one that is not
/// there). Never throws on its content. It is stricter than the systems where they ignore a mistake, and knows nothing of a server's own plugins, orbs or templates.
/// </summary>
public static class CiLint
{
    /// <summary>Faults reported for one file.</summary>
    public const int MaxFaults = ProjectFileReader.MaxFaults;

    /// <summary>Characters of a Jenkinsfile; YAML files may have 1 MiB.</summary>
    public const int MaxJenkinsfile = 1024 * 1024;

    /// <returns>Every fault with line, column, key and remedy, in file order; empty = nothing found.</returns>
    public static IReadOnlyList<ProjectFault> Check(CiSystem system, string text)
    {
        var faults = new FaultList();
        try
        {
            if (system == CiSystem.Jenkins) JenkinsfileReader.Check(text, faults);
            else Yaml(system, text, faults);
        }
        catch (YamlFaultException e)
        {
            faults.Add(e.Line, e.Column, "", e.Message, e.Remedy);
        }
        return faults.InFileOrder();
    }

    private static void Yaml(CiSystem system, string text, FaultList faults)
    {
        var root = YamlTree.Parse(text);
        if (root is null or YamlScalar { IsNull: true })
        {
            faults.Add(1, 1, "", "The file is empty.", $"Write one with: pilothouse ci init {CiSystems.NameOf(system)}");
            return;
        }
        switch (system)
        {
            case CiSystem.CircleCi: CircleCiSchema.Check(root, faults); break;
            case CiSystem.Travis: TravisSchema.Check(root, faults); break;
            case CiSystem.GitHub: GitHubSchema.Check(root, faults); break;
            default: GitLabSchema.Check(root, faults); break;
        }
    }
}
