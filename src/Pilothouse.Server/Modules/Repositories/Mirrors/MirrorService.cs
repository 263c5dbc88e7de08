using System.Security.Cryptography;
using Microsoft.AspNetCore.DataProtection;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Audit.Api;
using Pilothouse.Server.Modules.Repositories.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Repositories.Mirrors;

/// <summary>Rules of mirrors. Passwords are sealed in the database, handed to git in its environment, and never shown or logged.</summary>
internal sealed class MirrorService(IProjects projects, MirrorStore store, MirrorRunner runner, IDataProtectionProvider protection, Ids ids, TimeProvider time) : IMirrors
{
    private const int MaxUrl = 2048;
    private const int MaxSecret = 4096;
    private const int ShortestInterval = 60;
    private const int LongestInterval = 30 * 86_400;
    private const int MaxError = 1000;
    private static readonly TimeSpan FirstWait = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan LongestWait = TimeSpan.FromHours(6);

    private readonly IDataProtector _protector = protection.CreateProtector("Pilothouse.Repositories.Mirrors.v1");

    public async Task<IReadOnlyList<MirrorInfo>> ListAsync(string project, CancellationToken ct)
    {
        await projects.GetAsync(project, ct);
        return [.. (await store.ListAsync(project, ct)).Select(Show)];
    }

    public async Task<MirrorInfo> CreateAsync(string project, NewMirror mirror, string actor, CancellationToken ct)
    {
        await projects.GetAsync(project, ct);
        if (mirror.Direction is not (MirrorRow.Pull or MirrorRow.Push)) throw Invalid("direction is pull (this repository follows the other) or push (the other follows this one).");
        if (mirror.Url is not { Length: <= MaxUrl } || !Uri.TryCreate(mirror.Url, UriKind.Absolute, out var url) || url.Scheme is not ("http" or "https") || url.Host.Length == 0 || mirror.Url.Any(char.IsControl))
            throw Invalid("A mirror is at an address that begins with https:// or http://.");
        if (url.UserInfo.Length > 0) throw Invalid("Give the login apart from the address: user and password.");
        if (mirror.Password?.Length > MaxSecret || mirror.User?.Length > MaxSecret || mirror.User?.Any(c => char.IsControl(c) || c == ':') == true || mirror.Password?.Any(char.IsControl) == true)
            throw Invalid($"A login has at most {MaxSecret} characters, none of them a control character.");
        var interval = mirror.IntervalSeconds ?? (mirror.Direction == MirrorRow.Pull ? 3600 : 0);
        if (interval != 0 && interval is < ShortestInterval or > LongestInterval) throw Invalid($"An interval has {ShortestInterval} to {LongestInterval} seconds; 0 = only by command.");
        var others = await store.ListAsync(project, ct);
        if (others.Count >= MirrorStore.MaxOfProject) throw new PilothouseException(ErrorCode.TooLarge, $"A project has at most {MirrorStore.MaxOfProject} mirrors.");
        if (mirror.Direction == MirrorRow.Pull && others.Any(m => m.Direction == MirrorRow.Pull)) throw new PilothouseException(ErrorCode.AlreadyExists, "This repository follows another already: two would undo each other's branches.");
        var now = time.NowMs();
        var row = new MirrorRow(ids.New(), project, mirror.Direction, mirror.Url, mirror.User ?? "", mirror.Password is { Length: > 0 } secret ? _protector.Protect(secret) : "", interval, actor, now,
            mirror.Direction == MirrorRow.Push || interval > 0 ? now : null, null, null, 0, null);
        await store.InsertAsync(row, new AuditEvent(actor, "mirror.create", $"projects/{project}", new { id = row.Id, direction = row.Direction, url = row.Url, interval_s = interval }), ct);
        return Show(row);
    }

    public async Task DeleteAsync(string project, string id, string actor, CancellationToken ct)
    {
        if (!await store.DeleteAsync(project, id, new AuditEvent(actor, "mirror.delete", $"projects/{project}", new { id }), ct)) throw Missing(project, id);
    }

    public async Task<MirrorInfo> SyncAsync(string project, string id, CancellationToken ct)
    {
        var row = (await store.ListAsync(project, ct)).FirstOrDefault(m => m.Id == id) ?? throw Missing(project, id);
        await RunAsync(row, ct);
        return Show((await store.ListAsync(project, ct)).FirstOrDefault(m => m.Id == id) ?? throw Missing(project, id));
    }

    /// <summary>Runs it and notes how it went; a failure is tried again, ever later.</summary>
    internal async Task RunAsync(MirrorRow row, CancellationToken ct)
    {
        var started = time.NowMs();
        string? error = null;
        try
        {
            var remote = new MirrorRemote(row.Id, row.Project, row.Url, row.UserName, row.Secret.Length == 0 ? "" : Open(row.Secret), row.LastOkMs ?? 0);
            if (row.Direction == MirrorRow.Pull) await runner.PullAsync(remote, ct);
            else await runner.PushAsync(remote, ct);
        }
        catch (OperationCanceledException) when (ct.IsCancellationRequested)
        {
            throw;
        }
        catch (Exception e)
        {
            error = e is PilothouseException or HttpRequestException or IOException ? e.Message : "The server failed: " + e.GetType().Name;
            if (error.Length > MaxError) error = error[..MaxError];
        }
        var wait = Math.Min(FirstWait.TotalMilliseconds * Math.Pow(2, Math.Min(row.Failures, 30)), LongestWait.TotalMilliseconds);
        long? due = row.IntervalS > 0 ? started + row.IntervalS * 1000 : null;
        if (error is not null && (row.Direction == MirrorRow.Push || due is not null)) due = Math.Min(due ?? long.MaxValue, started + (long)wait);
        await store.FinishAsync(row.Id, started, due, error, CancellationToken.None);
    }

    private string Open(string secret)
    {
        try
        {
            return _protector.Unprotect(secret);
        }
        catch (CryptographicException e)
        {
            throw new PilothouseException(ErrorCode.FailedPrecondition, "The mirror's password was sealed with keys that are no longer here (the data directory's keys). Remove the mirror and add it again.", e);
        }
    }

    private static MirrorInfo Show(MirrorRow row) => new(row.Id, row.Direction, row.Url, row.UserName.Length > 0 ? row.UserName : null, row.Secret.Length > 0, row.IntervalS, row.CreatedBy, row.CreatedMs, row.LastMs, row.LastOkMs, row.DueMs, row.LastError);

    private static PilothouseException Invalid(string message) => new(ErrorCode.InvalidArgument, message);

    private static PilothouseException Missing(string project, string id) => new(ErrorCode.NotFound, $"'{project}' has no mirror {(id.Length > 64 ? id[..64] : id)}.");
}
