using Pilothouse.Protocols.V1;

namespace Pilothouse.Client;

public sealed partial class PilothouseClient
{
    public Task<ProjectInfo> CreateProjectAsync(string name, CancellationToken ct) => PostAsync<ProjectInfo>("api/v1/projects", new NewProject(name), ct);

    public Task<ProjectInfo> GetProjectAsync(string name, CancellationToken ct) => GetAsync<ProjectInfo>($"api/v1/projects/{Uri.EscapeDataString(name)}", ct);

    public Task<IReadOnlyList<ProjectInfo>> ListProjectsAsync(CancellationToken ct) => GetAsync<IReadOnlyList<ProjectInfo>>("api/v1/projects", ct);

    public Task<IReadOnlyList<CommitInfo>> ListCommitsAsync(string project, string revision, int limit, CancellationToken ct) =>
        GetAsync<IReadOnlyList<CommitInfo>>($"api/v1/projects/{Uri.EscapeDataString(project)}/commits?revision={Uri.EscapeDataString(revision)}&limit={limit}", ct);
}
