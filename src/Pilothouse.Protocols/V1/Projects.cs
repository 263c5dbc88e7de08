namespace Pilothouse.Protocols.V1;

public sealed record NewProject(string Name);

/// <param name="GitUrl">Path of the repository on this server, e.g. <c>/git/NAME.git</c>.</param>
public sealed record ProjectInfo(string Name, string CreatedBy, long CreatedMs, string DefaultBranch, string GitUrl);

public sealed record CommitInfo(string Id, string Author, long TimeMs, string Subject);

/// <summary>The commit that a revision names.</summary>
/// <param name="Commit">40 hex digits.</param>
public sealed record ResolvedCommit(string Commit);

/// <summary>Protection of a branch.</summary>
/// <param name="Pattern">Name of a branch, or with <c>*</c> and <c>?</c>, e.g. <c>release/*</c>.</param>
/// <param name="AllowForce">True = it may be moved to a commit that does not have the old one among its ancestors.</param>
/// <param name="AllowDeletion">True = it may be deleted.</param>
/// <param name="Pushers">Logins who may push, or <c>@admins</c>; empty = everyone who may write.</param>
/// <param name="RequiredChecks">Must have succeeded on a commit before the branch takes it, besides the required jobs of pilothouse.yaml.</param>
/// <param name="UpdatedBy">"" = the rule that the server has by itself. Only told.</param>
/// <param name="UpdatedMs">Epoch milliseconds. Only told.</param>
public sealed record BranchRuleInfo(string? Pattern, bool AllowForce = false, bool AllowDeletion = false, IReadOnlyList<string>? Pushers = null, string UpdatedBy = "", long UpdatedMs = 0, IReadOnlyList<string>? RequiredChecks = null);
