using System.Runtime.CompilerServices;
using Pilothouse.Protocols.Artifacts;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Blobs.Storage;

/// <summary>Objects as files: <c>blobs/sha256/ab/cd/DIGEST</c>, recipes as <c>blobs/recipes/ab/DIGEST</c>. The file system is the index; a file's time is when it was last used.</summary>
internal sealed class DiskBackend(ServerOptions options, TimeProvider time) : IBlobBackend
{
    /// <summary>A file is marked as used not more often than this.</summary>
    internal static readonly TimeSpan TouchInterval = TimeSpan.FromMinutes(10);

    /// <summary>Storing or finding an object and deleting it exclude each other.</summary>
    private readonly Lock[] _gates = [.. Enumerable.Range(0, 64).Select(_ => new Lock())];

    public Task<long?> TouchAsync(Digest digest, BlobForm form, CancellationToken ct)
    {
        var path = PathOf(digest, form);
        lock (GateOf(path))
        {
            var file = new FileInfo(path);
            if (!file.Exists) return Task.FromResult<long?>(null);
            var now = time.GetUtcNow().UtcDateTime;
            if (now - file.LastWriteTimeUtc > TouchInterval) file.LastWriteTimeUtc = now;
            return Task.FromResult<long?>(file.Length);
        }
    }

    public Task CommitAsync(string file, Digest digest, BlobForm form, CancellationToken ct)
    {
        Posix.SyncDirectory(Place(file, digest, form));
        return Task.CompletedTask;
    }

    public Task CommitManyAsync(IReadOnlyList<(string File, Digest Digest)> files, CancellationToken ct)
    {
        if (files.Count == 0) return Task.CompletedTask;
        // The content first: a name must never be on disk before what it names.
        var all = Posix.TrySyncFileSystem(Path.GetDirectoryName(files[0].File)!);
        foreach (var (file, digest) in files)
        {
            if (!all)
            {
                using var handle = File.OpenHandle(file, FileMode.Open, FileAccess.ReadWrite);
                RandomAccess.FlushToDisk(handle);
            }
            var directory = Place(file, digest, BlobForm.Whole);
            if (!all) Posix.SyncDirectory(directory);
        }
        if (all) Posix.TrySyncFileSystem(options.BlobsPath);
        return Task.CompletedTask;
    }

    public Task<Stream?> OpenAsync(Digest digest, BlobForm form, CancellationToken ct)
    {
        try
        {
            return Task.FromResult<Stream?>(new FileStream(PathOf(digest, form), FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, 128 * 1024, FileOptions.Asynchronous));
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return Task.FromResult<Stream?>(null);
        }
    }

    /// <summary>Without a stream and its buffer: of small files there are a hundred thousand.</summary>
    public Task<byte[]?> ReadAsync(Digest digest, int maxBytes, CancellationToken ct)
    {
        try
        {
            using var file = File.OpenHandle(PathOf(digest, BlobForm.Whole), FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete);
            var length = RandomAccess.GetLength(file);
            if (length > maxBytes) return Task.FromResult<byte[]?>(null);
            var content = GC.AllocateUninitializedArray<byte>((int)length);
            for (var done = 0; done < content.Length;)
            {
                var read = RandomAccess.Read(file, content.AsSpan(done), done);
                if (read == 0) throw new IOException($"The blob {digest} became shorter while it was being read.");
                done += read;
            }
            return Task.FromResult<byte[]?>(content);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return Task.FromResult<byte[]?>(null);
        }
    }

    public string? LocalPath(Digest digest) => PathOf(digest, BlobForm.Whole) is var path && File.Exists(path) ? path : null;

    public Task<long?> TryDeleteAsync(Digest digest, BlobForm form, long unusedSinceMs, bool dryRun, CancellationToken ct)
    {
        var path = PathOf(digest, form);
        lock (GateOf(path))
        {
            var file = new FileInfo(path);
            if (!file.Exists) return Task.FromResult<long?>(0);
            if (file.LastWriteTimeUtc > DateTimeOffset.FromUnixTimeMilliseconds(unusedSinceMs).UtcDateTime) return Task.FromResult<long?>(null);
            var size = file.Length;
            if (!dryRun) file.Delete();
            return Task.FromResult<long?>(size);
        }
    }

    public async IAsyncEnumerable<StoredObject> ListAsync(BlobForm form, [EnumeratorCancellation] CancellationToken ct)
    {
        var root = new DirectoryInfo(RootOf(form));
        if (!root.Exists) yield break;
        foreach (var file in root.EnumerateFiles("*", new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = 0, MaxRecursionDepth = 4 }))
        {
            ct.ThrowIfCancellationRequested();
            if (!Digest.TryParseHex(file.Name, out var digest)) continue;
            StoredObject stored;
            try
            {
                stored = new StoredObject(digest, form, file.Length, new DateTimeOffset(file.LastWriteTimeUtc).ToUnixTimeMilliseconds());
            }
            catch (FileNotFoundException)
            {
                continue; // deleted meanwhile
            }
            yield return stored;
        }
        await Task.CompletedTask;
    }

    /// <returns>The directory whose entry is still to be synced.</returns>
    private string Place(string file, Digest digest, BlobForm form)
    {
        var path = PathOf(digest, form);
        var directory = Path.GetDirectoryName(path)!;
        Directory.CreateDirectory(directory);
        lock (GateOf(path))
        {
            File.Move(file, path, overwrite: true);
            File.SetLastWriteTimeUtc(path, time.GetUtcNow().UtcDateTime);
        }
        return directory;
    }

    private Lock GateOf(string path) => _gates[(uint)string.GetHashCode(path, StringComparison.Ordinal) % (uint)_gates.Length];

    private string RootOf(BlobForm form) => Path.Combine(options.BlobsPath, form == BlobForm.Whole ? "sha256" : "recipes");

    private string PathOf(Digest digest, BlobForm form) => form == BlobForm.Whole
        ? Path.Combine(RootOf(form), digest.Hex[..2], digest.Hex[2..4], digest.Hex)
        : Path.Combine(RootOf(form), digest.Hex[..2], digest.Hex);
}
