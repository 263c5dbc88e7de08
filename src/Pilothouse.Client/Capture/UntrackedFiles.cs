using System.Formats.Tar;
using System.Text;
using System.Text.RegularExpressions;

namespace Pilothouse.Client.Capture;

/// <summary>
/// Content of files that Git does not know and does not ignore: a script that was written a minute ago is as much a part of a run as one that was committed. Only small ones, and none whose name
/// says that it holds secrets.
/// </summary>
internal static partial class UntrackedFiles
{
    private const int MaxFile = 1024 * 1024;
    private const int MaxTotal = 16 * 1024 * 1024;
    private const int MaxFiles = 1_000;

    /// <param name="root">The repository's root.</param>
    /// <param name="list">Paths relative to it, with NUL behind each (<c>git ls-files -z</c>).</param>
    /// <returns>A tar archive, the same for the same files; empty when there is nothing to keep.</returns>
    public static async Task<byte[]> PackAsync(string root, byte[] list, CancellationToken ct)
    {
        using var archive = new MemoryStream();
        var count = 0;
        await using (var tar = new TarWriter(archive, TarEntryFormat.Pax, leaveOpen: true))
        {
            foreach (var path in Encoding.UTF8.GetString(list).Split('\0', StringSplitOptions.RemoveEmptyEntries).Order(StringComparer.Ordinal))
            {
                var file = new FileInfo(Path.Combine(root, path));
                if (SecretFile().IsMatch(path) || !file.Exists || file.LinkTarget is not null || file.Length > MaxFile || archive.Length + file.Length > MaxTotal || count == MaxFiles) continue;
                var entry = new PaxTarEntry(TarEntryType.RegularFile, path)
                {
                    DataStream = new MemoryStream(await File.ReadAllBytesAsync(file.FullName, ct)),
                    ModificationTime = DateTimeOffset.UnixEpoch,
                    Mode = OperatingSystem.IsWindows() ? UnixFileMode.UserRead | UnixFileMode.UserWrite : file.UnixFileMode,
                };
                await tar.WriteEntryAsync(entry, ct);
                count++;
            }
        }
        return count == 0 ? [] : archive.ToArray();
    }

    // .env, .env.local, key.pem, id_rsa, credentials.json, .netrc, my-token.txt
    [GeneratedRegex(@"(^|/)(\.env[^/]*|\.netrc|\.pgpass|id_(rsa|dsa|ecdsa|ed25519)[^/]*|[^/]*\.(pem|key|p12|pfx|jks|keystore|kdbx)|[^/]*(secret|credential|password|token)[^/]*)$", RegexOptions.IgnoreCase)]
    private static partial Regex SecretFile();
}
