namespace Pilothouse.Protocols.V1;

/// <summary>What a check says of a commit.</summary>
/// <param name="Context">Name of the check, such as <c>ci/jenkins</c>; one state each. Those that begin with <c>pilothouse/</c> are the server's own.</param>
/// <param name="State">pending, success, failure (the answer is no), error (it could not run).</param>
/// <param name="Description">At most 140 characters, as GitHub has it.</param>
/// <param name="TargetUrl">Where to read more.</param>
public sealed record CommitStatus(string Project, string Commit, string Context, string State, string? Description, string? TargetUrl, string UpdatedBy, long UpdatedMs);

/// <summary>A check's word on a commit; replaces its earlier one.</summary>
public sealed record NewCommitStatus(string State, string Context, string? Description = null, string? TargetUrl = null);
