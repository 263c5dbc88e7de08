using Pilothouse.Protocols.V1;

namespace Pilothouse.Client;

public sealed partial class PilothouseClient
{
    /// <summary>What the checks say of a commit, by name.</summary>
    public Task<IReadOnlyList<CommitStatus>> ListCommitStatusesAsync(string project, string commit, CancellationToken ct) => GetAsync<IReadOnlyList<CommitStatus>>(StatusPath(project, commit), ct);

    /// <summary>Sets what one check says of a commit. Needs the role writer.</summary>
    public Task<CommitStatus> SetCommitStatusAsync(string project, string commit, NewCommitStatus status, CancellationToken ct) => PostAsync<CommitStatus>(StatusPath(project, commit), status, ct);

    /// <summary>CI systems that the server starts builds on.</summary>
    public Task<IReadOnlyList<CiConnection>> ListCiConnectionsAsync(string project, CancellationToken ct) => GetAsync<IReadOnlyList<CiConnection>>($"{CiPath(project)}/connections", ct);

    /// <summary>Makes or replaces a connection. Needs the role admin.</summary>
    public Task<CiConnection> ConnectCiAsync(string project, string name, NewCiConnection connection, CancellationToken ct) =>
        SendAsync<CiConnection>(HttpMethod.Put, $"{CiPath(project)}/connections/{Uri.EscapeDataString(name)}", System.Net.Http.Json.JsonContent.Create(connection, options: Json), ct);

    public async Task DisconnectCiAsync(string project, string name, CancellationToken ct) => (await SendAsync(HttpMethod.Delete, $"{CiPath(project)}/connections/{Uri.EscapeDataString(name)}", null, ct)).Dispose();

    /// <summary>Starts a build by hand.</summary>
    /// <param name="revision">Null = the head of the default branch.</param>
    public Task<CiBuild> StartCiBuildAsync(string project, string name, string? revision, CancellationToken ct) => PostAsync<CiBuild>($"{CiPath(project)}/connections/{Uri.EscapeDataString(name)}/builds", new NewCiBuild(revision), ct);

    /// <summary>Builds started on CI systems, newest first.</summary>
    public Task<IReadOnlyList<CiBuild>> ListCiBuildsAsync(string project, int limit, CancellationToken ct) =>
        GetAsync<IReadOnlyList<CiBuild>>($"{CiPath(project)}/builds?limit={limit.ToString(System.Globalization.CultureInfo.InvariantCulture)}", ct);

    /// <summary>Schedules of jobs of pilothouse.yaml, with their next rounds.</summary>
    public Task<IReadOnlyList<CiScheduleInfo>> ListCiSchedulesAsync(string project, CancellationToken ct) => GetAsync<IReadOnlyList<CiScheduleInfo>>($"{CiPath(project)}/schedules", ct);

    /// <summary>Jobs of pilothouse.yaml, newest first.</summary>
    /// <param name="commit">Null = of all.</param>
    public Task<IReadOnlyList<CiJob>> ListCiJobsAsync(string project, string? commit, int limit, CancellationToken ct) =>
        GetAsync<IReadOnlyList<CiJob>>($"{CiPath(project)}/jobs" + Query(("commit", commit), ("limit", limit.ToString(System.Globalization.CultureInfo.InvariantCulture))), ct);

    /// <summary>Starts jobs by hand; those that ended run again.</summary>
    public Task<IReadOnlyList<CiJob>> StartCiJobsAsync(string project, NewCiJobs jobs, CancellationToken ct) => PostAsync<IReadOnlyList<CiJob>>($"{CiPath(project)}/jobs", jobs, ct);

    public Task<CiJob> CancelCiJobAsync(string project, string id, CancellationToken ct) => PostAsync<CiJob>($"{CiPath(project)}/jobs/{Uri.EscapeDataString(id)}/cancel", null, ct);

    /// <summary>Output of the steps as far as there is any.</summary>
    public async Task<Stream> OpenCiJobLogAsync(string project, string id, CancellationToken ct)
    {
        var response = await SendAsync(HttpMethod.Get, $"{CiPath(project)}/jobs/{Uri.EscapeDataString(id)}/log", null, ct);
        return await response.Content.ReadAsStreamAsync(ct);
    }

    private static string CiPath(string project) => $"api/v1/projects/{Uri.EscapeDataString(project)}/ci";

    private static string StatusPath(string project, string commit) => $"api/v1/projects/{Uri.EscapeDataString(project)}/commits/{Uri.EscapeDataString(commit)}/statuses";
}
