using Pilothouse.Protocols.V1;

namespace Pilothouse.Server.Modules.Repositories.Api;

/// <summary>Reading a hosted repository as people do. Every answer is bounded and says when it was cut.</summary>
/// <remarks>A revision is a branch, a tag or a commit id; a path has no leading slash and no <c>..</c>. What is not there is NotFound.</remarks>
public interface IRepositoryBrowser
{
    /// <summary>Branches and tags, newest first.</summary>
    Task<IReadOnlyList<RefInfo>> RefsAsync(string project, CancellationToken ct);

    /// <summary>True when nothing was pushed yet.</summary>
    Task<bool> IsEmptyAsync(string project, CancellationToken ct);

    Task<TreeView> TreeAsync(string project, string revision, string path, CancellationToken ct);

    Task<FileView> FileAsync(string project, string revision, string path, CancellationToken ct);

    /// <summary>Content of a file; of an LFS pointer that of its object, when the project has it.</summary>
    Task<RawContent> RawAsync(string project, string revision, string path, CancellationToken ct);

    /// <summary>Commits that a revision has, newest first.</summary>
    /// <param name="path">Only those that changed it; "" = all.</param>
    /// <param name="pageToken">That of the page before; null = the first.</param>
    Task<Page<CommitView>> HistoryAsync(string project, string revision, string path, int limit, string? pageToken, CancellationToken ct);

    Task<CommitDetail> CommitAsync(string project, string revision, CancellationToken ct);

    Task<ComparisonView> CompareAsync(string project, string from, string to, CancellationToken ct);

    Task<BlameView> BlameAsync(string project, string revision, string path, CancellationToken ct);
}

/// <param name="Content">Seekable; the caller disposes it.</param>
/// <param name="MediaType">That of a picture, else <c>application/octet-stream</c>.</param>
/// <param name="Tag">Names the content: git's id, or the object's.</param>
public sealed record RawContent(Stream Content, string MediaType, string Tag);
