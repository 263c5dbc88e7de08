using Pilothouse.Protocols.Yaml;

namespace Pilothouse.Protocols.ProjectFiles;

/// <summary>Collects faults up to <see cref="ProjectFileReader.MaxFaults"/>.</summary>
internal sealed class FaultList
{
    private readonly List<ProjectFault> _faults = [];

    public int Count => _faults.Count;

    /// <summary>No more will be kept: looking for suggestions any further would be wasted (and could be much) work.</summary>
    public bool IsFull => _faults.Count >= ProjectFileReader.MaxFaults;

    public void Add(YamlNode at, string key, string message, string remedy) => Add(at.Line, at.Column, key, message, remedy);

    public void Add(int line, int column, string key, string message, string remedy)
    {
        if (!IsFull)
            _faults.Add(new ProjectFault(line, column, key, message, remedy));
    }

    public IReadOnlyList<ProjectFault> InFileOrder() => [.. _faults.OrderBy(f => f.Line).ThenBy(f => f.Column)];
}

/// <summary>A key that a reader asked for: what the schema must publish. Only tests listen.</summary>
/// <param name="Section">Definition in the schema, such as <c>model</c>.</param>
internal sealed record AskedKey(string Section, string Key, bool Required, IReadOnlyList<string> Allowed);
