using System.Text.RegularExpressions;
using Microsoft.Extensions.Options;
using Pilothouse.Server.Modules.Repositories.Push;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Repositories;

/// <summary>
/// Git smart HTTP (git-scm.com/docs/http-protocol): the request body becomes the input of <c>git upload-pack</c> or <c>git receive-pack --stateless-rpc</c>.
/// </summary>
internal sealed partial class GitTransport(Git git, PushService pushes, IOptions<RepositoriesOptions> options)
{
    /// <summary>Answer of receive-pack (status report, progress); it is held back until the audit entry is durable.</summary>
    private const int MaxPushReport = 4 * 1024 * 1024;
    private static readonly string[] Services = ["git-upload-pack", "git-receive-pack"];

    /// <summary>For repositories of any age: what is received is checked, may have options, and is on disk when it is acknowledged.</summary>
    private static readonly string[] ReceiveSettings = ["-c", "receive.fsckObjects=true", "-c", "receive.advertisePushOptions=true", "-c", "receive.autogc=false", "-c", "transfer.hideRefs=refs/internal", "-c", "core.fsync=committed,reference"];

    /// <param name="service"><c>git-upload-pack</c> or <c>git-receive-pack</c>.</param>
    public static bool IsService(string? service) => Services.Contains(service);

    public Task AdvertiseAsync(string project, string service, string? protocol, Stream output, CancellationToken ct) =>
        git.PipeAsync(null, [.. ReceiveSettings, service["git-".Length..], "--stateless-rpc", "--http-backend-info-refs", git.PathOf(project)], Environment(protocol), Stream.Null, output, ct);

    public async Task UploadPackAsync(string project, string? protocol, Stream input, Stream output, CancellationToken ct)
    {
        using var timeout = Timeout(ct);
        await git.PipeAsync(null, ["-c", "transfer.hideRefs=refs/internal", "upload-pack", "--stateless-rpc", git.PathOf(project)], Environment(protocol), input, output, timeout.Token);
    }

    /// <summary>The report goes out when what moved is recorded.</summary>
    public async Task ReceivePackAsync(string project, Caller caller, Stream input, Stream output, CancellationToken ct)
    {
        using var timeout = Timeout(ct);
        using var report = new MemoryStream();
        await pushes.ReceiveAsync(project, caller, (arguments, environment) => git.PipeAsync(null,
            [.. arguments, .. ReceiveSettings, "-c", $"receive.maxInputSize={options.Value.MaxPushBytes}", "receive-pack", "--stateless-rpc", git.PathOf(project)],
            environment, input, new Git.BoundedStream(report, MaxPushReport), timeout.Token), timeout.Token);
        report.Position = 0;
        await report.CopyToAsync(output, ct);
    }

    private CancellationTokenSource Timeout(CancellationToken ct)
    {
        var timeout = CancellationTokenSource.CreateLinkedTokenSource(ct);
        timeout.CancelAfter(TimeSpan.FromMinutes(options.Value.TransferTimeoutMinutes));
        return timeout;
    }

    /// <summary>The client's <c>Git-Protocol</c> header (e.g. <c>version=2</c>) goes into the environment, so it is checked to the letter.</summary>
    private static Dictionary<string, string> Environment(string? protocol) =>
        protocol is not null && ProtocolPattern().IsMatch(protocol) ? new() { ["GIT_PROTOCOL"] = protocol } : [];

    [GeneratedRegex("^[a-z0-9=:]{1,64}$")]
    private static partial Regex ProtocolPattern();
}
