using System.Text;
using System.Text.Json;
using Pilothouse.Protocols.Artifacts;
using Pilothouse.Protocols.ProjectFiles;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Evaluation.Api;
using Pilothouse.Server.Modules.Registry.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Evaluation;

/// <summary>Registers the suites of a plan as <c>PROJECT.SUITE</c>, so that an evaluation says which version of its suite it ran.</summary>
internal sealed class SuiteRegistration(EvaluationPlanner planner, ISuites suites) : IProjectSuites
{
    public async Task<EvaluationPlan> RegisterAsync(EvaluationPlan plan, string actor, CancellationToken ct)
    {
        var registered = new List<SuitePlan>();
        foreach (var suite in plan.Suites) registered.Add(suite with { Registered = (await RegisterAsync(plan.Project, plan.Commit, suite, actor, ct)).Reference });
        return plan with { Suites = registered };
    }

    /// <summary>Those of a commit, without running them.</summary>
    public async Task<IReadOnlyList<SuiteVersion>> RegisterAsync(NewSuites request, string actor, CancellationToken ct) => [.. (await DeclaredAsync(request, actor, ct)).Select(s => s.Version)];

    public Task<IReadOnlyList<DeclaredSuite>> RegisterAsync(string project, string commit, string name, string actor, CancellationToken ct) => DeclaredAsync(new NewSuites(project, commit, [name]), actor, ct);

    private async Task<IReadOnlyList<DeclaredSuite>> DeclaredAsync(NewSuites request, string actor, CancellationToken ct)
    {
        var plan = await planner.PlanAsync(new NewEvaluation(request.Project, request.Commit, BaselineFinder.None, request.Suites), (_, _) => throw new NotSupportedException(), ct);
        var versions = new List<DeclaredSuite>();
        foreach (var suite in plan.Suites) versions.Add(new DeclaredSuite(suite.Name, await RegisterAsync(plan.Project, plan.Commit, suite, actor, ct)));
        return versions;
    }

    private Task<SuiteVersion> RegisterAsync(string project, string commit, SuitePlan suite, string actor, CancellationToken ct) =>
        suites.RegisterAsync(NameOf(project, suite.Name), new NewSuiteVersion(Definition(suite.Entry), suite.Data.Reference, suite.Data.Digest, suite.Cases.Count, null, project, commit), actor, ct);

    /// <summary><c>PROJECT.SUITE</c>; two long names are cut, and told apart by a digest.</summary>
    internal static string NameOf(string project, string suite) => $"{project}.{suite}" is { Length: > RegistryReference.MaxNameLength } name
        ? $"{name[..(RegistryReference.MaxNameLength - 17)]}-{Digest.Of(Encoding.UTF8.GetBytes(name)).Hex[..16]}" : $"{project}.{suite}";

    /// <summary>The suite as the project file says it, without the place where it stands there.</summary>
    private static JsonElement Definition(SuiteEntry entry) => JsonSerializer.SerializeToElement(new
    {
        entry.Model,
        entry.Input,
        entry.Expected,
        entry.Cluster,
        Repeats = entry.Repeats == 1 ? (int?)null : entry.Repeats,
        entry.Pack,
        Target = entry.Target?.Definition(),
        entry.Tools,
        Slices = entry.Slices.Count == 0 ? null : entry.Slices,
        Looks = entry.Looks.Count == 0 ? null : entry.Looks,
        Quarantine = entry.Quarantine.Count == 0 ? null : entry.Quarantine,
        entry.Messages,
        // What only some scorers have stands apart, so that the definitions of the others stay as they were.
        Scorers = entry.Scorers.Select(s => new { s.Name, Type = s.Type, s.Pattern, Settings = s == new ScorerEntry { Name = s.Name, Type = s.Type, Pattern = s.Pattern } ? null : s.Definition() }),
        Gates = entry.Gates.Select(g => new { g.Scorer, Type = g.Type, g.Margin, g.Min, g.Confidence, Role = g.Role == GateRole.Primary ? (GateRole?)null : g.Role }),
        Baseline = entry.Baseline?.ToString(),
    }, WireJson.Options);
}
