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
/// <param name="System">jenkins, circleci, travis, github, gitlab; gitea for statuses only.</param>
/// <param name="Url">Base address of the system's API.</param>
/// <param name="Target">Jenkins: path of the job (<c>folder/job</c>); CircleCI: project slug (<c>gh/org/repo</c>); Travis and GitHub: <c>owner/repo</c>; GitLab: id or path of the project.</param>
/// <param name="Ref">Branch to build there; null = the branch that was pushed here.</param>
/// <param name="Branches">Branches whose pushes start a build; <c>*</c> and <c>?</c> stand for anything.</param>
/// <param name="OnRegistry">A new version of a model or prompt starts a build of the default branch.</param>
/// <param name="Builds">False = pushes start nothing there.</param>
/// <param name="Statuses">Statuses of commits are told there: GitHub, GitLab, Gitea.</param>
/// <param name="Webhook">Path on this server to which the system may tell how builds go; null = it has no secret for that.</param>
/// <param name="StatusError">Why a status could not be told there (yet).</param>
public sealed record CiConnection(string Project, string Name, string System, string Url, string Target, string? User, string? Ref, IReadOnlyList<string> Branches, bool OnRegistry, string UpdatedBy, long UpdatedMs,
    bool Builds = true, bool Statuses = false, string? Webhook = null, string? StatusError = null);

/// <param name="Secret">Jenkins: API token or password of the user; CircleCI, Travis: API token; GitHub: token that may write actions; GitLab: trigger token (<c>glptt-</c>), or an access token, with which the pipeline is followed too.</param>
/// <param name="WebhookSecret">With which the system signs its webhooks; null = none are taken. Travis needs none: it signs with a key of its own.</param>
public sealed record NewCiConnection(string System, string Target, string Secret, string? Url = null, string? User = null, string? Ref = null, IReadOnlyList<string>? Branches = null, bool OnRegistry = false,
    string? WebhookSecret = null, bool Builds = true, bool Statuses = false);

/// <summary>A build that this server started elsewhere.</summary>
/// <param name="Cause">push, registry, by hand, job; webhook = the system began it by itself.</param>
/// <param name="State">queued (not started yet), triggered (the system has it), running, success, failure, cancelled, error (it could not be started or followed).</param>
/// <param name="Error">Why, when it did not go well; or what went wrong at the last try.</param>
/// <param name="Job">Of pilothouse.yaml, when the build is one.</param>
public sealed record CiBuild(string Id, string Project, string Connection, string System, string Cause, string? Commit, string Ref, string State, string? Url, string? Error, int Attempts, long CreatedMs, long UpdatedMs, string? Job = null);

/// <summary>What became of a webhook.</summary>
/// <param name="Result">applied, unchanged, duplicate (taken before), ignored (about no build here).</param>
public sealed record CiHookAnswer(string Result, string? Build, string? Reason);

/// <summary>Starts a build by hand.</summary>
public sealed record NewCiBuild(string? Revision = null);

/// <summary>A job of the section <c>ci</c> of pilothouse.yaml, at one commit.</summary>
/// <param name="Ref">Branch that was pushed.</param>
/// <param name="Cause">push, registry, schedule, by hand.</param>
/// <param name="Runner">builtin, or the name of a connection.</param>
/// <param name="State">waiting (for what it needs), queued, running, success, failure (a step said no), error (it could not run), skipped (what it needs did not succeed), cancelled.</param>
/// <param name="Tests">Test cases of its JUnit files; null without any.</param>
public sealed record CiJob(string Id, string Project, string Commit, string Ref, string Name, string Cause, string Runner, string State, bool Required, IReadOnlyList<string> Needs, string? Url, string? Error, int? Tests, int? Failures,
    IReadOnlyList<CiArtifact> Artifacts, string CreatedBy, long CreatedMs, long? StartedMs, long? FinishedMs);

/// <summary>A schedule of a job of pilothouse.yaml.</summary>
/// <param name="Cron">Five fields, in UTC.</param>
/// <param name="NextMs">The round that comes next.</param>
/// <param name="LastMs">The last round that was started, or could not be; null = none yet.</param>
/// <param name="Error">Why the last round could not start.</param>
public sealed record CiScheduleInfo(string Project, string Job, string Cron, string Branch, long NextMs, long? LastMs, string? Error);

/// <summary>A file that a job kept.</summary>
/// <param name="Path">Relative, with '/'.</param>
public sealed record CiArtifact(string Path, long Size, string Digest);

/// <summary>Starts jobs by hand.</summary>
/// <param name="Revision">Null = the default branch.</param>
/// <param name="Names">Null = all.</param>
public sealed record NewCiJobs(string? Revision = null, IReadOnlyList<string>? Names = null);

/// <summary>How the steps of a job on the built-in runner went; what 'pilothouse ci run' leaves beside the files it keeps.</summary>
/// <param name="State">success, failure (a step said no), error (it could not run).</param>
public sealed record CiJobResult(string Name, string Commit, string State, string? Error, int? Tests, int? Failures, IReadOnlyList<CiStepResult> Steps)
{
    public const string FileName = "result.json";
}

/// <param name="ExitCode">Null when it was ended by its timeout or could not be started.</param>
public sealed record CiStepResult(string Title, string State, int? ExitCode, double Seconds);
