using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Options;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Audit.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Identity;

/// <summary>Tokens: shown once, stored as SHA-256 (they carry 192 random bits, so a slow hash would protect nothing).</summary>
internal sealed class IdentityService(TokenStore store, IOptions<IdentityOptions> options, Ids ids, TimeProvider time) : IAuthenticator, IServiceTokens
{
    private readonly byte[]? _adminHash = options.Value.AdminToken.Length > 0 ? Hash(options.Value.AdminToken) : null;

    /// <summary>Without authentication configured everyone is the local administrator; <see cref="BindGuard"/> sees to it that only this machine can call.</summary>
    public Caller? Anonymous => _adminHash is null ? new Caller("local", Role.Admin) : null;

    public async Task<Caller?> AuthenticateAsync(string token, CancellationToken ct)
    {
        var hash = Hash(token);
        if (_adminHash is not null && CryptographicOperations.FixedTimeEquals(hash, _adminHash)) return new Caller("admin", Role.Admin);
        var found = await store.FindAsync(Convert.ToHexStringLower(hash), time.NowMs(), ct);
        return found is null ? null : new Caller(found.Name, found.Role);
    }

    /// <exception cref="PilothouseException">AlreadyExists, InvalidArgument.</exception>
    public async Task<CreatedToken> CreateAsync(NewToken request, string actor, CancellationToken ct)
    {
        if (request.Name is not { Length: > 0 and <= 100 } || request.Name.Any(char.IsControl))
            throw new PilothouseException(ErrorCode.InvalidArgument, "A token needs a name of 1 to 100 printable characters: it stands in the audit log.");
        if (!Enum.TryParse<Role>(request.Role, ignoreCase: true, out var role))
            throw new PilothouseException(ErrorCode.InvalidArgument, $"'{request.Role}' is not a role. Use reader, writer or admin.");
        var secret = "ph_" + Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(24));
        var row = new TokenRow(ids.New(), request.Name, Convert.ToHexStringLower(Hash(secret)), role, time.NowMs(), request.ExpiresMs);
        await store.InsertAsync(row, new AuditEvent(actor, "token.create", $"tokens/{row.Name}", new { role = role.ToString(), request.ExpiresMs }), ct);
        return new CreatedToken(row.Name, role.ToString().ToLowerInvariant(), secret);
    }

    public async Task<IReadOnlyList<TokenInfo>> ListAsync(CancellationToken ct) =>
        [.. (await store.ListAsync(ct)).Select(t => new TokenInfo(t.Name, t.Role.ToString().ToLowerInvariant(), t.CreatedMs, t.ExpiresMs))];

    public Task RevokeAsync(string name, string actor, CancellationToken ct) =>
        store.DeleteAsync(name, new AuditEvent(actor, "token.revoke", $"tokens/{name}", new { }), ct);

    public async Task<string?> CreateAsync(string name, Role role, TimeSpan lifetime, CancellationToken ct)
    {
        if (_adminHash is null) return null;
        await RevokeAsync(name, ct); // of an attempt before
        return (await CreateAsync(new NewToken(name, role.ToString(), time.NowMs() + (long)lifetime.TotalMilliseconds), Caller.System.Name, ct)).Token;
    }

    public async Task RevokeAsync(string name, CancellationToken ct)
    {
        try
        {
            await RevokeAsync(name, Caller.System.Name, ct);
        }
        catch (PilothouseException e) when (e.Code == ErrorCode.NotFound)
        {
            // It is gone already.
        }
    }

    private static byte[] Hash(string token) => SHA256.HashData(Encoding.UTF8.GetBytes(token));
}
