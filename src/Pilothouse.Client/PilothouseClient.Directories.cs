using Pilothouse.Client.Uploads;
using Pilothouse.Protocols.Artifacts;
using Pilothouse.Protocols.V1;

namespace Pilothouse.Client;

/// <summary>Many files at once.</summary>
public sealed partial class PilothouseClient
{
    private const int Connections = 4;

    /// <summary>
    /// Uploads files that the server lacks: it is asked for all of them at once, small ones travel together, large ones in parts. What did not change since it was
    /// last uploaded from here is not even read.
    /// </summary>
    /// <returns>In the order of <paramref name="paths"/>.</returns>
    /// <exception cref="IOException">A file cannot be read, or was changed meanwhile.</exception>
    public async Task<IReadOnlyList<UploadedFile>> UploadFilesAsync(IReadOnlyList<string> paths, UploadOptions options, CancellationToken ct)
    {
        var files = paths.Select(p => new FileToSend(p, FileStat.Of(p))).ToList();
        var parallel = new ParallelOptions { MaxDegreeOfParallelism = Connections, CancellationToken = ct };
        foreach (var file in files) file.Digest = _digests.Find(file.Path, file.Stat);
        // Small files are hashed first, so that one question finds out which are needed; large ones are hashed while they are sent.
        await Parallel.ForEachAsync(files.Where(f => f.Digest is null && f.Stat.Size <= OneRequest), parallel, async (file, token) =>
        {
            var began = NowNs();
            await using var content = new FileStream(file.Path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 1 << 17, useAsync: true);
            file.Digest = await Digest.OfAsync(content, token);
            _digests.Put(file.Path, file.Stat, file.Digest.Value, began);
        });
        var missing = await MissingBlobsAsync([.. files.Where(f => f.Digest is not null).Select(f => f.Digest!.Value.ToString()).Distinct()], ct);
        var needed = new HashSet<Digest>();
        foreach (var file in files) file.Needed = file.Digest is not { } digest || missing.Contains(digest.ToString()) && needed.Add(digest);

        await SendPacksAsync(files.Where(f => f.Needed && f.Digest is not null && f.Stat.Size <= BlobPack.MaxBlob).ToList(), options, parallel);
        await Parallel.ForEachAsync(files.Where(f => f.Needed && f.Digest is not null && f.Stat.Size is > BlobPack.MaxBlob and <= OneRequest), parallel, async (file, token) =>
            file.Take(await SendFileAsync(file.Path, file.Stat, file.Digest, options, token)));
        foreach (var file in files.Where(f => f.Needed && f.Stat.Size > OneRequest))
        {
            var began = NowNs();
            file.Take(await SendFileAsync(file.Path, file.Stat, file.Digest, options, ct));
            _digests.Put(file.Path, file.Stat, file.Digest!.Value, began);
        }
        _digests.Save();
        return files.ConvertAll(f => f.Uploaded ?? new UploadedFile(f.Path, f.Digest!.Value.ToString(), f.Stat.Size, f.Sent));
    }

    private async Task SendPacksAsync(List<FileToSend> files, UploadOptions options, ParallelOptions parallel)
    {
        var packs = new List<List<FileToSend>>();
        var size = 0L;
        foreach (var file in files)
        {
            if (packs.Count == 0 || size + file.Stat.Size > BlobPack.PreferredSize || packs[^1].Count == BlobPack.MaxBlobs)
            {
                packs.Add([]);
                size = 0;
            }
            packs[^1].Add(file);
            size += file.Stat.Size;
        }
        await Parallel.ForEachAsync(packs, parallel, async (pack, ct) =>
        {
            var body = new MemoryStream();
            foreach (var file in pack)
            {
                var content = await File.ReadAllBytesAsync(file.Path, ct);
                if (content.LongLength != file.Stat.Size || Digest.Of(content) != file.Digest) throw new IOException($"{file.Path} was changed while it was being sent. Send it again when it is finished.");
                BlobPack.Write(body, file.Digest!.Value, content);
                file.Sent = file.Stat.Size;
            }
            await PutPackAsync(body.GetBuffer().AsMemory(0, (int)body.Length), options.Project, options.Patience, ct);
            foreach (var file in pack) options.Progress?.Report(new UploadProgress(file.Path, file.Sent, file.Sent, file.Sent));
        });
    }

    private static long NowNs() => TimeProvider.System.GetUtcNow().ToUnixTimeMilliseconds() * 1_000_000;

    private sealed class FileToSend(string path, FileStat stat)
    {
        public string Path { get; } = path;
        public FileStat Stat { get; } = stat;
        public Digest? Digest { get; set; }
        public bool Needed { get; set; }
        public long Sent { get; set; }
        public UploadedFile? Uploaded { get; private set; }

        public void Take(UploadedFile uploaded) => (Uploaded, Digest, Sent) = (uploaded, Protocols.Artifacts.Digest.Parse(uploaded.Digest), uploaded.Sent);
    }
}
