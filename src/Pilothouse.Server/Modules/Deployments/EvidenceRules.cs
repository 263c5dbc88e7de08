using Pilothouse.Protocols.ProjectFiles;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Deployments;

/// <summary>
/// Which evidence lets a release into an environment. Every suite and every fairness check of the project file has to be covered by evidence whose newest says
/// yes: an evaluation of the easy suites alone does not hide one that fails.
/// </summary>
internal static class EvidenceRules
{
    private const int MaxNamed = 10;

    /// <exception cref="PilothouseException">FailedPrecondition, naming everything that is missing or says no.</exception>
    public static void Check(string environment, IReadOnlyList<RequiredEvidence> required, Release release, ProjectFile file)
    {
        var faults = required.SelectMany(kind => Faults(kind, release, file)).Distinct().Take(MaxNamed).ToList();
        if (faults.Count > 0)
            throw new PilothouseException(ErrorCode.FailedPrecondition, $"Release {Short(release.Digest)} may not go to '{environment}': {string.Join(" ", faults)}");
    }

    /// <summary><c>sha256:0123456789ab</c>: enough to recognise a digest by.</summary>
    public static string Short(string digest) => digest.Length > 19 ? digest[..19] : digest;

    private static IEnumerable<string> Faults(RequiredEvidence kind, Release release, ProjectFile file) => kind switch
    {
        RequiredEvidence.Evaluation => Covered("evaluation", "suite", "test", Suites(release, file), release),
        RequiredEvidence.Fairness => Covered("fairness", "fairness check", "fairness", file.Fairness.Keys, release),
        _ => release.Evidence.Any(e => e is { Type: "approval", Verdict: "APPROVED" }) ? [] : [$"it is not approved. Have someone approve it: pilothouse approve {Short(release.Digest)}."],
    };

    /// <summary>The suites of the project file; one that names a promptfoo configuration stands for those that the release pins of it (<c>regression.echo-p1</c>).</summary>
    private static IEnumerable<string> Suites(Release release, ProjectFile file) => file.Suites.SelectMany(suite =>
        suite.Value.Promptfoo is not null && release.Components.Where(c => c.Type == "suite" && c.Name.StartsWith(suite.Key + ".", StringComparison.Ordinal)).Select(c => c.Name).ToArray() is { Length: > 0 } several ? several : [suite.Key]);

    private static IEnumerable<string> Covered(string type, string part, string verb, IEnumerable<string> names, Release release)
    {
        var evidence = release.Evidence.Where(e => e.Type == type).OrderByDescending(e => e.TimeMs).ToList();
        var missing = $"Run 'pilothouse {verb}' on commit {release.Commit[..Math.Min(12, release.Commit.Length)]}.";
        if (evidence.Count == 0)
        {
            yield return $"it has no {type}. {missing}";
            yield break;
        }
        if (evidence[0].Verdict != "PASS") yield return $"its latest {type} says {evidence[0].Verdict}: {evidence[0].Summary}";
        foreach (var name in names)
        {
            // Evidence is named after what it covers: "support-quality, triage-quality".
            var newest = evidence.Find(e => e.Name.Split(", ").Contains(name));
            if (newest is null) yield return $"its {part} '{name}' was not run. {missing}";
            else if (newest.Verdict != "PASS") yield return $"the latest {type} of its {part} '{name}' says {newest.Verdict}: {newest.Summary}";
        }
    }
}
