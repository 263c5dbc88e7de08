using Pilothouse.Protocols.ProjectFiles;
using Pilothouse.Server.Platform.Projects;

namespace Pilothouse.Server.Modules.Evaluation;

/// <summary>Everything an evaluation needs, resolved: nothing is looked up once it runs.</summary>
/// <param name="IsFresh">Known answers are not used.</param>
/// <param name="Faults">Why candidate and base line cannot be compared as a whole (a suite that is gone).</param>
internal sealed record EvaluationPlan(string Project, string Commit, string? BaselineCommit, IReadOnlyList<SuitePlan> Suites, IReadOnlyList<string> Faults, bool IsFresh = false)
{
    /// <summary>Model calls in all.</summary>
    public int Calls => Suites.Sum(s => s.Calls);
}

/// <param name="Baseline">Model of the base line; null without one.</param>
/// <param name="Fault">Why this suite's comparison is invalid; then the base line is not run.</param>
internal sealed record SuitePlan(string Name, SuiteEntry Entry, DataSubject Data, IReadOnlyList<EvaluationInput> Cases, ModelSubject Candidate, ModelSubject? Baseline, string? Fault,
    IReadOnlyList<string> Notes)
{
    /// <summary>The registered version of the suite, <c>suites:/PROJECT.SUITE/VERSION</c>; null before it is registered.</summary>
    public string? Registered { get; init; }

    public bool ComparesBaseline => Baseline is not null && Fault is null;

    public int Calls => Cases.Count * (ComparesBaseline ? 2 : 1);
}

/// <summary>One case as it is sent to a model.</summary>
/// <param name="Fields">All fields of the row, for prompt variables.</param>
internal sealed record EvaluationInput(string Id, string Input, string? Expected, string? Cluster, IReadOnlyDictionary<string, string> Fields);

/// <summary>What an engine made of a case.</summary>
/// <param name="Output">Text or label; empty when it failed.</param>
/// <param name="Error">Why there is no answer.</param>
internal sealed record Answer(string Output, string? Error, bool IsCached)
{
    public bool Failed => Error is not null;
}
