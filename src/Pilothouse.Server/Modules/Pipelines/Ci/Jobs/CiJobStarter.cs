using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.Options;
using Pilothouse.Protocols.ProjectFiles;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Pipelines.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Pipelines.Ci.Jobs;

/// <summary>
/// Hands a job to what runs it: the queue of commands of this server, where 'pilothouse ci run' does the same as on a developer's machine, or a connected CI system.
/// </summary>
internal sealed class CiJobStarter(IJobs commands, CiService builds, CiArtifacts artifacts, IServiceTokens tokens, JobCommandLine commandLine, IServer http, IOptions<PipelinesOptions> options)
{
    /// <summary>For the checkout with its large files, and what is kept, beyond the time of the steps.</summary>
    private static readonly TimeSpan Around = TimeSpan.FromMinutes(30);
    /// <summary>It may wait long in the queue; it is revoked when the job ends.</summary>
    private static readonly TimeSpan TokenLifetime = TimeSpan.FromDays(2);

    public static string TokenName(string id) => "ci-job-" + id;

    /// <returns>The row with what runs it.</returns>
    /// <exception cref="PilothouseException">It cannot be started.</exception>
    public async Task<CiJobRow> StartAsync(CiJobRow job, CancellationToken ct)
    {
        if (job.Runner != CiJobEntry.BuiltIn)
            return job with { BuildId = (await builds.StartJobAsync(job.Project, job.Runner, job.Name, job.CommitId, job.BuildRef, job.CreatedBy, ct)).Id };
        if (!options.Value.RunProjectJobs) throw new PilothouseException(ErrorCode.FailedPrecondition, "The built-in runner is off on this server: Pipelines:RunProjectJobs.");
        var run = await commandLine.RunAsync(ct);
        var url = Address();
        var environment = new Dictionary<string, string> { ["PILOTHOUSE_URL"] = url, ["PILOTHOUSE_CI_REF"] = job.BuildRef, ["PILOTHOUSE_CI_CAUSE"] = job.Cause };
        if (await tokens.CreateAsync(TokenName(job.Id), Role.Writer, TokenLifetime, ct) is { } token) environment["PILOTHOUSE_TOKEN"] = token;
        var command = new NewJob([.. run, job.Name, "--only", "--project", job.Project, "--commit", job.CommitId, "--repository", $"{url}/git/{Uri.EscapeDataString(job.Project)}.git", "--output", artifacts.FolderOf(job.Id)],
            $"ci/{job.Name}", job.Project, null, environment, TimeSpan.FromMilliseconds(job.TimeoutMs).Add(Around).TotalSeconds, "requeue");
        return job with { JobId = (await commands.EnqueueAsync(command, job.CreatedBy, ct)).Id };
    }

    private string Address()
    {
        var address = http.Features.Get<IServerAddressesFeature>()?.Addresses.FirstOrDefault() ?? throw new PilothouseException(ErrorCode.Unavailable, "The server does not listen yet.");
        return address.Replace("://[::]", "://127.0.0.1", StringComparison.Ordinal).Replace("://0.0.0.0", "://127.0.0.1", StringComparison.Ordinal).Replace("://+", "://127.0.0.1", StringComparison.Ordinal).Replace("://*", "://127.0.0.1", StringComparison.Ordinal).TrimEnd('/');
    }
}
