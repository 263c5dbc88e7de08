using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Pilothouse.Server.Modules.Pipelines.Ci.Clients;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Pipelines.Ci;

/// <summary>
/// Starts queued builds and asks how those under way go. Tried again with growing waits, or when the system says, after a fault of the infrastructure only (no answer, 408, 429, 5xx); anything else ends
/// the build with its reason. A start whose answer was lost is repeated: a system that did get it builds twice.
/// </summary>
internal sealed partial class CiDispatcher(CiStore store, CiSecrets secrets, IEnumerable<ICiClient> clients, CiTeller teller, TimeProvider time, IOptions<PipelinesOptions> options, ILogger<CiDispatcher> logger) : DueLoop(time)
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

    private readonly Dictionary<string, ICiClient> _clients = clients.ToDictionary(c => c.System, StringComparer.Ordinal);

    protected override bool Enabled => options.Value.FollowBuilds;

    /// <summary>Everything that is due now, once.</summary>
    public override async Task PassAsync(CancellationToken ct)
    {
        var due = await store.ClaimAsync(Time.NowMs(), LeaseMs, Batch, ct);
        await Task.WhenAll(due.Select(build => OneAsync(build, ct)));
    }

    protected override Task<long?> NextDueAsync(CancellationToken ct) => store.NextDueAsync(ct);

    private async Task OneAsync(BuildRow build, CancellationToken ct)
    {
        var now = Time.NowMs();
        BuildRow next;
        try
        {
            next = After(build, await AskAsync(build, ct), now);
        }
        catch (CiCallException e) when (e.MayRetry && build.Attempts < MaxAttempts)
        {
            var wait = (long?)e.RetryAfter?.TotalMilliseconds ?? Math.Min(FirstWaitMs << (int)Math.Min(build.Attempts - 1, 20), LongestWaitMs);
            next = build with { Error = Cut(e.Message), NextMs = Time.NowMs() + Math.Max(wait, 0) };
        }
        catch (Exception e) when (e is CiCallException or PilothouseException)
        {
            next = build with { State = "error", Error = Cut(e is CiCallException { MayRetry: true } ? $"Given up after {build.Attempts} tries. {e.Message}" : e.Message) };
        }
        next = next with { UpdatedMs = Time.NowMs() };
        // A webhook may have been faster: what it told stands.
        if (await store.UpdateAsync(next, build.State, ct) && next.State != build.State) await teller.MovedAsync(next, ct);
    }

    private async Task<CiAnswer> AskAsync(BuildRow build, CancellationToken ct)
    {
        var connection = await store.FindAsync(build.Project, build.Connection, ct);
        if (connection is null || connection.System != build.System) return new CiAnswer("error", null, build.Url, "Its connection was removed.");
        var target = new CiTarget(connection.Url, connection.Target, connection.Account, secrets.Open(connection.Secret), build.BuildRef, build.CommitId, build.Id, build.Job);
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

    private static string Cut(string text) => text.Length <= MaxError ? text : text[..MaxError];

    [LoggerMessage(1520, LogLevel.Error, "Builds on CI systems could not be started or followed; tried again in a moment")]
    protected override partial void PassFailed(Exception error);
}
