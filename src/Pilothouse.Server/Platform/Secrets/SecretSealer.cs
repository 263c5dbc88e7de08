using System.Security.Cryptography;
using System.Text;

namespace Pilothouse.Server.Platform;

/// <summary>
/// Keeps secrets sealed at rest (AES-256-GCM). The key comes from the configuration, which replicas share, or else from a file in the data directory that only this user reads: whoever gets a copy
/// of the database alone has none of them.
/// </summary>
/// <param name="configuredKey">Base64 of 32 bytes; "" = the file.</param>
/// <param name="option">Name of the option that holds it, for messages.</param>
/// <param name="what">Whose secrets they are, for messages: "The webhook's secret".</param>
internal sealed class SecretSealer(Func<string> configuredKey, string keyFile, string option, string what)
{
    private const string Version = "v1:";
    private const int KeyBytes = 32;
    private readonly Lock _gate = new();
    private byte[]? _key;

    /// <returns><c>v1:</c> and base64 of nonce, tag and cipher text.</returns>
    public string Seal(string secret)
    {
        var plain = Encoding.UTF8.GetBytes(secret);
        var sealedBytes = new byte[AesGcm.NonceByteSizes.MaxSize + AesGcm.TagByteSizes.MaxSize + plain.Length];
        var (nonce, tag, cipher) = Parts(sealedBytes);
        RandomNumberGenerator.Fill(nonce.Span);
        using var aes = new AesGcm(Key(), AesGcm.TagByteSizes.MaxSize);
        aes.Encrypt(nonce.Span, plain, cipher.Span, tag.Span);
        return Version + Convert.ToBase64String(sealedBytes);
    }

    /// <exception cref="PilothouseException">FailedPrecondition: it was sealed with another key.</exception>
    public string Open(string sealedText)
    {
        try
        {
            var (nonce, tag, cipher) = Parts(Convert.FromBase64String(sealedText[Version.Length..]));
            var plain = new byte[cipher.Length];
            using var aes = new AesGcm(Key(), AesGcm.TagByteSizes.MaxSize);
            aes.Decrypt(nonce.Span, cipher.Span, tag.Span, plain);
            return Encoding.UTF8.GetString(plain);
        }
        catch (Exception e) when (e is CryptographicException or FormatException or ArgumentException)
        {
            throw new PilothouseException(ErrorCode.FailedPrecondition, $"{what} was sealed with another key. Set {option} to the same key on every server, or give it anew.", e);
        }
    }

    private static (Memory<byte> Nonce, Memory<byte> Tag, Memory<byte> Cipher) Parts(Memory<byte> all)
    {
        var (nonce, tag) = (AesGcm.NonceByteSizes.MaxSize, AesGcm.TagByteSizes.MaxSize);
        return (all[..nonce], all.Slice(nonce, tag), all[(nonce + tag)..]);
    }

    private byte[] Key()
    {
        lock (_gate) return _key ??= configuredKey() is { Length: > 0 } key ? Convert.FromBase64String(key) : FromFile(keyFile);
    }

    private static byte[] FromFile(string path)
    {
        if (!File.Exists(path))
        {
            var fresh = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
            if (!OperatingSystem.IsWindows()) fresh.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
            using var file = new FileStream(path, fresh);
            file.Write(RandomNumberGenerator.GetBytes(KeyBytes));
            file.Flush(flushToDisk: true);
        }
        var key = File.ReadAllBytes(path);
        return key.Length == KeyBytes ? key : throw new PilothouseException(ErrorCode.FailedPrecondition, $"{path} does not hold {KeyBytes} bytes. Restore it from the backup, or delete it and give the secrets anew.");
    }
}
