using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Pipelines.Api;
using Pilothouse.Server.Modules.Pipelines.Ci.Clients;
using Pilothouse.Server.Modules.Pipelines.Statuses;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Pipelines.Ci;

/// <summary>
/// Starts queued builds and asks how those under way go. Tried again with growing waits, or when the system says, after a fault of the infrastructure only (no answer, 408, 429, 5xx); anything else ends
/// the build with its reason. A start whose answer was lost is repeated: a system that did get it builds twice.
/// </summary>
internal sealed partial class CiDispatcher(CiStore store, CiSecrets secrets, IEnumerable<ICiClient> clients, StatusService statuses, TimeProvider time, IOptions<PipelinesOptions> options, ILogger<CiDispatcher> logger) : BackgroundLoop
{
    private const int Batch = 16;
    private const int MaxError = 500;
    /// <summary>Tries without an answer before a build is given up: with the waits below, about three hours.</summary>
    internal const int MaxAttempts = 20;
    private const long LeaseMs = 120_000;
    private const long FirstWaitMs = 2_000;
    private const long LongestWaitMs = 15 * 60_000;
    /// <summary>Between two questions how a build goes.</summary>
    private const long AskEveryMs = 5_000;
    /// <summary>A build that has told nothing for this long is no longer asked.</summary>
    private const long LongestBuildMs = 24 * 3_600_000;
    private static readonly TimeSpan IdleWait = TimeSpan.FromMinutes(1);

    private readonly Dictionary<string, ICiClient> _clients = clients.ToDictionary(c => c.System, StringComparer.Ordinal);
    private readonly Channel<bool> _bell = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });

    /// <summary>A build waits.</summary>
    public void Wake() => _bell.Writer.TryWrite(true);

    /// <summary>Everything that is due now, once.</summary>
    public async Task PassAsync(CancellationToken ct)
    {
        var due = await store.ClaimAsync(time.NowMs(), LeaseMs, Batch, ct);
        await Task.WhenAll(due.Select(build => OneAsync(build, ct)));
    }

    protected override async Task LoopAsync(CancellationToken ct)
    {
        while (options.Value.FollowBuilds && !ct.IsCancellationRequested)
        {
            var wait = IdleWait;
            try
            {
                await PassAsync(ct);
                if (await store.NextDueAsync(ct) is { } next) wait = TimeSpan.FromMilliseconds(Math.Clamp(next - time.NowMs(), 10, IdleWait.TotalMilliseconds));
            }
            catch (Exception e) when (e is not OperationCanceledException || !ct.IsCancellationRequested)
            {
                PassFailed(e);
                wait = TimeSpan.FromSeconds(5);
            }
            await WaitAsync(wait, ct);
        }
    }

    private async Task WaitAsync(TimeSpan wait, CancellationToken ct)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(ct);
        await Task.WhenAny(_bell.Reader.WaitToReadAsync(either.Token).AsTask(), Task.Delay(wait, time, either.Token));
        await either.CancelAsync();
        _bell.Reader.TryRead(out _);
    }

    private async Task OneAsync(BuildRow build, CancellationToken ct)
    {
        var now = time.NowMs();
        BuildRow next;
        try
        {
            next = After(build, await AskAsync(build, ct), now);
        }
        catch (CiCallException e) when (e.MayRetry && build.Attempts < MaxAttempts)
        {
            var wait = (long?)e.RetryAfter?.TotalMilliseconds ?? Math.Min(FirstWaitMs << (int)Math.Min(build.Attempts - 1, 20), LongestWaitMs);
            next = build with { Error = Cut(e.Message), NextMs = time.NowMs() + Math.Max(wait, 0) };
        }
        catch (Exception e) when (e is CiCallException or PilothouseException)
        {
            next = build with { State = "error", Error = Cut(e is CiCallException { MayRetry: true } ? $"Given up after {build.Attempts} tries. {e.Message}" : e.Message) };
        }
        next = next with { UpdatedMs = time.NowMs() };
        await store.UpdateAsync(next, ct);
        if (next.State != build.State) await TellAsync(next, ct);
    }

    private async Task<CiAnswer> AskAsync(BuildRow build, CancellationToken ct)
    {
        var connection = await store.FindAsync(build.Project, build.Connection, ct);
        if (connection is null || connection.System != build.System) return new CiAnswer("error", null, build.Url, "Its connection was removed.");
        var target = new CiTarget(connection.Url, connection.Target, connection.Account, secrets.Open(connection.Secret), build.BuildRef, build.CommitId, build.Id);
        var client = _clients[build.System];
        if (build.State == BuildRow.Queued) return await client.StartAsync(target, ct);
        if (build.Handle is null) return new CiAnswer("error", null, build.Url, "The system has not told how it went.");
        return await client.FollowAsync(target, build.Handle, ct);
    }

    private static BuildRow After(BuildRow build, CiAnswer answer, long now)
    {
        var next = build with { State = answer.State, Handle = answer.Handle ?? build.Handle, Url = answer.Url ?? build.Url, Error = answer.Error is { } error ? Cut(error) : null, Attempts = 0 };
        if (answer.State is not (BuildRow.Triggered or BuildRow.Running)) return next;
        if (now - build.CreatedMs > LongestBuildMs) return next with { State = "error", Error = "It has told no end for a day and is no longer followed." };
        // Without a handle the build's own report is awaited: looked at again only to give it up.
        return next with { NextMs = next.Handle is null ? build.CreatedMs + LongestBuildMs : now + AskEveryMs };
    }

    private async Task TellAsync(BuildRow build, CancellationToken ct)
    {
        if (build.CommitId is null) return;
        var state = build.State switch { "success" => "success", "failure" => "failure", "error" or "cancelled" => "error", _ => "pending" };
        try
        {
            await statuses.SetAsync(build.Project, build.CommitId, new NewCommitStatus(state, $"{ICommitStatuses.OwnPrefix}{build.Connection}", StatusService.Fit(OneLine(build.Error) ?? $"{build.System}: {build.State}"), build.Url), Caller.System.Name, ct);
        }
        catch (PilothouseException e)
        {
            StatusFailed(e, build.Id);
        }
    }

    private static string? OneLine(string? text) => text is null ? null : string.Concat(text.Select(c => char.IsControl(c) ? ' ' : c));

    private static string Cut(string text) => text.Length <= MaxError ? text : text[..MaxError];

    [LoggerMessage(1520, LogLevel.Error, "Builds on CI systems could not be started or followed; tried again in a moment")]
    private partial void PassFailed(Exception error);

    [LoggerMessage(1521, LogLevel.Warning, "The status of build {Build} could not be written to its commit")]
    private partial void StatusFailed(Exception error, string build);
}
