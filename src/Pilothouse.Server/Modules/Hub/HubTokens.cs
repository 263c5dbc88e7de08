using System.Security.Cryptography;
using System.Text.Json;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.Extensions.Options;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Hub;

/// <summary>What the address of an upload allows.</summary>
/// <param name="Upload">Id of the upload in parts; null = the object as a whole.</param>
internal sealed record HubGrant(string Oid, long Size, string Actor, string? Upload, long ExpiresMs);

/// <summary>Addresses that carry their own permission: the Hub's clients send neither credentials nor headers with the bytes.</summary>
internal sealed class HubTokens(IDataProtectionProvider protection, TimeProvider time, IOptions<HubOptions> options)
{
    private readonly IDataProtector _protector = protection.CreateProtector("Pilothouse.Hub.Upload.v1");

    public int LifetimeSeconds => options.Value.UploadMinutes * 60;

    public string Create(string oid, long size, string actor, string? upload) => _protector.Protect(JsonSerializer.Serialize(new HubGrant(oid, size, actor, upload, time.NowMs() + LifetimeSeconds * 1000L)));

    /// <exception cref="PilothouseException">PermissionDenied: not ours, or expired.</exception>
    public HubGrant Check(string token)
    {
        try
        {
            if (JsonSerializer.Deserialize<HubGrant>(_protector.Unprotect(token)) is { } grant)
                return grant.ExpiresMs > time.NowMs() ? grant : throw new PilothouseException(ErrorCode.PermissionDenied, "The address of this upload has expired. Ask for a new one: POST objects/batch.");
        }
        catch (Exception e) when (e is CryptographicException or FormatException or JsonException)
        {
            // falls through
        }
        throw new PilothouseException(ErrorCode.PermissionDenied, "This is not the address of an upload that this server gave. Ask for one: POST objects/batch.");
    }
}
