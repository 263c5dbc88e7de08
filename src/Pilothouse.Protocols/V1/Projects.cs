namespace Pilothouse.Protocols.V1;

public sealed record NewProject(string Name);

/// <param name="GitUrl">Path of the repository on this server, e.g. <c>/git/NAME.git</c>.</param>
public sealed record ProjectInfo(string Name, string CreatedBy, long CreatedMs, string DefaultBranch, string GitUrl);

public sealed record CommitInfo(string Id, string Author, long TimeMs, string Subject);
