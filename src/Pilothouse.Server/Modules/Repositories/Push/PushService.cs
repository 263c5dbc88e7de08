using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using Pilothouse.Server.Modules.Audit.Api;
using Pilothouse.Server.Modules.Repositories.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Repositories.Push;

/// <summary>
/// The life of a push: the hook asks, the policy answers, git moves the refs, and what moved goes into the audit log and out as an event. An accepted push is noted before git moves anything, so that
/// one cut off by a kill is recorded later.
/// </summary>
internal sealed partial class PushService(PushHook hook, PushPolicy policy, PushStore store, RepositoryService repositories, PushDelivery delivery, IEventBus events, Ids ids, TimeProvider time, ILogger<PushService> logger)
{
    /// <summary>Updates told in one audit entry; the number of all stands beside them.</summary>
    private const int MaxTold = 100;
    private const string ReasonOption = "reason=";

    /// <summary>A push whose refs have not moved after this time never will: its git is gone.</summary>
    private static readonly TimeSpan Abandoned = TimeSpan.FromMinutes(10);

    private readonly ConcurrentDictionary<string, SemaphoreSlim> _gates = new();

    /// <summary>One at a time moves refs of a repository, so that what moved can be told from the refs before and after.</summary>
    public async Task<IDisposable> EnterAsync(string project, CancellationToken ct)
    {
        var gate = _gates.GetOrAdd(project, _ => new SemaphoreSlim(1));
        await gate.WaitAsync(ct);
        return new Turn(gate);
    }

    /// <summary>Runs git with the hook answered by the policy.</summary>
    /// <param name="receive">Runs <c>git receive-pack</c>, given the options and the environment that lead to the hook.</param>
    public async Task ReceiveAsync(string project, Caller caller, Func<IReadOnlyList<string>, IReadOnlyDictionary<string, string>, Task> receive, CancellationToken ct)
    {
        using var turn = await EnterAsync(project, ct);
        await RecoverAsync(project, ct);
        var before = await repositories.RefsAsync(project, ct);
        await using var channel = hook.Open();
        using var over = CancellationTokenSource.CreateLinkedTokenSource(ct);
        var answering = AnswerAsync(channel, project, caller, over.Token);
        try
        {
            await receive(["-c", "core.hooksPath=" + hook.Folder], new Dictionary<string, string> { [PushHook.Variable] = channel.Directory });
        }
        finally
        {
            await over.CancelAsync();
            // From here on the refs may have moved: the record is written even when the client has hung up.
            if (await answering is { } accepted) await EndAsync(accepted, Moved(before, await repositories.RefsAsync(project, CancellationToken.None)), CancellationToken.None);
        }
    }

    /// <summary>Records pushes that a kill of the server cut off after they were accepted.</summary>
    /// <param name="project">Null = of all.</param>
    public async Task RecoverAsync(string? project, CancellationToken ct)
    {
        foreach (var push in await store.PendingAsync(project, ct))
        {
            var refs = await repositories.RefsAsync(push.Project, ct);
            var moved = push.Updates.Where(u => refs.GetValueOrDefault(u.Ref, None) == u.NewCommit && u.OldCommit != u.NewCommit).ToList();
            if (moved.Count > 0 || time.NowMs() - push.CreatedMs > Abandoned.TotalMilliseconds) await EndAsync(push, moved, ct);
        }
    }

    internal static List<RefUpdate> Moved(Dictionary<string, string> before, Dictionary<string, string> after) =>
        [.. before.Keys.Union(after.Keys).Order(StringComparer.Ordinal)
            .Select(name => new RefUpdate(name, before.GetValueOrDefault(name, None), after.GetValueOrDefault(name, None)))
            .Where(update => update.OldCommit != update.NewCommit)];

    /// <summary>Notes that the refs are about to move.</summary>
    public Task BeginAsync(PendingPush push, CancellationToken ct) => store.BeginAsync(push, ct);

    /// <summary>Records what moved and tells everyone.</summary>
    public async Task EndAsync(PendingPush push, IReadOnlyList<RefUpdate> moved, CancellationToken ct)
    {
        var reason = push.Options.FirstOrDefault(o => o.StartsWith(ReasonOption, StringComparison.Ordinal))?[ReasonOption.Length..];
        var pushed = new RepositoryPushed(push.Project, push.Actor, moved, push.Options, reason);
        await store.EndAsync(push.Id, moved.Count == 0 ? null : new AuditEvent(push.Actor, "repository.push", $"projects/{push.Project}",
            new { updates = moved.Take(MaxTold), count = moved.Count, options = push.Options, reason }), pushed, delivery.Subscribers, time.NowMs(), ct);
        if (moved.Count == 0) return;
        delivery.Wake();
        await events.PublishAsync(pushed, ct);
    }

    /// <returns>The push as it was accepted; null when it was refused, or git never asked.</returns>
    private async Task<PendingPush?> AnswerAsync(PushChannel channel, string project, Caller caller, CancellationToken ct)
    {
        try
        {
            var request = await channel.ReadAsync(ct);
            var refusals = await policy.CheckAsync(project, caller, request, ct);
            var push = new PendingPush(ids.New(), project, caller.Name, request.Updates, request.Options, time.NowMs());
            if (refusals.Count == 0) await store.BeginAsync(push, ct);
            await channel.AnswerAsync(refusals, ct);
            return refusals.Count == 0 ? push : null;
        }
        catch (OperationCanceledException) when (ct.IsCancellationRequested)
        {
            return null;
        }
        catch (Exception e)
        {
            if (e is not PilothouseException) CheckFailed(e, project);
            await channel.AnswerAsync([e is PilothouseException known ? known.Message : "the server failed to check this push; its log has the details. Nothing was changed."], CancellationToken.None);
            return null;
        }
    }

    private static readonly string None = new('0', 40);

    private sealed class Turn(SemaphoreSlim gate) : IDisposable
    {
        public void Dispose() => gate.Release();
    }

    [LoggerMessage(510, LogLevel.Error, "The check of a push to {Project} failed")]
    private partial void CheckFailed(Exception error, string project);
}
