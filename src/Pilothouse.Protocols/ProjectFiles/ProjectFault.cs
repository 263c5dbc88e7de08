namespace Pilothouse.Protocols.ProjectFiles;

/// <summary>One thing wrong in a project or prompt file.</summary>
/// <param name="Line">Line in the file, from 1.</param>
/// <param name="Column">Column in the file, from 1.</param>
/// <param name="Key">Where it is, such as <c>environments.production.rollout.steps[1]</c>; empty for the file as a whole.</param>
/// <param name="Message">What is wrong, in one sentence.</param>
/// <param name="Remedy">What to do about it, in one sentence.</param>
public sealed record ProjectFault(int Line, int Column, string Key, string Message, string Remedy)
{
    /// <summary>The form compilers use, which editors make clickable: <c>line:column: key: message remedy</c>.</summary>
    public override string ToString() =>
        $"{Line}:{Column}: {(Key.Length == 0 ? "" : Key + ": ")}{Message} {Remedy}";
}

/// <summary>What came of reading a project file.</summary>
/// <param name="File">The project, or null when there is any fault.</param>
/// <param name="Faults">Every fault found, in file order (at most <see cref="ProjectFileReader.MaxFaults"/>).</param>
public sealed record ProjectFileResult(ProjectFile? File, IReadOnlyList<ProjectFault> Faults);

/// <summary>What came of reading a prompt file.</summary>
/// <param name="File">The prompt, or null when there is any fault.</param>
/// <param name="Faults">Every fault found, in file order.</param>
public sealed record PromptFileResult(PromptFile? File, IReadOnlyList<ProjectFault> Faults);

/// <summary>Where an entry stands in its file, for faults that only later checks can find (a data file that does not exist).</summary>
/// <param name="Line">Line, from 1.</param>
/// <param name="Column">Column, from 1.</param>
/// <param name="Key">Path of the entry, such as <c>data.heldout</c>.</param>
public readonly record struct ProjectSource(int Line, int Column, string Key);
