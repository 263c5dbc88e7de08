using System.Collections.Concurrent;
using System.Security.Cryptography;
using Pilothouse.Client;
using Pilothouse.Protocols;
using Pilothouse.Protocols.Artifacts;

namespace Pilothouse.Workspace;

/// <summary>
/// Content by digest on this disk, shared by all projects of the user: what was fetched once is never fetched again, and trees can link to it instead of holding a copy. Files are read-only and
/// carry a seal in the fraction of their time of change; a file that somebody wrote to has lost it, and is read again before it is trusted.
/// </summary>
internal sealed class ContentCache(string root)
{
    /// <summary>Ticks of 100 ns within the second.</summary>
    private const long Seal = 7_351_942;

    private const int BufferSize = 1024 * 1024;
    private const UnixFileMode ReadOnly = UnixFileMode.UserRead | UnixFileMode.GroupRead | UnixFileMode.OtherRead;

    /// <summary>Folders that are there for certain: 257 at most.</summary>
    private readonly ConcurrentDictionary<string, bool> _made = new(StringComparer.Ordinal);

    /// <summary>False when the file system was seen to share no blocks: it will not for the next file either.</summary>
    private bool _canClone = true;

    /// <summary>Environment variable, else the XDG directory, else <c>~/.cache/pilothouse</c>.</summary>
    public static ContentCache Default() => new(Environment.GetEnvironmentVariable("PILOTHOUSE_CACHE") is { Length: > 0 } own ? Path.GetFullPath(own)
        : Path.Combine(Environment.GetEnvironmentVariable("XDG_CACHE_HOME") is { Length: > 0 } xdg ? xdg : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache"), "pilothouse"));

    public string PathOf(Digest digest) => Path.Combine(root, "sha256", digest.Hex[..2], digest.Hex[2..]);

    /// <summary>The file with the content, trusted or checked; null when it is not here.</summary>
    public async Task<string?> FindAsync(Digest digest, CancellationToken ct)
    {
        var path = PathOf(digest);
        var stat = FileStat.Of(path);
        if (stat.Kind != FileKind.File) return null;
        if (stat.ModifiedNs / 100 % TimeSpan.TicksPerSecond == Seal) return path;
        Digest actual;
        await using (var file = File.OpenRead(path)) actual = await Digest.OfAsync(file, ct);
        if (actual == digest)
        {
            SealFile(path);
            return path;
        }
        Remove(path); // somebody wrote through a link
        return null;
    }

    public async Task<byte[]?> ReadAsync(Digest digest, CancellationToken ct) => await FindAsync(digest, ct) is { } path ? await File.ReadAllBytesAsync(path, ct) : null;

    public async Task PutAsync(Digest digest, byte[] content, CancellationToken ct)
    {
        if (await FindAsync(digest, ct) is null) Put(digest, content);
    }

    /// <summary>Fetches many small contents in one answer of the server.</summary>
    /// <param name="digests">None of which is in the cache; at most <see cref="Protocols.V1.BlobPack.MaxBlobs"/>.</param>
    /// <returns>Those that came; the server lacks the others, or they are too large to come this way.</returns>
    /// <exception cref="IOException">What arrived was cut or damaged; what came before it is kept.</exception>
    public async Task<IReadOnlySet<Digest>> FetchPackAsync(PilothouseClient client, IReadOnlyList<Digest> digests, Action<long> progress, CancellationToken ct)
    {
        var asked = digests.ToHashSet();
        var came = new HashSet<Digest>();
        try
        {
            await foreach (var (digest, content) in client.ReadPackAsync(digests, ct))
            {
                if (!asked.Contains(digest) || !came.Add(digest)) continue;
                Put(digest, content.Span);
                progress(content.Length);
            }
        }
        catch (ProtocolFormatException e)
        {
            throw new IOException($"What arrived from the server was cut or damaged. It was not kept; try again. ({e.Message})", e);
        }
        catch (PilothouseApiException e) when (e.Status is 404 or 405)
        {
            // A server that has no packs: they come one by one.
        }
        return came;
    }

    /// <summary>Takes the content of a file without a second copy on the disk, where the file system can share it; else leaves it.</summary>
    public void Share(string file, Digest digest)
    {
        if (!_canClone || File.Exists(PathOf(digest))) return;
        var part = Part(digest) + ".share";
        _canClone = Linking.TryClone(file, part);
        if (_canClone) Keep(part, digest);
    }

    /// <summary>Fetches content into the cache. What an earlier call left half-way is continued; nothing is kept that has another digest.</summary>
    /// <exception cref="IOException">What arrived has another digest.</exception>
    public async Task<string> FetchAsync(PilothouseClient client, Digest digest, Action<long> progress, CancellationToken ct)
    {
        if (await FindAsync(digest, ct) is { } held) return held;
        var part = Part(digest);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        await using (var target = new FileStream(part, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, bufferSize: 0, useAsync: true))
        {
            var buffer = new byte[BufferSize];
            for (int read; (read = await target.ReadAsync(buffer, ct)) > 0;) hash.AppendData(buffer, 0, read);
            var have = target.Position;
            await using var source = await client.DownloadBlobAsync(digest.ToString(), have, ct);
            for (int read; (read = await source.ReadAtLeastAsync(buffer, buffer.Length, throwOnEndOfStream: false, ct)) > 0;)
            {
                hash.AppendData(buffer, 0, read);
                await target.WriteAsync(buffer.AsMemory(0, read), ct);
                progress(read);
            }
        }
        var actual = Digest.FromHash(hash.GetHashAndReset());
        if (actual != digest)
        {
            Remove(part);
            throw new IOException($"What arrived for {digest} has the digest {actual}. It was not kept; try again.");
        }
        Keep(part, digest);
        return PathOf(digest);
    }

    /// <summary>With as few calls as it takes: a tree has a hundred thousand of them.</summary>
    private void Put(Digest digest, ReadOnlySpan<byte> content)
    {
        var part = $"{Part(digest)}.{Environment.ProcessId}";
        var options = new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write, BufferSize = 0 };
        if (!OperatingSystem.IsWindows()) options.UnixCreateMode = ReadOnly;
        using (var file = new FileStream(part, options))
        {
            file.Write(content);
            File.SetLastWriteTimeUtc(file.SafeFileHandle, Sealed(TimeProvider.System.GetUtcNow().UtcDateTime));
        }
        Place(part, digest);
    }

    private string Part(Digest digest)
    {
        var folder = Path.Combine(root, "tmp");
        Make(folder);
        return Path.Combine(folder, digest.Hex);
    }

    private void Keep(string part, Digest digest)
    {
        SealFile(part);
        Place(part, digest);
    }

    private void Place(string part, Digest digest)
    {
        var path = PathOf(digest);
        Make(Path.GetDirectoryName(path)!);
        File.Move(part, path, overwrite: true);
    }

    private void Make(string folder)
    {
        if (_made.ContainsKey(folder)) return;
        Directory.CreateDirectory(folder);
        _made.TryAdd(folder, true);
    }

    private static void SealFile(string path)
    {
        File.SetLastWriteTimeUtc(path, Sealed(File.GetLastWriteTimeUtc(path)));
        if (!OperatingSystem.IsWindows()) File.SetUnixFileMode(path, ReadOnly);
    }

    private static DateTime Sealed(DateTime utc) => new(utc.Ticks - utc.Ticks % TimeSpan.TicksPerSecond + Seal, DateTimeKind.Utc);

    private static void Remove(string path)
    {
        if (OperatingSystem.IsWindows()) File.SetAttributes(path, FileAttributes.Normal);
        File.Delete(path);
    }
}
