using System.Collections.Concurrent;
using System.Text.RegularExpressions;
using Microsoft.Extensions.Options;
using Pilothouse.Server.Modules.Audit.Api;
using Pilothouse.Server.Modules.Repositories.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Repositories;

/// <summary>
/// Git smart HTTP (git-scm.com/docs/http-protocol): the request body becomes the input of <c>git upload-pack</c> or <c>git receive-pack --stateless-rpc</c>.
/// </summary>
internal sealed partial class GitTransport(Git git, RepositoryService repositories, ProjectStore store, IEventBus events, IOptions<RepositoriesOptions> options)
{
    /// <summary>Answer of receive-pack (status report, progress); it is held back until the audit entry is durable.</summary>
    private const int MaxPushReport = 4 * 1024 * 1024;
    private static readonly string[] Services = ["git-upload-pack", "git-receive-pack"];

    private readonly ConcurrentDictionary<string, SemaphoreSlim> _pushGates = new();

    /// <param name="service"><c>git-upload-pack</c> or <c>git-receive-pack</c>.</param>
    public static bool IsService(string? service) => Services.Contains(service);

    public Task AdvertiseAsync(string project, string service, string? protocol, Stream output, CancellationToken ct) =>
        git.PipeAsync(null, [service["git-".Length..], "--stateless-rpc", "--http-backend-info-refs", git.PathOf(project)], Environment(protocol), Stream.Null, output, ct);

    public async Task UploadPackAsync(string project, string? protocol, Stream input, Stream output, CancellationToken ct)
    {
        using var timeout = Timeout(ct);
        await git.PipeAsync(null, ["upload-pack", "--stateless-rpc", git.PathOf(project)], Environment(protocol), input, output, timeout.Token);
    }

    /// <summary>One push at a time per repository, so that what moved can be told from the refs before and after.</summary>
    public async Task ReceivePackAsync(string project, string actor, Stream input, Stream output, CancellationToken ct)
    {
        using var timeout = Timeout(ct);
        var gate = _pushGates.GetOrAdd(project, _ => new SemaphoreSlim(1));
        await gate.WaitAsync(timeout.Token);
        try
        {
            var before = await repositories.RefsAsync(project, timeout.Token);
            using var report = new MemoryStream();
            await git.PipeAsync(null, ["-c", $"receive.maxInputSize={options.Value.MaxPushBytes}", "receive-pack", "--stateless-rpc", git.PathOf(project)],
                Environment(null), input, new Git.BoundedStream(report, MaxPushReport), timeout.Token);

            // From here on the refs have moved: the record is written even when the client hangs up.
            var updates = Moved(before, await repositories.RefsAsync(project, CancellationToken.None));
            if (updates.Count > 0)
            {
                await store.RecordPushAsync(new AuditEvent(actor, "repository.push", $"projects/{project}", new { updates }), CancellationToken.None);
                await events.PublishAsync(new RepositoryPushed(project, actor, updates), CancellationToken.None);
            }
            report.Position = 0;
            await report.CopyToAsync(output, ct);
        }
        finally
        {
            gate.Release();
        }
    }

    internal static List<RefUpdate> Moved(Dictionary<string, string> before, Dictionary<string, string> after)
    {
        var none = new string('0', 40);
        return [.. before.Keys.Union(after.Keys).Order(StringComparer.Ordinal)
            .Select(name => new RefUpdate(name, before.GetValueOrDefault(name, none), after.GetValueOrDefault(name, none)))
            .Where(update => update.OldCommit != update.NewCommit)];
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
