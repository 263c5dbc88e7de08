using Pilothouse.Protocols.ProjectFiles;

namespace Pilothouse.Server.Modules.Repositories.Api;

/// <summary>Projects and their hosted Git repositories (<c>/git/NAME.git</c>).</summary>
public interface IProjects
{
    Task<Project> CreateAsync(string name, string actor, CancellationToken ct);

    /// <exception cref="Platform.PilothouseException">NotFound, with the names that exist.</exception>
    Task<Project> GetAsync(string name, CancellationToken ct);

    Task<IReadOnlyList<Project>> ListAsync(CancellationToken ct);
}

public interface IRepositories
{
    /// <summary>Full commit id (40 hex) of a branch, tag, abbreviated id or <c>HEAD</c>.</summary>
    Task<string> ResolveAsync(string project, string revision, CancellationToken ct);

    /// <summary>Content of a file at a commit; null when it is not there.</summary>
    Task<byte[]?> ReadFileAsync(string project, string commit, string path, int maxBytes, CancellationToken ct);

    /// <summary>Newest first, following first parents.</summary>
    Task<IReadOnlyList<Commit>> LogAsync(string project, string revision, int limit, CancellationToken ct);

    /// <summary>Best common ancestor; null when there is none.</summary>
    Task<string?> MergeBaseAsync(string project, string a, string b, CancellationToken ct);

    /// <summary>Parses <c>pilothouse.yaml</c> at a commit.</summary>
    /// <exception cref="Platform.PilothouseException">NotFound, or InvalidArgument with every fault.</exception>
    Task<ProjectFile> ReadProjectFileAsync(string project, string commit, CancellationToken ct);
}

public sealed record Project(string Name, string CreatedBy, long CreatedMs, string DefaultBranch);

public sealed record Commit(string Id, string Author, long TimeMs, string Subject);

/// <summary>Event: branches or tags of a hosted repository moved.</summary>
/// <param name="Options">Texts of <c>git push -o</c>, as they came.</param>
/// <param name="Reason">That of <c>-o reason=...</c>; null without one.</param>
public sealed record RepositoryPushed(string Project, string Actor, IReadOnlyList<RefUpdate> Updates, IReadOnlyList<string> Options, string? Reason)
{
    /// <summary>Option with which a push asks for no pipeline.</summary>
    public const string SkipCi = "ci.skip";
}

public sealed record RefUpdate(string Ref, string OldCommit, string NewCommit);
