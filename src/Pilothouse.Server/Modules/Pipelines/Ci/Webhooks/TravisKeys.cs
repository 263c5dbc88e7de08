using System.Collections.Concurrent;
using System.Security.Cryptography;
using Pilothouse.Server.Modules.Pipelines.Ci.Clients;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Pipelines.Ci.Webhooks;

/// <summary>
/// Travis signs the payload with RSA and SHA-1; its public key stands at <c>/config</c> of its API (https://docs.travis-ci.com/user/notifications/#verifying-webhook-requests). Keys are kept for an hour;
/// a signature that does not fit makes a key that is some minutes old be fetched anew, since keys change.
/// </summary>
internal sealed class TravisKeys(CiHttp http, TimeProvider time)
{
    private const long KeepMs = 3_600_000;
    private const long AgainMs = 300_000;
    /// <summary>Servers of Travis; connections name them.</summary>
    private const int MaxKeys = 1_000;

    private readonly ConcurrentDictionary<string, (string Pem, long FetchedMs)> _keys = new(StringComparer.Ordinal);

    /// <exception cref="CiCallException">The key cannot be fetched.</exception>
    public async Task<bool> FitsAsync(string api, byte[] payload, string signature, CancellationToken ct)
    {
        var bytes = new byte[signature.Length];
        if (!Convert.TryFromBase64String(signature, bytes, out var length) || length == 0) return false;
        bytes = bytes[..length];
        var known = _keys.TryGetValue(api, out var key) && time.NowMs() - key.FetchedMs < KeepMs;
        if (known && Verify(key.Pem, payload, bytes)) return true;
        if (known && time.NowMs() - key.FetchedMs < AgainMs) return false;
        var pem = await FetchAsync(api, ct);
        if (_keys.Count >= MaxKeys) _keys.Clear();
        _keys[api] = (pem, time.NowMs());
        return Verify(pem, payload, bytes);
    }

    private async Task<string> FetchAsync(string api, CancellationToken ct)
    {
        var (response, body) = await http.SendAsync(new HttpRequestMessage(HttpMethod.Get, api + "/config"), "Travis (public key)", ct);
        response.Dispose();
        var json = CiHttp.Json(body, "Travis (public key)");
        foreach (var name in (string[])["config", "notifications", "webhook"])
            if (json.ValueKind != System.Text.Json.JsonValueKind.Object || !json.TryGetProperty(name, out json)) return "";
        return CiHttp.Text(json, "public_key");
    }

    private static bool Verify(string pem, byte[] payload, byte[] signature)
    {
        try
        {
            using var rsa = RSA.Create();
            rsa.ImportFromPem(pem);
            return rsa.VerifyData(payload, signature, HashAlgorithmName.SHA1, RSASignaturePadding.Pkcs1);
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException)
        {
            return false; // no key
        }
    }
}
