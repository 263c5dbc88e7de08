namespace Pilothouse.Protocols.V1;

/// <summary>A release: an OCI manifest, named by its digest.</summary>
/// <param name="Digest">Digest of the OCI manifest.</param>
/// <param name="Components">Everything that shapes behaviour.</param>
/// <param name="Evidence">What is known about it: evaluations, fairness reports, approvals.</param>
public sealed record Release(string Digest, string Project, string Commit, string CommitSubject, string CreatedBy, long CreatedMs, IReadOnlyList<ReleaseComponent> Components,
    IReadOnlyList<ReleaseEvidence> Evidence);

/// <param name="Type">model, prompt, dataset, suite, code, config.</param>
/// <param name="Reference">e.g. <c>models:/assistant/2</c>, <c>git:COMMIT</c>.</param>
public sealed record ReleaseComponent(string Type, string Name, string Reference, string Digest, long Size);

/// <param name="Type">evaluation, fairness, approval.</param>
/// <param name="Verdict">PASS, FAIL, INCONCLUSIVE, APPROVED, ...</param>
/// <param name="Summary">One sentence.</param>
/// <param name="Id">Id of the evaluation or report it came from.</param>
public sealed record ReleaseEvidence(string Type, string Name, string Digest, string Verdict, string Summary, string? Id, string By, long TimeMs);

/// <param name="Commit">Branch, tag or commit id.</param>
public sealed record NewRelease(string Project, string Commit);

public sealed record NewApproval(string? Comment = null);
