using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Pipelines.Ci.Webhooks;

/// <summary>
/// Proves that a delivery comes from who knows the secret, as each system documents it: GitHub <c>X-Hub-Signature-256</c>, CircleCI <c>circleci-signature</c>, GitLab <c>webhook-signature</c>
/// (Standard Webhooks) or the older <c>X-Gitlab-Token</c>, Jenkins a token or GitHub's form. All comparisons take the same time, whatever differs.
/// </summary>
internal sealed class HookSignatures(TimeProvider time)
{
    /// <summary>Age of a signed timestamp, as the Standard Webhooks specification advises.</summary>
    private const int MaxAgeS = 300;

    public bool Fits(string system, string secret, HookRequest request) => system switch
    {
        "github" or "gitea" => Hex(request.Header("X-Hub-Signature-256"), "sha256=", secret, request.Body),
        "circleci" => request.Header("circleci-signature").Split(',').Any(part => Hex(part.Trim(), "v1=", secret, request.Body)),
        "gitlab" => GitLab(secret, request),
        "jenkins" => Jenkins(secret, request),
        _ => false,
    };

    private bool GitLab(string secret, HookRequest request)
    {
        // A signing token is never sent: one that comes as a plain token was not meant to be.
        if (!secret.StartsWith(Standard, StringComparison.Ordinal)) return Same(request.Header("X-Gitlab-Token"), secret);
        var (id, at, signatures) = (request.Header("webhook-id"), request.Header("webhook-timestamp"), request.Header("webhook-signature"));
        if (id.Length == 0 || !long.TryParse(at, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds) || Math.Abs(time.NowMs() / 1000 - seconds) > MaxAgeS) return false;
        if (Key(secret) is not { } key) return false;
        var expected = "v1," + Convert.ToBase64String(HMACSHA256.HashData(key, (byte[])[.. Encoding.UTF8.GetBytes($"{id}.{at}."), .. request.Body]));
        return signatures.Split(' ').Any(one => Same(one, expected));
    }

    private static bool Jenkins(string secret, HookRequest request)
    {
        if (request.Header("X-Hub-Signature-256") is { Length: > 0 } signature) return Hex(signature, "sha256=", secret, request.Body);
        var bearer = request.Header("Authorization");
        return Same(bearer.StartsWith("Bearer ", StringComparison.Ordinal) ? bearer["Bearer ".Length..] : request.Header("X-Pilothouse-Token") is { Length: > 0 } header ? header : request.Token ?? "", secret);
    }

    private const string Standard = "whsec_";

    private static byte[]? Key(string secret)
    {
        var buffer = new byte[secret.Length];
        return Convert.TryFromBase64String(secret[Standard.Length..], buffer, out var length) && length > 0 ? buffer[..length] : null;
    }

    private static bool Hex(string given, string prefix, string secret, byte[] body) =>
        given.StartsWith(prefix, StringComparison.Ordinal) && Same(given, prefix + Convert.ToHexStringLower(HMACSHA256.HashData(Encoding.UTF8.GetBytes(secret), body)));

    /// <summary>Of digests, so that not even the length shows.</summary>
    private static bool Same(string given, string expected) => CryptographicOperations.FixedTimeEquals(SHA256.HashData(Encoding.UTF8.GetBytes(given)), SHA256.HashData(Encoding.UTF8.GetBytes(expected)));
}
