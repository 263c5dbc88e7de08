namespace Pilothouse.Protocols.V1;

/// <summary>What a check says of a commit.</summary>
/// <param name="Context">Name of the check, such as <c>ci/jenkins</c>; one state each. Those that begin with <c>pilothouse/</c> are the server's own.</param>
/// <param name="State">pending, success, failure (the answer is no), error (it could not run).</param>
/// <param name="Description">At most 140 characters, as GitHub has it.</param>
/// <param name="TargetUrl">Where to read more.</param>
public sealed record CommitStatus(string Project, string Commit, string Context, string State, string? Description, string? TargetUrl, string UpdatedBy, long UpdatedMs);

/// <summary>A check's word on a commit; replaces its earlier one.</summary>
public sealed record NewCommitStatus(string State, string Context, string? Description = null, string? TargetUrl = null);

/// <summary>A CI system that this server starts builds on. Its credentials are never shown.</summary>
/// <param name="Name">Of the connection, within its project.</param>
/// <param name="System">jenkins, circleci, travis, github, gitlab.</param>
/// <param name="Url">Base address of the system's API.</param>
/// <param name="Target">Jenkins: path of the job (<c>folder/job</c>); CircleCI: project slug (<c>gh/org/repo</c>); Travis and GitHub: <c>owner/repo</c>; GitLab: id or path of the project.</param>
/// <param name="Ref">Branch to build there; null = the branch that was pushed here.</param>
/// <param name="Branches">Branches whose pushes start a build; <c>*</c> and <c>?</c> stand for anything.</param>
/// <param name="OnRegistry">A new version of a model or prompt starts a build of the default branch.</param>
public sealed record CiConnection(string Project, string Name, string System, string Url, string Target, string? User, string? Ref, IReadOnlyList<string> Branches, bool OnRegistry, string UpdatedBy, long UpdatedMs);

/// <param name="Secret">Jenkins: API token or password of the user; CircleCI, Travis: API token; GitHub: token that may write actions; GitLab: trigger token (<c>glptt-</c>), or an access token, with which the pipeline is followed too.</param>
public sealed record NewCiConnection(string System, string Target, string Secret, string? Url = null, string? User = null, string? Ref = null, IReadOnlyList<string>? Branches = null, bool OnRegistry = false);

/// <summary>A build that this server started elsewhere.</summary>
/// <param name="Cause">push, registry, by hand.</param>
/// <param name="State">queued (not started yet), triggered (the system has it), running, success, failure, cancelled, error (it could not be started or followed).</param>
/// <param name="Error">Why, when it did not go well; or what went wrong at the last try.</param>
public sealed record CiBuild(string Id, string Project, string Connection, string System, string Cause, string? Commit, string Ref, string State, string? Url, string? Error, int Attempts, long CreatedMs, long UpdatedMs);

/// <summary>Starts a build by hand.</summary>
public sealed record NewCiBuild(string? Revision = null);
