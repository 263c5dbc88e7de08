using System.Net.Http.Json;
using Pilothouse.Protocols.V1;

namespace Pilothouse.Client;

public sealed partial class PilothouseClient
{
    public Task<ProjectInfo> CreateProjectAsync(string name, CancellationToken ct) => PostAsync<ProjectInfo>("api/v1/projects", new NewProject(name), ct);

    public Task<ProjectInfo> GetProjectAsync(string name, CancellationToken ct) => GetAsync<ProjectInfo>($"api/v1/projects/{Uri.EscapeDataString(name)}", ct);

    public Task<IReadOnlyList<ProjectInfo>> ListProjectsAsync(CancellationToken ct) => GetAsync<IReadOnlyList<ProjectInfo>>("api/v1/projects", ct);

    public Task<IReadOnlyList<CommitInfo>> ListCommitsAsync(string project, string revision, int limit, CancellationToken ct) =>
        GetAsync<IReadOnlyList<CommitInfo>>($"api/v1/projects/{Uri.EscapeDataString(project)}/commits?revision={Uri.EscapeDataString(revision)}&limit={limit}", ct);

    /// <summary>Which branches of a project are protected.</summary>
    public Task<IReadOnlyList<BranchRuleInfo>> ListBranchRulesAsync(string project, CancellationToken ct) =>
        GetAsync<IReadOnlyList<BranchRuleInfo>>($"api/v1/projects/{Uri.EscapeDataString(project)}/protection", ct);

    /// <summary>Protects a branch, or changes its protection. Administrators only.</summary>
    public async Task SetBranchRuleAsync(string project, BranchRuleInfo rule, CancellationToken ct)
    {
        using var _ = await SendAsync(HttpMethod.Put, $"api/v1/projects/{Uri.EscapeDataString(project)}/protection", JsonContent.Create(rule, options: Json), ct);
    }

    /// <summary>Takes the protection of a branch away. Administrators only.</summary>
    public async Task RemoveBranchRuleAsync(string project, string pattern, CancellationToken ct)
    {
        using var _ = await SendAsync(HttpMethod.Delete, $"api/v1/projects/{Uri.EscapeDataString(project)}/protection?pattern={Uri.EscapeDataString(pattern)}", null, ct);
    }

    /// <summary>Rolls the packs of a repository up now, however few there are. Administrators only.</summary>
    public Task<RepositoryCare> MaintainRepositoryAsync(string project, CancellationToken ct) => PostAsync<RepositoryCare>($"api/v1/projects/{Uri.EscapeDataString(project)}/maintenance", null, ct);

    /// <summary>Takes a Git LFS object away from a project for good. Refused while a release stands on a commit that has it. Administrators only.</summary>
    /// <param name="force">Also when a branch or tag has it.</param>
    public async Task<LfsRemoved> RemoveLfsObjectAsync(string project, string oid, string reason, bool force, CancellationToken ct) =>
        await SendAsync<LfsRemoved>(HttpMethod.Delete, $"api/v1/projects/{Uri.EscapeDataString(project)}/lfs/{Uri.EscapeDataString(oid)}?reason={Uri.EscapeDataString(reason)}{(force ? "&force=true" : "")}", null, ct);

    /// <summary>Git LFS objects that were taken away, newest first.</summary>
    public Task<IReadOnlyList<LfsRemoved>> ListRemovedLfsObjectsAsync(string project, CancellationToken ct) => GetAsync<IReadOnlyList<LfsRemoved>>($"api/v1/projects/{Uri.EscapeDataString(project)}/lfs/removed", ct);

    /// <summary>Mirrors of a project, and how they do.</summary>
    public Task<IReadOnlyList<MirrorInfo>> ListMirrorsAsync(string project, CancellationToken ct) => GetAsync<IReadOnlyList<MirrorInfo>>($"api/v1/projects/{Uri.EscapeDataString(project)}/mirrors", ct);

    /// <summary>Adds a mirror. Administrators only.</summary>
    public Task<MirrorInfo> CreateMirrorAsync(string project, NewMirror mirror, CancellationToken ct) => PostAsync<MirrorInfo>($"api/v1/projects/{Uri.EscapeDataString(project)}/mirrors", mirror, ct);

    /// <summary>Runs a mirror now; what went wrong stands in the answer.</summary>
    public Task<MirrorInfo> SyncMirrorAsync(string project, string id, CancellationToken ct) =>
        PostAsync<MirrorInfo>($"api/v1/projects/{Uri.EscapeDataString(project)}/mirrors/{Uri.EscapeDataString(id)}/sync", null, ct);

    /// <summary>Removes a mirror; both repositories stay as they are. Administrators only.</summary>
    public async Task DeleteMirrorAsync(string project, string id, CancellationToken ct)
    {
        using var _ = await SendAsync(HttpMethod.Delete, $"api/v1/projects/{Uri.EscapeDataString(project)}/mirrors/{Uri.EscapeDataString(id)}", null, ct);
    }
}
