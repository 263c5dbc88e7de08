using System.Text;
using Microsoft.Extensions.Options;
using Pilothouse.Server.Modules.Repositories.Lfs;
using Pilothouse.Server.Modules.Repositories.Push;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Repositories.Mirrors;

/// <summary>The other side of a mirror, with its login in the clear.</summary>
/// <param name="SinceMs">When it last went well; 0 = never.</param>
internal sealed record MirrorRemote(string Id, string Project, string Url, string User, string Password, long SinceMs)
{
    /// <summary>Null without a login.</summary>
    public string? Authorization => Password.Length + User.Length == 0 ? null : "Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes($"{User}:{Password}"));
}

/// <summary>
/// Copies branches, tags and LFS objects. What is fetched is kept apart (refs/internal) until it was looked at as a push is: an upstream that drops a commit on which a release stands does not
/// take it away here.
/// </summary>
internal sealed class MirrorRunner(Git git, RepositoryService repositories, PushService pushes, PushPolicy policy, LfsRemote lfs, LfsStore objects, Ids ids, TimeProvider time, IOptions<RepositoriesOptions> options)
{
    public const string Actor = "mirror";
    private const string Staging = "refs/internal/mirror/";
    private const int MaxRefs = 20_000;
    private const int LfsBatch = 100;

    private static readonly string[] OnlyHttp = ["-c", "protocol.allow=never", "-c", "protocol.http.allow=always", "-c", "protocol.https.allow=always", "-c", "http.followRedirects=false", "-c", "credential.helper="];

    public async Task PullAsync(MirrorRemote remote, CancellationToken ct)
    {
        using var timeout = Timeout(ct);
        using var turn = await pushes.EnterAsync(remote.Project, timeout.Token);
        await pushes.RecoverAsync(remote.Project, timeout.Token);
        var staging = Staging + remote.Id + "/";
        await RunAsync(remote, [.. OnlyHttp, "-c", "fetch.fsckObjects=true", "-c", "core.fsync=committed,reference", "fetch", "--quiet", "--prune", "--no-write-fetch-head", "--no-auto-maintenance", "--no-tags", remote.Url,
            $"+refs/heads/*:{staging}heads/*", $"+refs/tags/*:{staging}tags/*"], timeout.Token);
        var refs = await repositories.AllRefsAsync(remote.Project, timeout.Token);
        var wanted = refs.Where(r => r.Key.StartsWith(staging, StringComparison.Ordinal)).ToDictionary(r => "refs/" + r.Key[staging.Length..], r => r.Value);
        var held = refs.Where(r => r.Key.StartsWith("refs/heads/", StringComparison.Ordinal) || r.Key.StartsWith("refs/tags/", StringComparison.Ordinal)).ToDictionary();
        var updates = PushService.Moved(held, wanted);
        if (updates.Count == 0) return;
        if (wanted.Count > MaxRefs) throw new PilothouseException(ErrorCode.TooLarge, $"The other side has more than {MaxRefs} branches and tags.");

        var findings = await policy.CheckMirrorAsync(remote.Project, updates, timeout.Token);
        if (findings.MissingPointers.Count > 0)
        {
            await lfs.DownloadAsync(remote, findings.MissingPointers, timeout.Token);
            findings = await policy.CheckMirrorAsync(remote.Project, updates, timeout.Token);
        }
        if (findings.Lines() is { Count: > 0 } refused) throw new PilothouseException(ErrorCode.FailedPrecondition, string.Join('\n', refused));
        var push = new PendingPush(ids.New(), remote.Project, Actor, updates, [$"mirror={remote.Url}"], time.NowMs());
        await pushes.BeginAsync(push, timeout.Token);
        var commands = new StringBuilder("start\n");
        foreach (var update in updates)
            commands.Append(update.NewCommit.AsSpan().TrimStart('0').Length == 0 ? $"delete {update.Ref} {update.OldCommit}\n" : $"update {update.Ref} {update.NewCommit} {update.OldCommit}\n");
        commands.Append("prepare\ncommit\n");
        var (exitCode, error) = await git.PipeAsync(remote.Project, ["-c", "core.fsync=committed,reference", "update-ref", "--stdin"], Git.NoEnvironment, new MemoryStream(Encoding.UTF8.GetBytes(commands.ToString())), Stream.Null, timeout.Token);
        await pushes.EndAsync(push, exitCode == 0 ? updates : [], CancellationToken.None);
        if (exitCode != 0) throw new PilothouseException(ErrorCode.FailedPrecondition, $"The refs cannot be moved: {error}");
    }

    public async Task PushAsync(MirrorRemote remote, CancellationToken ct)
    {
        using var timeout = Timeout(ct);
        // The data first: the other side may refuse commits without it, as this one does.
        await foreach (var page in objects.SinceAsync(remote.Project, remote.SinceMs, LfsBatch, timeout.Token)) await lfs.UploadAsync(remote, page, timeout.Token);
        await RunAsync(remote, [.. OnlyHttp, "push", "--quiet", "--prune", "--no-verify", remote.Url, "+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*"], timeout.Token);
    }

    private async Task RunAsync(MirrorRemote remote, IReadOnlyList<string> arguments, CancellationToken ct)
    {
        // In the environment, which others cannot read, not among the arguments, which they can.
        var environment = remote.Authorization is { } login
            ? new Dictionary<string, string> { ["GIT_CONFIG_COUNT"] = "1", ["GIT_CONFIG_KEY_0"] = "http.extraHeader", ["GIT_CONFIG_VALUE_0"] = "Authorization: " + login } : [];
        var (exitCode, error) = await git.PipeAsync(remote.Project, arguments, environment, Stream.Null, Stream.Null, ct);
        if (exitCode != 0) throw new PilothouseException(ErrorCode.UpstreamFailed, error.Length > 0 ? error : $"git ended with {exitCode}.");
    }

    private CancellationTokenSource Timeout(CancellationToken ct)
    {
        var timeout = CancellationTokenSource.CreateLinkedTokenSource(ct);
        timeout.CancelAfter(TimeSpan.FromMinutes(options.Value.TransferTimeoutMinutes));
        return timeout;
    }
}
