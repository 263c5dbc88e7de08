using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Pilothouse.Client;
using Pilothouse.Lfs;
using Pilothouse.Protocols.Lfs;
using Pilothouse.Workspace;

namespace Pilothouse.CiRunner;

/// <summary>
/// Puts the content of LFS objects in the place of their pointers in a checkout: from the LFS storage of the repository that it was made of, else from the Pilothouse server. git-lfs need not be installed. A job never sees a
/// pointer in place of the file it asked for: an object that is nowhere is an error.
/// </summary>
internal sealed class LargeFiles(string checkout, string? repository, Uri server, string project)
{
    private const string MediaType = "application/vnd.git-lfs+json";
    private const int Batch = 100;
    private const int Parallel = 4;
    private const int MaxAnswer = 4 * 1024 * 1024;
    private const int MaxNamed = 10;

    /// <returns>How many files were put into place, and their bytes.</returns>
    /// <exception cref="IOException">An object cannot be had.</exception>
    public async Task<(int Files, long Bytes)> ResolveAsync(CancellationToken ct)
    {
        var files = await PointersAsync(ct);
        if (files.Count == 0) return (0, 0);
        var storage = repository is null ? null : await StorageAsync(repository, ct);
        var there = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var pointer in files.Select(f => f.Pointer).DistinctBy(p => p.Oid))
            if (storage is not null && await FindAsync(storage, pointer, ct) is { } path) there[pointer.Oid] = path;
        var fetched = Path.Combine(checkout, ".git", "lfs", "tmp");
        var wanted = files.Select(f => f.Pointer).DistinctBy(p => p.Oid).Where(p => !there.ContainsKey(p.Oid)).ToList();
        await FetchAsync(wanted, fetched, files, there, ct);
        foreach (var (path, pointer) in files) Place(there[pointer.Oid], Path.Combine(checkout, path));
        if (Directory.Exists(fetched)) Directory.Delete(fetched, recursive: true);
        // Without git-lfs' filter git would tell every one of them as changed.
        var paths = Encoding.UTF8.GetBytes(string.Concat(files.Select(f => f.Path + '\0')));
        if ((await GitTree.RunAsync(checkout, paths, ct, "update-index", "-z", "--assume-unchanged", "--stdin")) is { ExitCode: not 0, Error: var error }) throw new IOException($"git update-index failed: {error}");
        return (files.Count, files.Sum(f => f.Pointer.Size));
    }

    /// <summary>Files that .gitattributes gives to LFS and whose content is a pointer: a file that only looks like one is left alone, as git-lfs does.</summary>
    private async Task<List<(string Path, LfsPointer Pointer)>> PointersAsync(CancellationToken ct)
    {
        var (_, listed, _) = await GitTree.RunAsync(checkout, null, ct, "ls-files", "-z", "--cached");
        if (listed.Length == 0) return [];
        var (code, attributes, error) = await GitTree.RunAsync(checkout, listed, ct, "check-attr", "--stdin", "-z", "filter");
        if (code != 0) throw new IOException($"git check-attr failed: {error}");
        var found = new List<(string, LfsPointer)>();
        // path NUL filter NUL lfs NUL ...
        var words = Encoding.UTF8.GetString(attributes).Split('\0');
        for (var i = 0; i + 2 < words.Length; i += 3)
        {
            var file = new FileInfo(Path.Combine(checkout, words[i]));
            if (words[i + 2] != "lfs" || !file.Exists || file.LinkTarget is not null || file.Length > LfsPointer.MaxBytes) continue;
            if (LfsPointer.TryParse(await File.ReadAllBytesAsync(file.FullName, ct)) is { } pointer) found.Add((words[i], pointer));
        }
        return found;
    }

    private static async Task<string?> StorageAsync(string repository, CancellationToken ct)
    {
        var (code, output, _) = await GitTree.RunAsync(repository, null, ct, "rev-parse", "--path-format=absolute", "--git-common-dir");
        if (code != 0) return null;
        var (_, configured, _) = await GitTree.RunAsync(repository, null, ct, "config", "--get", "lfs.storage");
        var own = Encoding.UTF8.GetString(configured).Trim();
        return Path.Combine(Encoding.UTF8.GetString(output).Trim(), own.Length == 0 ? "lfs" : own, "objects");
    }

    /// <summary>A file of the storage counts when its digest is right: it may be damaged.</summary>
    private static async Task<string?> FindAsync(string storage, LfsPointer pointer, CancellationToken ct)
    {
        var path = Path.Combine(storage, pointer.Oid[..2], pointer.Oid[2..4], pointer.Oid);
        if (!File.Exists(path) || new FileInfo(path).Length != pointer.Size) return null;
        await using var content = File.OpenRead(path);
        return Convert.ToHexStringLower(await SHA256.HashDataAsync(content, ct)) == pointer.Oid ? path : null;
    }

    private async Task FetchAsync(List<LfsPointer> wanted, string folder, List<(string Path, LfsPointer Pointer)> files, Dictionary<string, string> there, CancellationToken ct)
    {
        if (wanted.Count == 0) return;
        using var http = new HttpClient { Timeout = Timeout.InfiniteTimeSpan };
        var actions = new List<(LfsPointer Pointer, LfsAction Action)>();
        var missing = new List<string>();
        foreach (var chunk in wanted.Chunk(Batch))
        {
            var answers = (await AskAsync(http, chunk, ct)).Objects.GroupBy(o => o.Oid, StringComparer.Ordinal).ToDictionary(g => g.Key, g => g.First(), StringComparer.Ordinal);
            foreach (var pointer in chunk)
            {
                if (answers.GetValueOrDefault(pointer.Oid) is { Error: null, Actions: { } offered } && offered.GetValueOrDefault("download") is { } action) actions.Add((pointer, action));
                else missing.Add($"{files.First(f => f.Pointer.Oid == pointer.Oid).Path} (object {pointer.Oid[..10]}: {answers.GetValueOrDefault(pointer.Oid)?.Error?.Message ?? "not there"})");
            }
        }
        if (missing.Count > 0)
            throw new IOException($"{missing.Count} large file(s) of the commit are not on {server.Host}: {string.Join("; ", missing.Take(MaxNamed))}{(missing.Count > MaxNamed ? "; ..." : "")}. Push them: git lfs push --all");
        var download = new AgentDownload(http, folder);
        var paths = new string[actions.Count];
        await System.Threading.Tasks.Parallel.ForAsync(0, actions.Count, new ParallelOptions { MaxDegreeOfParallelism = Parallel, CancellationToken = ct }, async (i, stop) =>
            paths[i] = await download.RunAsync(actions[i].Pointer.Oid, actions[i].Pointer.Size, actions[i].Action, _ => { }, stop));
        for (var i = 0; i < paths.Length; i++) there[actions[i].Pointer.Oid] = paths[i];
    }

    private async Task<LfsBatchAnswer> AskAsync(HttpClient http, LfsPointer[] wanted, CancellationToken ct)
    {
        var address = new Uri(server, $"git/{Uri.EscapeDataString(project)}.git/info/lfs/objects/batch");
        using var request = new HttpRequestMessage(HttpMethod.Post, address) { Content = JsonContent.Create(new LfsBatchRequest("download", ["basic"], null, [.. wanted.Select(p => new LfsObjectId(p.Oid, p.Size))], "sha256"), options: PilothouseClient.Json) };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue(MediaType);
        request.Headers.Accept.ParseAdd(MediaType);
        if (Environment.GetEnvironmentVariable("PILOTHOUSE_TOKEN") is { Length: > 0 } token) request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
        try
        {
            using var response = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, ct);
            if (!response.IsSuccessStatusCode)
                throw new IOException($"The commit has large files (Git LFS), and {address} answers {(int)response.StatusCode} {response.ReasonPhrase}{(response.StatusCode == HttpStatusCode.NotFound ? $": it has no project '{project}'" : "")}.");
            await response.Content.LoadIntoBufferAsync(MaxAnswer, ct);
            return JsonSerializer.Deserialize<LfsBatchAnswer>(await response.Content.ReadAsStringAsync(ct), PilothouseClient.Json) ?? throw new IOException("The LFS API answered nothing.");
        }
        catch (HttpRequestException e)
        {
            throw new IOException($"The commit has large files (Git LFS) that are not here, and the server {server} does not answer: {e.Message}", e);
        }
    }

    /// <summary>A copy of its own (a clone where the file system can): the job may write to it.</summary>
    private static void Place(string source, string target)
    {
        var beside = target + ".lfs-new";
        if (!Linking.TryClone(source, beside)) File.Copy(source, beside, overwrite: true);
        if (!OperatingSystem.IsWindows()) File.SetUnixFileMode(beside, File.GetUnixFileMode(target));
        File.Move(beside, target, overwrite: true);
    }
}
