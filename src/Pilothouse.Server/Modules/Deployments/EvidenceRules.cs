using Pilothouse.Protocols.ProjectFiles;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Deployments;

/// <summary>Which evidence lets a release into an environment: the newest of each kind that it demands has to say yes.</summary>
internal static class EvidenceRules
{
    /// <exception cref="PilothouseException">FailedPrecondition, naming everything that is missing or says no.</exception>
    public static void Check(string environment, IReadOnlyList<RequiredEvidence> required, Release release)
    {
        var faults = required.Select(kind => Fault(kind, release)).OfType<string>().ToList();
        if (faults.Count > 0)
            throw new PilothouseException(ErrorCode.FailedPrecondition, $"Release {Short(release.Digest)} may not go to '{environment}': {string.Join(" ", faults)}");
    }

    /// <summary><c>sha256:0123456789ab</c>: enough to recognise a digest by.</summary>
    public static string Short(string digest) => digest.Length > 19 ? digest[..19] : digest;

    private static string? Fault(RequiredEvidence kind, Release release)
    {
        var (type, yes) = kind switch
        {
            RequiredEvidence.Evaluation => ("evaluation", "PASS"),
            RequiredEvidence.Fairness => ("fairness", "PASS"),
            _ => ("approval", "APPROVED"),
        };
        var newest = release.Evidence.Where(e => e.Type == type).MaxBy(e => e.TimeMs);
        if (newest is null)
            return $"it has no {type}. " + (kind == RequiredEvidence.Approval
                ? $"Have someone approve it: pilothouse approve {Short(release.Digest)}."
                : $"Run 'pilothouse {(kind == RequiredEvidence.Evaluation ? "test" : "fairness")}' on commit {release.Commit[..Math.Min(12, release.Commit.Length)]} and release it again.");
        return newest.Verdict == yes ? null : $"its latest {type} says {newest.Verdict}: {newest.Summary}";
    }
}
