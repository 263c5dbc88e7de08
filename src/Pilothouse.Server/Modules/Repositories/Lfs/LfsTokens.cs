using System.Security.Cryptography;
using System.Text.Json;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.Extensions.Options;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Repositories.Lfs;

/// <summary>What one token of a transfer allows.</summary>
/// <param name="Operation"><c>download</c>, <c>upload</c> or <c>verify</c>.</param>
/// <param name="ExpiresMs">Epoch milliseconds.</param>
internal sealed record LfsGrant(string Project, string Operation, string Oid, long Size, string Caller, long ExpiresMs);

/// <summary>
/// Tokens of transfers, each for one operation on one object of one project. git-lfs sends an action's own headers and nothing else; without any it loops on 401 (its
/// tq/adapterbase.go). They live for hours, since a transfer that has begun must not outlive them, and are checked only at the start of a request.
/// </summary>
internal sealed class LfsTokens(IDataProtectionProvider protection, TimeProvider time, IOptions<RepositoriesOptions> options)
{
    public const string Prefix = "lfs_";

    private readonly IDataProtector _protector = protection.CreateProtector("Pilothouse.Repositories.Lfs.v1");

    public int LifetimeSeconds => options.Value.LfsTokenMinutes * 60;

    public string Create(string project, string operation, string oid, long size, string caller) =>
        Prefix + _protector.Protect(JsonSerializer.Serialize(new LfsGrant(project, operation, oid, size, caller, time.NowMs() + LifetimeSeconds * 1000L)));

    /// <exception cref="PilothouseException">PermissionDenied: no token of ours, for something else, or expired. git-lfs answers 403 by asking for a new one.</exception>
    public LfsGrant Check(string token, string project, string operation, string oid)
    {
        if (Open(token) is not { } grant) throw Refused("The token of this transfer is not one of this server's.");
        if (grant.Project != project || grant.Operation != operation || grant.Oid != oid) throw Refused($"The token of this transfer allows to {grant.Operation} another object; it was made for {grant.Project}.");
        if (grant.ExpiresMs <= time.NowMs()) throw Refused("The token of this transfer has expired.");
        return grant;
    }

    private LfsGrant? Open(string token)
    {
        if (!token.StartsWith(Prefix, StringComparison.Ordinal)) return null;
        try
        {
            return JsonSerializer.Deserialize<LfsGrant>(_protector.Unprotect(token[Prefix.Length..]));
        }
        catch (Exception e) when (e is CryptographicException or FormatException or JsonException)
        {
            return null;
        }
    }

    private static PilothouseException Refused(string what) => new(ErrorCode.PermissionDenied, what + " Ask for a new one: POST objects/batch.");
}
