using System.Globalization;
using Pilothouse.Protocols.V1;

namespace Pilothouse.Client;

public sealed partial class PilothouseClient
{
    /// <summary>Puts a command into the server's queue. Needs the role admin.</summary>
    public Task<Job> EnqueueJobAsync(NewJob job, CancellationToken ct) => PostAsync<Job>("api/v1/jobs", job, ct);

    public Task<Job> GetJobAsync(string id, CancellationToken ct) => GetAsync<Job>($"api/v1/jobs/{Uri.EscapeDataString(id)}", ct);

    public Task<IReadOnlyList<Job>> ListJobsAsync(string? project, string? status, int limit, CancellationToken ct) =>
        GetAsync<IReadOnlyList<Job>>("api/v1/jobs" + Query(("project", project), ("status", status), ("limit", limit.ToString(CultureInfo.InvariantCulture))), ct);

    /// <summary>Output of the job as far as there is any.</summary>
    public async Task<Stream> OpenJobLogAsync(string id, CancellationToken ct)
    {
        var response = await SendAsync(HttpMethod.Get, $"api/v1/jobs/{Uri.EscapeDataString(id)}/log", null, ct);
        return await response.Content.ReadAsStreamAsync(ct);
    }

    public Task<Job> CancelJobAsync(string id, CancellationToken ct) => PostAsync<Job>($"api/v1/jobs/{Uri.EscapeDataString(id)}/cancel", null, ct);
}
