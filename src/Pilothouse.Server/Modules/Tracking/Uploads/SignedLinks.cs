using System.Buffers.Text;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Tracking.Uploads;

/// <summary>
/// Links that carry their own permission: MLflow's client sends parts, and fetches ranges of large files, without its login, as it would to a cloud store.
/// </summary>
internal sealed class SignedLinks(UploadStore store, TimeProvider time)
{
    /// <summary>A download link works this long.</summary>
    public static readonly TimeSpan MaxAge = TimeSpan.FromHours(1);

    private byte[]? _key;

    /// <summary>Behind <c>/mlflow-artifacts</c>: where a part of an upload is put. It works as long as the upload is open.</summary>
    public async Task<string> PartAsync(string upload, int number, CancellationToken ct) => $"mpu/part/{upload}/{number}/{await SignAsync($"part:{upload}:{number}", ct)}";

    /// <summary>Behind <c>/mlflow-artifacts</c>: where a file can be fetched from.</summary>
    public async Task<string> FileAsync(string path, CancellationToken ct)
    {
        var until = (time.GetUtcNow() + MaxAge).ToUnixTimeMilliseconds();
        return $"signed/{until}/{await SignAsync($"file:{until}:{path}", ct)}/{string.Join('/', path.Split('/').Select(Uri.EscapeDataString))}";
    }

    /// <exception cref="PilothouseException">PermissionDenied.</exception>
    public Task CheckPartAsync(string upload, int number, string signature, CancellationToken ct) => CheckAsync($"part:{upload}:{number}", signature, ct);

    /// <exception cref="PilothouseException">PermissionDenied: changed, or too old.</exception>
    public async Task CheckFileAsync(string path, string until, string signature, CancellationToken ct)
    {
        await CheckAsync($"file:{until}:{path}", signature, ct);
        if (!long.TryParse(until, NumberStyles.None, CultureInfo.InvariantCulture, out var ms) || ms < time.NowMs())
            throw new PilothouseException(ErrorCode.PermissionDenied, "This link has expired. Ask for a new one.");
    }

    private async Task CheckAsync(string text, string signature, CancellationToken ct)
    {
        if (!CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(await SignAsync(text, ct)), Encoding.UTF8.GetBytes(signature)))
            throw new PilothouseException(ErrorCode.PermissionDenied, "The signature of this link is wrong: use the link exactly as the server gave it.");
    }

    private async Task<string> SignAsync(string text, CancellationToken ct)
    {
        _key ??= Convert.FromHexString(await store.SecretAsync("links", Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(32)), ct));
        return Base64Url.EncodeToString(HMACSHA256.HashData(_key, Encoding.UTF8.GetBytes(text)));
    }
}
